// SPDX-License-Identifier: Apache-2.0
// Bugs that were shipped by public implementations, a to w as in docs/conformance.md. Each test asks a claim three
// times: of Optimizer and of the plain reference, which must satisfy it, and of the reference with the bug, which must
// not. Claims that do not concern one optimizer only are asked of the whole catalog.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/rules/pieces.hpp"
#include "optimizers/claims.hpp"
#include "optimizers/plain_directions.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

using namespace conformance;
using Claim = Fault (*)(const Maker&, const OptimizerSpec&);

void expect_caught(const Claim& claim, const OptimizerSpec& spec, Bug bug) {
  EXPECT_EQ(claim(ours, spec), "") << spec.name;
  EXPECT_EQ(claim(plain(), spec), "") << spec.name << ", plain: the claim asks too much";
  EXPECT_NE(claim(plain(bug), spec), "") << spec.name << ": the bug passed";
}

// Every optimizer of the catalog, with momentum 0.9 where that is an option, and exact msign.
std::vector<OptimizerSpec> catalog() {
  std::vector<OptimizerSpec> specs;
  for (const auto& info : optimizer_catalog()) {
    std::map<std::string, std::string> options;
    for (const auto& option : info.options) {
      if (option.name == "beta") options["beta"] = "0.9";
      if (option.name == "method") options["method"] = "svd";
    }
    specs.push_back(make_optimizer(info.name, options));
  }
  return specs;
}

void expect_of_catalog(const Claim& claim) {
  for (const auto& spec : catalog()) EXPECT_EQ(claim(ours, spec), "") << spec.name;
}

bool has_momentum(const OptimizerSpec& spec) { return !std::holds_alternative<Raw>(spec.fallback.estimator); }

OptimizerSpec muon_by(ShapeScale scale, Orientation orientation = Orientation::out_in) {
  return muon({.learning_rate = 0.5,
               .beta = 0.9,
               .method = "svd",
               .shape_scale = scale,
               .common = {.orientation = orientation}});
}

TEST(BugA, MomentumIsNotResetInEveryStep) {
  for (const auto& spec : {sgd({.beta = 0.9}), signum(), lion(), adamw(), muon({.method = "svd"}),
                           normalized_sgd({.beta = 0.9}), mars_lion(), lionmuon({.method = "svd"})}) {
    expect_caught(remembers_gradients, spec, Bug::momentum_reset);
  }
  for (const auto& spec : catalog()) {
    if (!has_momentum(spec)) continue;
    EXPECT_EQ(remembers_gradients(ours, spec), "") << spec.name;
  }
  // The one without momentum has nothing to reset.
  EXPECT_NE(remembers_gradients(ours, signsgd()), "");
}

TEST(BugB, DecayIsNotIgnored) {
  for (const auto& spec : {sgd(), sgd({.beta = 0.9}), muon({.method = "svd"}), lion()}) {
    expect_caught(decay_multiplies_the_weights, spec, Bug::decay_ignored);
  }
  for (const auto& spec : catalog()) {
    if (spec.fallback.decay_form != DecayForm::constrained) {
      EXPECT_EQ(decay_multiplies_the_weights(ours, spec), "") << spec.name;
    }
  }
}

// Signs of sums that cancel show every rounding: b <- beta b + g is zero, in this order without fusing, for g = -beta
// b.
Fault cancelled_momentum_is_no_step(const Maker& make, const OptimizerSpec& spec) {
  ParameterBuffer<double> buffer({{.name = "w", .shape = {1000}}});
  const auto subject = make(spec, {buffer.parameters()[0].info});
  fill_normal(buffer.gradients(), 5);
  subject->step(buffer.parameters());
  const auto after_first = copy(buffer.values());
  for (double& g : buffer.gradients()) g = -(0.9 * g);
  subject->step(buffer.parameters());
  return copy(buffer.values()) == after_first ? Fault{} : "a rounding error became a step";
}

TEST(BugC, RoundingDoesNotBecomeASign) {
  expect_caught(cancelled_momentum_is_no_step,
                signum({.beta = 0.9, .average = {.momentum_form = MomentumForm::heavy_ball}}), Bug::momentum_fused);
}

