// SPDX-License-Identifier: Apache-2.0
#include "normdescent/predict/predict.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <stdexcept>

#include "normdescent/base/philox.hpp"

namespace normdescent {
namespace {

// Moments of log2(speed-up): what a geometry (with or without normalization) shares, and the whole.
struct Forecast {
  double mean = 0.0;
  double shared_error = 0.0;
  double own_error = 0.0;
  [[nodiscard]] double error() const { return std::hypot(shared_error, own_error); }
};

struct WeightedOpinion {
  const SpeedupModel* model;
  const ProbeReport* probe;
  double log2_speedup;
};

std::vector<WeightedOpinion> collect(std::span<const ProbeReport> probes, const Entrant& entrant, const RunPlan& plan) {
  std::vector<WeightedOpinion> opinions;
  for (const SpeedupModel& model : speedup_models()) {
    for (const ProbeReport& probe : probes) {
      if (const std::optional<double> value = model.log2_speedup(probe, entrant, plan)) {
        opinions.push_back({&model, &probe, *value});
      }
    }
  }
  return opinions;
}

// The weighted mean; the opinions' disagreement counts as that mean's standard error.
Forecast combine_opinions(std::span<const WeightedOpinion> opinions) {
  double weights = 0.0;
  double sum = 0.0;
  double count = 0.0;
  for (const WeightedOpinion& o : opinions) {
    weights += o.model->weight;
    sum += o.model->weight * o.log2_speedup;
    count += o.model->weight > 0.0 ? 1.0 : 0.0;
  }
  if (weights == 0.0) return {0.0, kIgnoranceError, kVariantError};
  const double mean = sum / weights;
  double squares = 0.0;
  for (const WeightedOpinion& o : opinions) {
    const double deviation = o.model->weight * (o.log2_speedup - mean) / weights;
    squares += deviation * deviation;
  }
  const double variance_of_mean = count > 1.0 ? squares * count / (count - 1.0) : 0.0;
  return {mean, std::sqrt(variance_of_mean + kModelError * kModelError), kVariantError};
}

void describe(SpeedupPrediction& result, std::span<const WeightedOpinion> opinions, const Entrant& entrant,
              const PredictOptions& options) {
  std::map<std::string, std::pair<double, int>> by_model;
  const WeightedOpinion* strongest = nullptr;
  const bool wins = result.speedup_vs_sgd >= 1.0;
  for (const WeightedOpinion& o : opinions) {
    auto& [sum, count] = by_model[o.model->name];
    sum += o.log2_speedup;
    ++count;
    const double push = o.model->weight * (wins ? o.log2_speedup : -o.log2_speedup);
    const double strongest_push =
        strongest == nullptr ? 0.0
                             : strongest->model->weight * (wins ? strongest->log2_speedup : -strongest->log2_speedup);
    if (o.model->weight > 0.0 && (strongest == nullptr || push > strongest_push)) strongest = &o;
  }
  for (const SpeedupModel& model : speedup_models()) {
    const auto found = by_model.find(model.name);
    if (found == by_model.end()) continue;
    result.opinions.push_back({model.name, model.weight, std::exp2(found->second.first / found->second.second)});
  }
  if (strongest == nullptr) {
    result.because = "nothing was measured that tells it from SGD";
    return;
  }
  result.decided_by = strongest->model->name;
  result.because = strongest->model->because(*strongest->probe, entrant, options.plan);
}

std::string sentence_of_models(const Prediction& prediction) {
  const auto favourite = std::ranges::find(prediction.optimizers, prediction.favourite, &SpeedupPrediction::optimizer);
  if (favourite == prediction.optimizers.end()) return "no optimizers to compare";
  std::array<char, 700> text{};
  if (favourite->because.empty()) {
    std::snprintf(text.data(), text.size(), "nothing measured favours any optimizer over %s",
                  favourite->optimizer.c_str());
  } else if (favourite->probability_best < 0.5) {
    std::snprintf(
        text.data(), text.size(),
        "%s, so %s is the favourite at %.1f times SGD's speed, but no clear one: it is best with probability %.2f",
        favourite->because.c_str(), favourite->optimizer.c_str(), favourite->speedup_vs_sgd,
        favourite->probability_best);
  } else {
    std::snprintf(text.data(), text.size(), "%s, so %s should win, at about %.1f times SGD's speed",
                  favourite->because.c_str(), favourite->optimizer.c_str(), favourite->speedup_vs_sgd);
  }
  return text.data();
}

}  // namespace

Prediction predict(std::span<const ProbeReport> probes, std::span<const Entrant> entrants,
                   const PredictOptions& options) {
  if (options.draws < 1) throw std::invalid_argument("draws = " + std::to_string(options.draws) + ", must be >= 1");
  if (options.plan.steps < 0) {
    throw std::invalid_argument("plan.steps = " + std::to_string(options.plan.steps) + ", must be >= 0");
  }
  if (!(options.plan.batch_size >= 0.0)) {
    throw std::invalid_argument("plan.batch_size = " + std::to_string(options.plan.batch_size) + ", must be >= 0");
  }
  Prediction prediction;
  std::vector<Forecast> forecasts;
  for (const Entrant& entrant : entrants) {
    SpeedupPrediction result;
    result.optimizer = entrant.name;
    Forecast forecast;
    if (!entrant.is_plain_sgd()) {
      const std::vector<WeightedOpinion> opinions = collect(probes, entrant, options.plan);
      forecast = combine_opinions(opinions);
      result.speedup_vs_sgd = std::exp2(forecast.mean);
      result.low = std::exp2(forecast.mean - kNormalQuantile90 * forecast.error());
      result.high = std::exp2(forecast.mean + kNormalQuantile90 * forecast.error());
      describe(result, opinions, entrant, options);
    }
    forecasts.push_back(forecast);
    prediction.optimizers.push_back(std::move(result));
  }

  // Entrants of one geometry share the error of its forecast, draw by draw.
  std::vector<Geometry> geometries = builtin_geometries();
  std::vector<std::size_t> family(entrants.size());
  for (std::size_t j = 0; j < entrants.size(); ++j) {
    const auto known = std::ranges::find(geometries, entrants[j].geometry);
    family[j] = static_cast<std::size_t>(known - geometries.begin()) * 2 + (entrants[j].is_normalized ? 1 : 0);
    if (known == geometries.end()) geometries.push_back(entrants[j].geometry);
  }
  std::vector<std::int64_t> wins(entrants.size());
  for (int draw = 0; draw < options.draws && !entrants.empty(); ++draw) {
    Philox random(options.seed, static_cast<std::uint64_t>(draw));
    // Eight families have had their numbers from one stream; more of them take none away from it.
    Philox more(~options.seed, static_cast<std::uint64_t>(draw));
    std::vector<double> shared(2 * geometries.size());
    for (std::size_t k = 0; k < shared.size(); ++k) shared[k] = k < 8 ? random.normal() : more.normal();
    std::size_t best = 0;
    double best_value = -std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < entrants.size(); ++j) {
      const double value =
          forecasts[j].mean + forecasts[j].shared_error * shared[family[j]] + forecasts[j].own_error * random.normal();
      if (value > best_value) {
        best_value = value;
        best = j;
      }
    }
    ++wins[best];
  }
  std::size_t favourite = 0;
  for (std::size_t j = 0; j < entrants.size(); ++j) {
    prediction.optimizers[j].probability_best = static_cast<double>(wins[j]) / options.draws;
    if (wins[j] > wins[favourite]) favourite = j;
  }
  if (!entrants.empty()) prediction.favourite = entrants[favourite].name;
  prediction.decided_by = sentence_of_models(prediction);
  return prediction;
}

}  // namespace normdescent
