// SPDX-License-Identifier: Apache-2.0
// The prediction that races have calibrated.
#include <algorithm>
#include <cmath>

#include "formatted.hpp"
#include "normdescent/base/numbers.hpp"
#include "normdescent/predict/features.hpp"
#include "normdescent/predict/predict.hpp"

namespace normdescent {

namespace {

constexpr double kBatchFactors[] = {1.0 / 16.0, 0.25, 1.0, 4.0, 16.0};

PredictedRange range_of(double log2_centre, std::span<const double> errors) {
  const double half = conformal_half_width(errors);
  return {std::exp2(log2_centre), std::exp2(log2_centre - half), std::exp2(log2_centre + half)};
}

// The feature that moved the prediction furthest from the zoo's mean towards where it ended.
void explain(SpeedupPrediction& result, const KernelModel& model, const std::vector<double>& values) {
  const double centre = std::log2(result.speedup_vs_sgd);
  const double sign = centre >= model.intercept ? 1.0 : -1.0;
  std::size_t strongest = values.size();
  double push = 0.0;
  for (std::size_t j = 0; j < model.scale.size(); ++j) {
    const double own = sign * model.contribution(j, values);
    if (own <= push) continue;
    push = own;
    strongest = j;
  }
  const double usual = std::exp2(model.intercept);
  if (strongest == values.size()) {
    result.decided_by = "races";
    result.because = formatted("on other problems it was %.2g times as fast as SGD", usual);
    return;
  }
  result.decided_by = features()[strongest].name;
  result.because = formatted("%s speaks for %s than the %.2g times of other problems", features()[strongest].words,
                             sign > 0.0 ? "more" : "less", usual);
}

std::string sentence_of_races(const Prediction& prediction) {
  const auto favourite = std::ranges::find(prediction.optimizers, prediction.favourite, &SpeedupPrediction::optimizer);
  if (favourite == prediction.optimizers.end()) return "no optimizers to compare";
  const std::string reason = favourite->because.empty() ? "" : favourite->because + ", so ";
  const char* verdict = favourite->probability_best < 0.5 ? "is the favourite, though no clear one," : "should win";
  return formatted("%s%s %s at about %.1f times SGD's speed (probability %.2f)", reason.c_str(),
                   favourite->optimizer.c_str(), verdict, favourite->speedup_vs_sgd, favourite->probability_best);
}

// The short race's rate times the ratio that is predicted for the whole length.
void suggest_rate(SpeedupPrediction& result, const OptimizerCalibration& fit, const Evidence& evidence,
                  std::span<const double> values) {
  const ShortRun* run = evidence.find_short(result.optimizer);
  if (run == nullptr || run->losses.empty()) return;
  std::vector<double> errors = fit.errors_rate_ratio;
  for (double& error : errors) error *= std::log2(10.0);
  const PredictedRange ratio = range_of(fit.rate_ratio.value(values) * std::log2(10.0), errors);
  result.learning_rate =
      PredictedRange{run->learning_rate * ratio.value, run->learning_rate * ratio.low, run->learning_rate * ratio.high};
}

}  // namespace

std::vector<CriticalBatch> critical_batches(const ProbeReport& probe) {
  std::vector<CriticalBatch> result;
  for (const GeometryReport& m : probe.start.geometries) {
    if (m.critical_batch.value > 0.0) result.push_back({m.geometry, m.critical_batch.value});
  }
  return result;
}

Prediction predict_from_evidence(const Evidence& evidence, std::span<const Entrant> entrants,
                                 const PredictOptions& options, const Calibration& calibration) {
  Prediction prediction = predict(std::span(&evidence.probe, 1), entrants, options);
  prediction.critical_batches = critical_batches(evidence.probe);
  if (evidence.find_short("sgd") == nullptr || calibration.optimizers.empty()) return prediction;

  prediction.is_calibrated = true;
  const auto log2_speedup_at = [&](std::size_t j, double batch_size) {
    const OptimizerCalibration* fit = calibration.find(entrants[j].name);
    if (fit == nullptr || entrants[j].is_plain_sgd()) return std::log2(prediction.optimizers[j].speedup_vs_sgd);
    RunPlan plan = options.plan;
    plan.batch_size = batch_size;
    return fit->over_sgd.value(feature_values(evidence, entrants[j], plan));
  };
  // Who is best is judged by final losses where every entrant's standing can be predicted, else by speed-ups.
  const bool has_standings =
      std::ranges::all_of(entrants, [&](const Entrant& entrant) { return calibration.find(entrant.name) != nullptr; });
  std::vector<double> centres;
  std::vector<bool> exact;
  ErrorTable errors(calibration.problems.size(), std::vector<double>(entrants.size(), kNaN));
  for (std::size_t j = 0; j < entrants.size(); ++j) {
    SpeedupPrediction& result = prediction.optimizers[j];
    const bool is_reference = entrants[j].is_plain_sgd();
    exact.push_back(is_reference && !has_standings);
    double centre = std::log2(result.speedup_vs_sgd);
    if (const OptimizerCalibration* fit = calibration.find(entrants[j].name); fit != nullptr) {
      const std::vector<double> values = feature_values(evidence, entrants[j], options.plan);
      for (std::size_t i = 0; i < errors.size(); ++i) {
        errors[i][j] = has_standings ? fit->errors_standing[i] : fit->errors_over_sgd[i];
      }
      if (!is_reference) {
        const PredictedRange range = range_of(fit->over_sgd.value(values), fit->errors_over_sgd);
        result.speedup_vs_sgd = range.value;
        result.low = range.low;
        result.high = range.high;
        explain(result, fit->over_sgd, values);
      }
      centre = has_standings ? fit->standing.value(values) : std::log2(result.speedup_vs_sgd);
      result.over_adamw = result.optimizer == "adamw" ? PredictedRange{}
                                                      : range_of(fit->over_adamw.value(values), fit->errors_over_adamw);
      suggest_rate(result, *fit, evidence, values);
    }
    centres.push_back(centre);
  }
  const std::vector<double> wins = probabilities_of_best(centres, exact, errors, options.draws, options.seed);
  std::size_t favourite = 0;
  for (std::size_t j = 0; j < entrants.size(); ++j) {
    prediction.optimizers[j].probability_best = wins[j];
    if (wins[j] > wins[favourite]) favourite = j;
  }
  if (!entrants.empty()) prediction.favourite = entrants[favourite].name;
  prediction.decided_by = sentence_of_races(prediction);

  const double batch = options.plan.batch_size > 0.0 ? options.plan.batch_size : evidence.probe.batch_size;
  for (const double factor : kBatchFactors) {
    if (batch * factor < 1.0) continue;
    BatchPoint point{.batch_size = batch * factor, .speedups = {}};
    for (std::size_t j = 0; j < entrants.size(); ++j)
      point.speedups.push_back(std::exp2(log2_speedup_at(j, point.batch_size)));
    prediction.batch_curve.push_back(std::move(point));
  }
  return prediction;
}

}  // namespace normdescent
