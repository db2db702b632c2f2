// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/learning_rate.hpp"

#include <algorithm>
#include <stdexcept>

#include "domain.hpp"
#include "normdescent/base/nearest_name.hpp"

namespace normdescent {
namespace {

// eta times what the convention multiplies a step with.
double scale_of(const LearningRateConvention& convention, Index fan_out, Index fan_in) {
  return convention.factor * shape_scale(convention.shape_scale, fan_out, fan_in);
}

// What eta lambda is multiplied by.
double decay_scale_of(const LearningRateConvention& convention, Index fan_out, Index fan_in) {
  return convention.decay_form == DecayForm::scaled ? scale_of(convention, fan_out, fan_in) : 1.0;
}

}  // namespace

std::span<const LearningRateConvention> learning_rate_conventions() {
  using enum ShapeScale;
  static const std::vector<LearningRateConvention> all{
      {"none", none, 1.0, DecayForm::decoupled, "no shape scale"},
      {"jordan", sqrt_max_one, 1.0, DecayForm::decoupled, "Muon, torch.optim.Muon's \"original\""},
      {"moonlight", match_adamw_rms, 1.0, DecayForm::decoupled,
       "Moonlight, Muonlight, torch.optim.Muon's \"match_rms_adamw\"; the default here"},
      {"spectral", sqrt_out_over_in, 1.0, DecayForm::decoupled, "Scion, Dion, unit_rms"},
      {"sqrt-max", sqrt_max, 1.0, DecayForm::decoupled, "sqrt(max(m, n)): the rate is the RMS of a step"},
      {"moonlight-scaled-decay", match_adamw_rms, 1.0, DecayForm::scaled,
       "as moonlight, but the scaled rate also multiplies the decay"},
  };
  return all;
}

const LearningRateConvention& learning_rate_convention(std::string_view name) {
  const auto all = learning_rate_conventions();
  const auto found = std::ranges::find(all, name, &LearningRateConvention::name);
  if (found != all.end()) return *found;
  std::vector<std::string> names;
  for (const auto& convention : all) names.push_back(convention.name);
  const auto nearest = nearest_name(name, names);
  throw std::invalid_argument("no learning-rate convention " + std::string(name) +
                              (nearest ? "; did you mean " + *nearest + "?" : "") +
                              " (known: " + optimizers::join(names) + ")");
}

RateAndDecay convert_lr(const RateAndDecay& given, const LearningRateConvention& from, const LearningRateConvention& to,
                        Index fan_out, Index fan_in) {
  optimizers::Problems problems("convert_lr");
  problems.check("learning_rate", given.learning_rate, optimizers::kNonNegative);
  problems.check("decoupled_decay", given.decoupled_decay, optimizers::kNonNegative);
  if (fan_out < 1 || fan_in < 1) {
    problems.add("shape = " + std::to_string(fan_out) + " x " + std::to_string(fan_in) + ", must be positive");
  }
  problems.throw_if_any();
  const double rates = scale_of(from, fan_out, fan_in) / scale_of(to, fan_out, fan_in);  // eta_to / eta_from
  const double decays = decay_scale_of(from, fan_out, fan_in) / decay_scale_of(to, fan_out, fan_in);
  return {.learning_rate = given.learning_rate * rates, .decoupled_decay = given.decoupled_decay * decays / rates};
}

std::vector<StartingPoint> starting_points(double adamw_learning_rate) {
  optimizers::Problems problems("starting_points");
  problems.check("adamw_learning_rate", adamw_learning_rate, optimizers::kNonNegative);
  problems.throw_if_any();
  const double rate = adamw_learning_rate;
  const char* const same_rms = "the RMS of its step, 1, is five times that of an AdamW step, 0.2";
  return {
      {"signsgd", 0.1 * rate, 0.2 * rate, 1.0 * rate, same_rms},
      {"signum", 0.1 * rate, 0.2 * rate, 1.0 * rate, same_rms},
      {"lion", 0.1 * rate, 0.2 * rate, 1.0 * rate,
       "users report a third to a tenth of AdamW's rate; benchmarks also the same"},
      {"muon", 0.5 * rate, rate, 3.0 * rate, "match-adamw-rms gives its step the RMS of an AdamW step"},
      {"muonlight", 0.5 * rate, rate, 3.0 * rate, "match-adamw-rms gives its step the RMS of an AdamW step"},
      {"lionmuon", 0.5 * rate, rate, 3.0 * rate, "both of its steps have the RMS of an AdamW step"},
      {"mars-adamw", rate, 3.0 * rate, 10.0 * rate, "the published settings use three to ten times AdamW's rate"},
  };
}

}  // namespace normdescent