TEST(BugD, MsignDoesNotWriteTheMomentum) {
  for (const auto& spec : {muon({.method = "svd"}), muonlight({.method = "svd"}), scion({.method = "svd"})}) {
    expect_caught(momentum_is_the_average_of_gradients, spec, Bug::momentum_written_by_msign);
  }
  // In place only where the estimate may be overwritten: with the methods that iterate, too.
  for (const char* method : {"halley", "jordan", "polar-express"}) {
    EXPECT_EQ(momentum_is_the_average_of_gradients(ours, muon({.method = method})), "") << method;
  }
}

TEST(BugE, DecayIsNotAppliedTwice) {
  for (const auto& spec : {adamw(), muon({.method = "svd"}), signum()}) {
    expect_caught(decay_multiplies_the_weights, spec, Bug::decay_twice);
  }
}

TEST(BugF, NoOptimizerIsReplacedByAnother) {
  for (const auto& spec :
       {muon({.method = "svd"}), muonlight({.method = "svd"}), scion({.method = "svd"}), row_normalized_sgd()}) {
    expect_caught(first_step_is_a_unit_of_its_norm, spec, Bug::replaced_by_adamw);
  }
  expect_of_catalog(first_step_is_a_unit_of_its_norm);
}

TEST(BugG, MsignIsTakenOnceAStepAndNotOfMicroBatches) {
  for (const auto& spec : {muon({.method = "svd"}), lionmuon({.period = 1, .method = "svd"})}) {
    EXPECT_EQ(micro_batches_add_up_to_one_step(ours, spec), "");
  }
  expect_caught(micro_batches_add_up_to_one_step, muon({.method = "svd"}), Bug::msign_of_micro_batches);
}

TEST(BugH, MomentumDoesNotStartFromTheWeights) {
  for (const auto& spec : {signum(), sgd({.beta = 0.9}), lion()}) {
    expect_caught(first_step_does_not_see_the_weights, spec, Bug::momentum_from_weights);
  }
  expect_of_catalog(first_step_does_not_see_the_weights);
}

// The size of one step, from formulas written here. `where` picks a matrix whose shape shows the bug.
template <int where>
Fault scale_is_as_documented(const Maker& make, const OptimizerSpec& spec) {
  const ParameterInfo matrix{.name = "w",
                             .shape = where == 0 ? std::vector<Index>{8, 3, 2, 2} : std::vector<Index>{12, 3},
                             .role = Role::matrix};
  const bool is_out_in = spec.recipe_for(matrix).orientation == Orientation::out_in;
  const double out = is_out_in ? static_cast<double>(matrix.rows()) : static_cast<double>(matrix.cols());
  const double in = is_out_in ? static_cast<double>(matrix.cols()) : static_cast<double>(matrix.rows());
  double expected = 1.0;
  switch (spec.recipe_for(matrix).shape_scale) {
    case ShapeScale::none: break;
    case ShapeScale::sqrt_max_one: expected = std::sqrt(std::max(1.0, out / in)); break;
    case ShapeScale::match_adamw_rms: expected = 0.2 * std::sqrt(std::max(out, in)); break;
    case ShapeScale::sqrt_out_over_in: expected = std::sqrt(out / in); break;
    case ShapeScale::sqrt_max: expected = std::sqrt(std::max(out, in)); break;
    case ShapeScale::one_over_in: expected = 1.0 / in; break;
    case ShapeScale::sqrt_out: expected = std::sqrt(out); break;
    case ShapeScale::one_over_sqrt_in: expected = 1.0 / std::sqrt(in); break;
  }
  const double size = first_step_size(make, spec, matrix);
  return std::abs(size - expected) <= 1e-12 * expected
             ? Fault{}
             : "size " + std::to_string(size) + ", must be " + std::to_string(expected);
}

TEST(BugI, AConvolutionIsScaledByItsOutputsAndInputs) {
  for (const ShapeScale scale : {ShapeScale::match_adamw_rms, ShapeScale::sqrt_out_over_in}) {
    expect_caught(scale_is_as_documented<0>, muon_by(scale), Bug::scale_of_kernel);
  }
}

