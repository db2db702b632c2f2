// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/report_json.hpp"

#include <cmath>

namespace normdescent::probe_detail {

OrderedJson because(const std::string& reason) { return reason.empty() ? OrderedJson(nullptr) : OrderedJson(reason); }

OrderedJson number(double value) { return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr); }

OrderedJson estimate_json(const Estimate& estimate) {
  return {{"value", number(estimate.value)}, {"se", number(estimate.standard_error)}};
}

OrderedJson noise_json(const SampledNoise& noise) {
  return {{"noise_l1", estimate_json(noise.l1)},
          {"noise_l2", estimate_json(noise.l2)},
          {"noise_density", estimate_json(noise.density)},
          {"gradient_l2_squared", estimate_json(noise.gradient_l2_squared)},
          {"gradient_l1", estimate_json(noise.gradient_l1)},
          {"gradient_density", estimate_json(noise.gradient_density)},
          {"sign_agreement", estimate_json(noise.sign_agreement)},
          {"because", because(noise.reason)}};
}

OrderedJson spectral_json(const MatrixNoise& noise) {
  if (noise.count == 0) return nullptr;
  return {{"nuclear", estimate_json({noise.nuclear, noise.nuclear_error})},
          {"density", estimate_json({noise.density, noise.density_error})},
          {"stable_rank", estimate_json({noise.stable_rank, noise.stable_rank_error})},
          {"micro_batches", noise.count}};
}

OrderedJson invariance_json(const BatchInvariance& invariance) {
  if (invariance.factor == 0) return {{"factor", nullptr}, {"ratio", nullptr}, {"because", invariance.reason}};
  return {{"factor", invariance.factor},
          {"ratio", estimate_json(invariance.ratio)},
          {"is_violated", invariance.is_violated()},
          {"because", nullptr}};
}

OrderedJson tails_json(const TailComparison& tails) {
  const auto index = [](bool measured, const Estimate& alpha) {
    return measured ? estimate_json(alpha) : OrderedJson(nullptr);
  };
  return {{"hill", index(tails.hill.exceedances > 0, tails.hill.alpha)},
          {"hill_exceedances", tails.hill.exceedances},
          {"moment_growth", index(tails.growth.samples > 0, tails.growth.alpha)},
          {"disagree", tails.disagree},
          {"sentence", tails.sentence}};
}

OrderedJson fit_json(const AffineFit& fit) {
  if (!fit.reason.empty() || fit.points == 0) {
    return {{"points", fit.points}, {"constant", nullptr}, {"slope", nullptr}, {"because", because(fit.reason)}};
  }
  return {{"points", fit.points},
          {"constant", estimate_json(fit.constant)},
          {"slope", estimate_json(fit.slope)},
          {"envelope", number(fit.envelope)},
          {"log_correlation", number(fit.log_correlation)},
          {"because", nullptr}};
}

}  // namespace normdescent::probe_detail
