// SPDX-License-Identifier: Apache-2.0
// Forward and backward pass of GPT-2, written out: few passes over memory, no graph, no allocation per step.
// Its reference twin is the autograd module of support/torch_gpt.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>

#include "normdescent/base/parameter.hpp"
#include "normdescent/gpt/objective.hpp"

namespace normdescent::gpt {

class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;

  /// windows: `batch` times context + 1 tokens. Mean loss in nats of the values that `parameters` held at construction;
  /// `gradient` also overwrites all gradients.
  virtual double loss(std::span<const std::int64_t> windows) = 0;
  virtual double gradient(std::span<const std::int64_t> windows) = 0;

  /// As Objective::rounded_values and trust_rounded_values; good for the next loss() or gradient().
  [[nodiscard]] virtual std::span<Bfloat16* const> rounded_values() = 0;
  virtual void trust_rounded_values() = 0;

  /// As Objective::set_gradient_listener. Layers are announced one by one, the last one first.
  void set_gradient_listener(Objective::GradientListener listener) { listener_ = std::move(listener); }

 protected:
  void announce(std::size_t first, std::size_t last) const {
    if (listener_) listener_(first, last);
  }

 private:
  Objective::GradientListener listener_;
};

/// `parameters` in the order of gpt_parameters(shape); must outlive the kernel.
[[nodiscard]] std::unique_ptr<Kernel> make_kernel(const GptShape& shape, Index context, Precision precision,
                                                  std::span<const Parameter> parameters);

}  // namespace normdescent::gpt
