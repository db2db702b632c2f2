// SPDX-License-Identifier: Apache-2.0
// Every optimizer of the catalog as a torch::optim::Optimizer: works with LibTorch's learning-rate schedulers,
// torch::save and torch::load. The arithmetic is that of Optimizer<float>, bit for bit.
#pragma once

#include <torch/optim/optimizer.h>

#include <optional>
#include <utility>
#include <vector>

#include "normdescent/libtorch/module_parameters.hpp"
#include "normdescent/libtorch/tensor_optimizer.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent::optim {

/// The learning rate of a parameter group: what schedulers read and write.
class GroupOptions : public torch::optim::OptimizerCloneableOptions<GroupOptions> {
 public:
  explicit GroupOptions(double learning_rate) : learning_rate_(learning_rate) {}
  [[nodiscard]] double get_lr() const override { return learning_rate_; }
  void set_lr(const double learning_rate) override { learning_rate_ = learning_rate; }

 private:
  double learning_rate_;
};

/// Parameters with a learning rate, and where wanted other options, of their own:
///   {.parameters = biases, .learning_rate = 1e-3, .spec = adamw({.decoupled_decay = 0.0})}
struct ParameterGroup {
  std::vector<ModuleParameter> parameters;
  std::optional<double> learning_rate{};  ///< instead of the spec's
  std::optional<OptimizerSpec> spec{};    ///< instead of the optimizer's
};

/// Runs an OptimizerSpec on parameters of a module; what tensors may be is said at TensorOptimizer.
///
/// The learning rate of a group stands for its spec's first rule (the first route, or the fallback); the others keep
/// their ratio to it. Tensors without gradient are skipped.
/// A step with a NaN or infinite gradient changes nothing and says so in last_report().
/// Throws    std::invalid_argument naming the parameter for a tensor that does not fit, at construction and in step().
class SpecOptimizer : public torch::optim::Optimizer {
 public:
  SpecOptimizer(const torch::nn::Module& module, const OptimizerSpec& spec, const RoleOverrides& roles = {});
  SpecOptimizer(std::vector<ParameterGroup> groups, OptimizerSpec spec);

  /// To be used instead of LibTorch's add_param_group, which knows neither names nor roles.
  void add_group(const ParameterGroup& group);
  /// Other options for a group, e.g. another decay, with its state and its learning rate kept.
  void set_spec(std::size_t group, const OptimizerSpec& spec);

  torch::Tensor step(LossClosure closure = nullptr) override;

  [[nodiscard]] const StepReport& last_report() const { return report_; }
  [[nodiscard]] std::vector<ParameterPlan> explain() const;
  /// What was really done with each parameter; update_rms and momentum_cosine after measure_next_step() and a step.
  [[nodiscard]] std::vector<ParameterCounters> counters() const { return engine_.counters(); }
  void measure_next_step() { engine_.measure_next_step(); }

  /// Everything needed to continue bit-equally, learning rates included.
  [[nodiscard]] StateDict state_dict() const;
  /// Throws std::invalid_argument, with nothing changed, for a state of other groups or another optimizer.
  void load_state_dict(const StateDict& state);
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

 private:
  [[nodiscard]] std::vector<double> scales() const;

  OptimizerSpec spec_;
  TensorOptimizer engine_;
  StepReport report_;
};

/// SpecOptimizer with the options of a named optimizer: optim::Muon(*model, {.learning_rate = 2e-3}).
template <class Options, auto make_spec>
class NamedOptimizer : public SpecOptimizer {
 public:
  explicit NamedOptimizer(const torch::nn::Module& module, const Options& options = {}, const RoleOverrides& roles = {})
      : SpecOptimizer(module, make_spec(options), roles) {}
  NamedOptimizer(std::vector<ParameterGroup> groups, const Options& options)
      : SpecOptimizer(std::move(groups), make_spec(options)) {}
};

using Sgd = NamedOptimizer<SgdOptions, &sgd>;
using NormalizedSgd = NamedOptimizer<NormalizedSgdOptions, &normalized_sgd>;
using SignSgd = NamedOptimizer<SignSgdOptions, &signsgd>;
using Signum = NamedOptimizer<SignumOptions, &signum>;
using Lion = NamedOptimizer<LionOptions, &lion>;
using AdamW = NamedOptimizer<AdamWOptions, &adamw>;
using RowNormalizedSgd = NamedOptimizer<RowNormalizedSgdOptions, &row_normalized_sgd>;
using AdaGrad = NamedOptimizer<AdaGradOptions, &adagrad>;
using AdaGradNorm = NamedOptimizer<AdaGradNormOptions, &adagrad_norm>;
using MarsLion = NamedOptimizer<MarsLionOptions, &mars_lion>;
using MarsAdamW = NamedOptimizer<MarsAdamWOptions, &mars_adamw>;
using Scion = NamedOptimizer<ScionOptions, &scion>;
using ScionConstrained = NamedOptimizer<ScionOptions, &scion_constrained>;
using LionMuon = NamedOptimizer<LionMuonOptions, &lionmuon>;
using Asgo = NamedOptimizer<AsgoOptions, &asgo>;
using Shampoo = NamedOptimizer<ShampooOptions, &shampoo>;
using Muon = NamedOptimizer<MuonOptions, &muon>;
using Muonlight = NamedOptimizer<MuonOptions, &muonlight>;

}  // namespace normdescent::optim