TEST(BugJ, ScaleOptionsMeanWhatTheySay) {
  for (const ShapeScale scale : {ShapeScale::sqrt_max_one, ShapeScale::match_adamw_rms}) {
    expect_caught(scale_is_as_documented<1>, muon_by(scale), Bug::scale_inverted);
  }
  using enum ShapeScale;
  for (const ShapeScale scale :
       {none, sqrt_max_one, match_adamw_rms, sqrt_out_over_in, sqrt_max, one_over_in, sqrt_out, one_over_sqrt_in}) {
    EXPECT_EQ(scale_is_as_documented<1>(ours, muon_by(scale)), "") << to_string(scale);
  }
}

TEST(BugK, OrientationIsNotAssumed) {
  for (const ShapeScale scale : {ShapeScale::sqrt_max_one, ShapeScale::sqrt_out_over_in}) {
    EXPECT_EQ(scale_is_as_documented<1>(ours, muon_by(scale)), "");
    expect_caught(scale_is_as_documented<1>, muon_by(scale, Orientation::in_out), Bug::orientation_ignored);
  }
}

TEST(BugL, NesterovLooksAheadAndLeavesTheGradientAlone) {
  for (const auto& spec :
       {sgd({.beta = 0.9, .nesterov = true}), signum({.nesterov = true}), muonlight({.method = "svd"})}) {
    expect_caught(gradients_are_only_read, spec, Bug::nesterov_in_gradient);
    expect_caught([](const Maker& make, const OptimizerSpec& s) { return follows_the_plain_reference(make, s); }, spec,
                  Bug::nesterov_old_momentum);
  }
  expect_of_catalog(gradients_are_only_read);
}

TEST(BugM, DecayIsAFactorAndNotSubtracted) {
  for (const auto& spec : {sgd(), signum()}) {
    expect_caught(decay_multiplies_the_weights, spec, Bug::decay_subtracted);
  }
}

TEST(BugN, LionsBetasAreNotSwapped) {
  expect_caught(momentum_is_the_average_of_gradients, lion(), Bug::lion_betas_swapped);
  expect_caught([](const Maker& make, const OptimizerSpec& s) { return follows_the_plain_reference(make, s); }, lion(),
                Bug::lion_betas_swapped);
}

TEST(BugO, LionsDecayIsNotCoupled) {
  for (const auto& spec : {lion(), signsgd(), adamw()}) {
    expect_caught(decay_multiplies_the_weights, spec, Bug::decay_coupled);
  }
}

TEST(BugP, OverflowDoesNotPoisonTheMomentum) {
  for (const auto& spec : {signum(), sgd({.beta = 0.9}), muon({.method = "svd"})}) {
    expect_caught(overflow_leaves_no_trace, spec, Bug::overflow_in_momentum);
  }
  expect_of_catalog(overflow_leaves_no_trace);
}

TEST(BugQ, ResumingDoesNotDiffer) {
  expect_caught(resumes_with_the_same_bits, adamw(), Bug::resumes_without_steps);
  expect_caught(resumes_with_the_same_bits, lionmuon({.method = "svd"}), Bug::resumes_without_steps);
  expect_caught(resumes_with_the_same_bits, signum(), Bug::resumes_without_momentum);
  expect_of_catalog(resumes_with_the_same_bits);
}

// CUDA graphs replay what they captured; what can be said without a device is that no step depends on an earlier one's
// memory.
TEST(BugR, GradientsAreReadAnewInEveryStep) {
  for (const auto& spec : {sgd(), signum(), muon({.method = "svd"})}) {
    expect_caught(step_uses_the_gradient_of_this_step, spec, Bug::gradient_frozen);
  }
}

