// SPDX-License-Identifier: Apache-2.0
#include "normdescent/gpt/initialize.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "normdescent/base/philox.hpp"

namespace normdescent {

namespace {

/// Two normals from two words (Box-Muller); words become uniforms in (0, 1) with 32 bits.
void two_normals(std::uint32_t a, std::uint32_t b, double out[2]) {
  const double u = (static_cast<double>(a) + 0.5) * 0x1.0p-32;
  const double angle = 2.0 * std::numbers::pi * (static_cast<double>(b) + 0.5) * 0x1.0p-32;
  const double radius = std::sqrt(-2.0 * std::log(u));
  out[0] = radius * std::cos(angle);
  out[1] = radius * std::sin(angle);
}

void fill_normal(std::uint64_t seed, std::uint64_t stream, double deviation, std::span<float> values) {
  const auto blocks = static_cast<std::int64_t>((values.size() + 3) / 4);
#pragma omp parallel for schedule(static)
  for (std::int64_t block = 0; block < blocks; ++block) {
    const auto words = philox4x32(seed, static_cast<std::uint64_t>(block), stream);
    double normals[4];
    two_normals(words[0], words[1], normals);
    two_normals(words[2], words[3], normals + 2);
    const auto first = static_cast<std::size_t>(4 * block);
    const std::size_t count = std::min<std::size_t>(4, values.size() - first);
    for (std::size_t i = 0; i < count; ++i) values[first + i] = static_cast<float>(deviation * normals[i]);
  }
}

}  // namespace

void initialize_gpt_tensor(std::string_view name, Index layers, std::uint64_t seed, std::uint64_t tensor_index,
                           std::span<float> values) {
  constexpr double kDeviation = 0.02;
  if (name.ends_with(".bias")) {
    std::fill(values.begin(), values.end(), 0.0F);
  } else if (name.find("ln_") != std::string_view::npos) {
    std::fill(values.begin(), values.end(), 1.0F);
  } else {
    const bool writes_residual = name.ends_with("c_proj.weight");
    const double scale = writes_residual ? 1.0 / std::sqrt(2.0 * static_cast<double>(layers)) : 1.0;
    fill_normal(seed, tensor_index, kDeviation * scale, values);
  }
}

}  // namespace normdescent
