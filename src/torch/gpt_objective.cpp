// SPDX-License-Identifier: Apache-2.0
#include "normdescent/torch/gpt_objective.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "normdescent/torch/gpt.hpp"
#include "normdescent/torch/module_objective.hpp"

namespace normdescent {

const char* to_string(Precision precision) {
  switch (precision) {
    case Precision::automatic: return "automatic";
    case Precision::float32: return "float32";
    case Precision::bfloat16: return "bfloat16";
  }
  return "?";
}

Precision resolve(Precision precision) { return precision == Precision::automatic ? Precision::float32 : precision; }

std::unique_ptr<Objective> make_gpt_objective(const GptShape& shape, Precision precision, GptData data,
                                              std::uint64_t seed) {
  (void)precision;
  auto shared = std::make_shared<GptData>(std::move(data));
  Gpt gpt(shape, seed);
  const Index length = shared->context + 1;
  ModuleObjective::Functions functions;
  functions.loss = [gpt, shared, length](const Batch& batch) mutable {
    auto windows = at::empty({static_cast<Index>(batch.count), length}, at::kLong);
    shared->training_windows(batch, {windows.data_ptr<std::int64_t>(), static_cast<std::size_t>(windows.numel())});
    return gpt->loss(windows);
  };
  functions.validation_loss = [gpt, shared, length]() mutable {
    const auto count = static_cast<Index>(shared->validation_windows->size()) / length;
    // from_blob wants a mutable pointer; the tensor is only read.
    auto all = at::from_blob(const_cast<std::int64_t*>(shared->validation_windows->data()), {count, length}, at::kLong);
    double total = 0.0;
    for (Index first = 0; first < count; first += shared->chunk) {
      const Index size = std::min(shared->chunk, count - first);
      total += gpt->loss(all.narrow(0, first, size)).item<double>() * static_cast<double>(size);
    }
    return at::scalar_tensor(total / static_cast<double>(count), at::kDouble);
  };
  return std::make_unique<ModuleObjective>(gpt.ptr(), std::move(functions));
}

}  // namespace normdescent