// Pieces of a tensor of 5e9 entries, without its memory. A 32-bit offset comes back to the start.
TEST(BugS, OffsetsBeyond32BitsAreNotLost) {
  constexpr Index kEntries = 5'000'000'000;
  Index covered = 0;
  Index covered_by_32_bits = 0;
  Index last = 0;
  rules::for_each_piece(
      1, [](std::size_t) { return kEntries; },
      [&](std::size_t /*array*/, Index first, Index count) {
        const auto narrow = static_cast<Index>(static_cast<std::int32_t>(static_cast<std::uint32_t>(first)));
#pragma omp critical
        {
          covered += count;
          last = std::max(last, first + count);
          covered_by_32_bits += narrow == first ? count : 0;
        }
      });
  EXPECT_EQ(covered, kEntries);
  EXPECT_EQ(last, kEntries);
  EXPECT_LT(covered_by_32_bits, kEntries) << "the test must tell";
  const ParameterInfo huge{.name = "w", .shape = {70000, 70000}, .role = Role::matrix};
  EXPECT_EQ(huge.size(), Index{4'900'000'000});
  EXPECT_EQ(matrix_shape({.row_blocks = 7}, huge).rows, 10000);
  EXPECT_DOUBLE_EQ(shape_scale(ShapeScale::sqrt_max, huge.rows(), huge.cols()), std::sqrt(70000.0));
}

TEST(BugT, ZeroGradientsAreNoStepAndNoNaN) {
  for (const Scope scope : {Scope::global, Scope::per_tensor}) {
    expect_caught(zero_gradients_are_no_step, normalized_sgd({.scope = scope}), Bug::zero_over_zero);
  }
  expect_of_catalog(zero_gradients_are_no_step);
  for (const char* method : {"halley", "jordan", "polar-express"}) {
    EXPECT_EQ(zero_gradients_are_no_step(ours, muon({.method = method})), "") << method;
  }
}

// Shards and tensors: what a norm is taken over is part of the method.
TEST(BugU, NormsAreTakenOverWhatTheOptionSays) {
  const auto follows = [](const Maker& make, const OptimizerSpec& s) { return follows_the_plain_reference(make, s); };
  expect_caught(follows, normalized_sgd({.scope = Scope::global}), Bug::norm_of_tensors);
  expect_caught(follows, adagrad_norm({.scope = Scope::global}), Bug::norm_of_tensors);
  expect_caught(follows, sgd({.common = {.clip_norm = 0.5}}), Bug::norm_of_tensors);
  expect_caught(first_step_is_a_unit_of_its_norm, muon({.method = "svd"}), Bug::msign_of_shards);
  EXPECT_NE(follows(plain(Bug::msign_of_shards), muon({.method = "svd"})), "");
}

TEST(BugU, ElementwiseStepsDoNotSeeShards) {
  // The same coordinates as one tensor or as two: the same bits for elementwise rules, another step for norms.
  const auto end = [](const OptimizerSpec& spec, const std::vector<ParameterInfo>& infos) {
    ParameterBuffer<double> buffer(infos);
    Optimizer<double> optimizer(spec, infos);
    for (std::uint64_t t = 0; t < 3; ++t) {
      fill_normal(buffer.gradients(), 6, t);
      optimizer.step(buffer.parameters());
    }
    return copy(buffer.values());
  };
  const std::vector<ParameterInfo> whole{{.name = "w", .shape = {6, 4}, .role = Role::matrix}};
  const std::vector<ParameterInfo> shards{{.name = "w.0", .shape = {3, 4}, .role = Role::matrix},
                                          {.name = "w.1", .shape = {3, 4}, .role = Role::matrix}};
  for (const auto& spec : {sgd({.beta = 0.9}), signum(), lion(), adamw(), adagrad()}) {
    EXPECT_EQ(end(spec, whole), end(spec, shards)) << spec.name;
  }
  for (const auto& spec : {muon(), normalized_sgd({.scope = Scope::per_tensor}), mars_lion()}) {
    EXPECT_NE(end(spec, whole), end(spec, shards)) << spec.name;
  }
}

TEST(BugV, CorrectionsDoNotOverwriteTheMomentum) {
  for (const auto& spec : {signum({.average = {.correction = CorrectionKind::mars}}),
                           muon({.method = "svd", .average = {.correction = CorrectionKind::mars, .gamma = 0.5}})}) {
    expect_caught(momentum_is_the_average_of_gradients, spec, Bug::momentum_written_by_correction);
  }
}

TEST(BugW, NoStepIsTakenWithTheGradientOfTheStepBefore) {
  for (const auto& spec : {muon({.method = "svd"}), signsgd(), adamw()}) {
    expect_caught(step_uses_the_gradient_of_this_step, spec, Bug::gradient_late);
  }
  expect_of_catalog(step_uses_the_gradient_of_this_step);
}

}  // namespace
}  // namespace normdescent
