// SPDX-License-Identifier: Apache-2.0
#include "layers.hpp"

#include <cmath>

#include "normdescent/base/philox.hpp"
#include "normdescent/libtorch/module_parameters.hpp"

namespace normdescent {
namespace {

double deviation(const ParameterInfo& info, const Initialization& how) {
  if (info.role == Role::embedding) return how.table_deviation;
  const double gain = info.role == Role::head ? how.head_gain : how.gain;
  return gain / std::sqrt(static_cast<double>(info.cols()));
}

}  // namespace

void initialize(torch::nn::Module& module, const Initialization& how, std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  std::uint64_t index = 0;
  for (const ModuleParameter& p : module_parameters(module)) {
    const std::span<float> values(p.tensor.data_ptr<float>(), static_cast<std::size_t>(p.tensor.numel()));
    if (p.info.role == Role::vector) {
      std::fill(values.begin(), values.end(), p.info.name.ends_with("gain") ? 1.0F : 0.0F);
    } else {
      Philox random(seed, index);
      const double scale = deviation(p.info, how);
      for (float& value : values) value = static_cast<float>(scale * random.normal());
    }
    ++index;
  }
}

}  // namespace normdescent
