// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/noise.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <string>

#include "normdescent/base/multiversion.hpp"

namespace normdescent {
namespace {

// Work is cut into blocks whose partial results are added in order, so that sums do not depend on the thread count.
constexpr Index kBlock = Index{1} << 16;

NORMDESCENT_MULTIVERSION
void welford(const float* gradient, float inverse_count, float* mean, float* squared_deviations, Index n) {
  for (Index i = 0; i < n; ++i) {
    const float delta = gradient[i] - mean[i];
    mean[i] += delta * inverse_count;
    squared_deviations[i] += delta * (gradient[i] - mean[i]);
  }
}

// Octaves of the variance: the exponent bits of a float.
constexpr std::size_t kOctaves = 256;
struct Octave {
  double mean_l1 = 0.0;          // sum |gbar_i|
  double mean_squared = 0.0;     // sum gbar_i^2
  double deviations = 0.0;       // sum M2_i
  double root_deviations = 0.0;  // sum M2_i^(1/2)
};

// NaN and Inf land in the last octave and spread from there into the sums: a report of NaN, not a silent number.
void accumulate_octaves(const float* mean, const float* squared_deviations, Index n,
                        std::array<Octave, kOctaves>& octaves) {
  for (Index i = 0; i < n; ++i) {
    const float deviation = squared_deviations[i];
    // The square root halves the exponent: two octaves of the variance are one of sigma.
    const auto bits = std::bit_cast<std::uint32_t>(deviation);
    Octave& octave = octaves[(bits >> 24U) & 0x7FU];
    const double m = mean[i];
    octave.mean_l1 += std::abs(m);
    octave.mean_squared += m * m;
    octave.deviations += deviation;
    octave.root_deviations += std::sqrt(deviation);
  }
}

Index count_silent(const float* squared_deviations, Index n) {
  Index silent = 0;
  for (Index i = 0; i < n; ++i) silent += squared_deviations[i] == 0.0F ? 1 : 0;
  return silent;
}

double corrected_density(double l1_plug_in, double l2_squared, Index dimension, double c4_of_count) {
  if (dimension == 0 || l2_squared == 0.0) return 0.0;
  const double plug_in = l1_plug_in * l1_plug_in / (static_cast<double>(dimension) * l2_squared);
  return std::min(1.0, plug_in / (c4_of_count * c4_of_count));
}

}  // namespace

NoiseAccumulator::NoiseAccumulator(std::span<const Parameter> parameters) {
  sizes_.reserve(parameters.size());
  for (const Parameter& p : parameters) sizes_.push_back(static_cast<Index>(p.value.size()));
  const auto total = static_cast<std::size_t>(dimension(parameters));
  mean_.resize(total);
  squared_deviations_.resize(total);
}

void NoiseAccumulator::add(std::span<const Parameter> parameters) {
  ++count_;
  const float inverse_count = 1.0F / static_cast<float>(count_);
  Index offset = 0;
  for (std::size_t t = 0; t < sizes_.size(); ++t) {
    const Index n = sizes_[t];
    if (!parameters[t].gradient.empty()) {
      const float* gradient = parameters[t].gradient.data();
      const Index blocks = (n + kBlock - 1) / kBlock;
#pragma omp parallel for schedule(static) if (blocks > 1)
      for (Index b = 0; b < blocks; ++b) {
        const Index first = b * kBlock;
        welford(gradient + first, inverse_count, mean_.data() + offset + first,
                squared_deviations_.data() + offset + first, std::min(kBlock, n - first));
      }
    }
    offset += n;
  }
}

std::vector<NoiseSummary> NoiseAccumulator::summaries() const {
  std::vector<NoiseSummary> result(sizes_.size());
  if (count_ < 2) return result;
  const double k = static_cast<double>(count_);
  const double correction = c4(count_);
  std::vector<Index> offsets(sizes_.size(), 0);
  for (std::size_t t = 1; t < sizes_.size(); ++t) offsets[t] = offsets[t - 1] + sizes_[t - 1];
  const auto tensors = static_cast<Index>(sizes_.size());
#pragma omp parallel for schedule(dynamic)
  for (Index tensor = 0; tensor < tensors; ++tensor) {
    const auto t = static_cast<std::size_t>(tensor);
    std::array<Octave, kOctaves> octaves{};
    accumulate_octaves(mean_.data() + offsets[t], squared_deviations_.data() + offsets[t], sizes_[t], octaves);
    double deviations = 0.0;
    double root_deviations = 0.0;
    double mean_squared = 0.0;
    double gradient_l1 = 0.0;
    for (const Octave& octave : octaves) {
      deviations += octave.deviations;
      root_deviations += octave.root_deviations;
      mean_squared += octave.mean_squared;
      if (octave.mean_squared > 0.0) {
        const double signal = std::max(0.0, octave.mean_squared - octave.deviations / (k * (k - 1.0)));
        gradient_l1 += octave.mean_l1 * std::sqrt(signal / octave.mean_squared);
      }
    }
    NoiseSummary& s = result[t];
    s.count = count_;
    s.dimension = sizes_[t];
    const double l2_squared = deviations / (k - 1.0);
    const double l1_plug_in = root_deviations / std::sqrt(k - 1.0);
    s.l1 = l1_plug_in / correction;
    s.l2 = std::sqrt(l2_squared);
    s.density = corrected_density(l1_plug_in, l2_squared, s.dimension, correction);
    s.gradient_l2_squared = mean_squared - l2_squared / k;
    s.gradient_l1 = gradient_l1;
    s.silent = count_silent(squared_deviations_.data() + offsets[t], sizes_[t]);
  }
  return result;
}

NoiseSummary NoiseAccumulator::total() const { return combine(summaries()); }

NoiseSummary combine(std::span<const NoiseSummary> parts) {
  NoiseSummary total;
  double l2_squared = 0.0;
  for (const NoiseSummary& part : parts) {
    total.count = std::max(total.count, part.count);
    total.dimension += part.dimension;
    total.l1 += part.l1;
    l2_squared += part.l2 * part.l2;
    total.gradient_l2_squared += part.gradient_l2_squared;
    total.gradient_l1 += part.gradient_l1;
    total.silent += part.silent;
  }
  total.l2 = std::sqrt(l2_squared);
  // The parts' l1 norms carry 1 / c4 already, so their square carries 1 / c4^2.
  total.density = corrected_density(total.l1, l2_squared, total.dimension, 1.0);
  return total;
}

NoiseSummary scaled_to_batch(NoiseSummary noise, double from_batch, double to_batch, double p) {
  if (!(from_batch >= 1.0))
    throw std::invalid_argument("from_batch = " + std::to_string(from_batch) + ", must be >= 1");
  if (!(to_batch >= 1.0)) throw std::invalid_argument("to_batch = " + std::to_string(to_batch) + ", must be >= 1");
  if (!(p > 1.0 && p <= 2.0)) throw std::invalid_argument("p = " + std::to_string(p) + ", must be in (1, 2]");
  const double factor = std::pow(from_batch / to_batch, (p - 1.0) / p);
  noise.l1 *= factor;
  noise.l2 *= factor;
  return noise;
}

double streaming_standard_error(std::span<const double> running, std::span<const std::int64_t> counts) {
  const std::size_t groups = std::min(running.size(), counts.size());
  if (groups < 3) return 0.0;
  const double n = static_cast<double>(counts[groups - 1]);
  const double overall = running[groups - 1];
  double spread = 0.0;
  double previous_sum = 0.0;
  double previous_count = 0.0;
  for (std::size_t j = 0; j < groups; ++j) {
    const double count = static_cast<double>(counts[j]);
    const double size = count - previous_count;
    const double own = (count * running[j] - previous_sum) / size;
    spread += size * (own - overall) * (own - overall);
    previous_sum = count * running[j];
    previous_count = count;
  }
  // Weighted variance of a group mean, divided by the number of groups.
  return std::sqrt(spread / (n * static_cast<double>(groups - 1)));
}

}  // namespace normdescent
