// SPDX-License-Identifier: Apache-2.0
// TensorOptimizer as a class that torch knows by name: torch.classes.normdescent.TensorOptimizer. Its types are those
// that a schema can hold; python/normdescent makes torch.optim.Optimizers of it.
#pragma once

#include <torch/custom_class.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "normdescent/torch/tensor_optimizer.hpp"

namespace normdescent {

class OptimizerClass : public torch::CustomClassHolder {
 public:
  using Options = c10::Dict<std::string, std::string>;
  using State = std::tuple<c10::Dict<std::string, at::Tensor>, c10::Dict<std::string, std::string>>;
  /// name, shape, role, recipe, correction, clip norm, estimator, direction, shape scale, radius, learning rate, decay,
  /// state buffers
  using Plan = std::tuple<std::string, std::vector<std::int64_t>, std::string, std::string, std::string, double,
                          std::string, std::string, double, double, double, std::string, std::int64_t>;
  /// name, recipe, steps, orthogonalizations, update RMS, cosine to the momentum
  using Counters = std::tuple<std::string, std::string, std::int64_t, std::int64_t, double, double>;
  /// first parameter whose gradient is not finite or "", whether the run has stopped, the smallest clip factor
  using Report = std::tuple<std::string, bool, double>;

  /// `name` is one of the catalog.
  explicit OptimizerClass(std::string name);

  /// Options as texts, as make_optimizer takes them, without learning_rate: step() takes it.
  void add_group(const std::vector<std::string>& names, const std::vector<std::string>& roles,
                 const std::vector<at::Tensor>& tensors, const Options& options);
  void set_options(std::int64_t group, const Options& options);
  /// Steps with one learning rate a group. `callback`, if not 0, is the address of an `int()` that computes the
  /// gradients and returns 0, or something else if it failed: schemas have no type for functions.
  Report step(const std::vector<double>& learning_rates, std::int64_t callback);
  [[nodiscard]] std::vector<Plan> explain(const std::vector<double>& learning_rates) const;
  [[nodiscard]] std::vector<Counters> counters() const;
  void measure_next_step() { engine_.measure_next_step(); }
  [[nodiscard]] State state() const;
  void load_state(const c10::Dict<std::string, at::Tensor>& tensors,
                  const c10::Dict<std::string, std::string>& metadata);

 private:
  std::string name_;
  TensorOptimizer engine_;
};

}  // namespace normdescent
