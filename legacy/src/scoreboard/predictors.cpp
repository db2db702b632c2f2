// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "normdescent/base/numbers.hpp"
#include "normdescent/predict/features.hpp"
#include "normdescent/scoreboard/judge.hpp"

namespace normdescent {

namespace {

// A speed-up over AdamW that follows from those over SGD.
PointForecast from_over_sgd(const Example& judged, std::vector<double> over_sgd) {
  double adamw = kNaN;
  for (std::size_t j = 0; j < over_sgd.size(); ++j) {
    if (judged.optimizers[j].optimizer == "adamw") adamw = over_sgd[j];
  }
  PointForecast forecast{.over_sgd = std::move(over_sgd), .over_adamw = {}, .standing = {}};
  for (const double value : forecast.over_sgd) forecast.over_adamw.push_back(value - adamw);
  return forecast;
}

/// log2 speed-up over SGD = weighted mean of features; a feature without a value takes no part.
Predictor from_features(std::string name, std::string summary,
                        const std::vector<std::pair<std::string, double>>& weights) {
  std::vector<std::pair<std::size_t, double>> indices;
  for (const auto& [feature, weight] : weights) indices.emplace_back(feature_index(feature), weight);
  return {.name = std::move(name),
          .summary = std::move(summary),
          .forecast = [indices](std::span<const Example>, const Example& judged) {
            std::vector<double> values;
            for (const Observation& o : judged.optimizers) {
              double sum = 0.0;
              double total = 0.0;
              for (const auto& [index, weight] : indices) {
                if (std::isnan(o.features[index])) continue;
                sum += weight * o.features[index];
                total += weight;
              }
              values.push_back(total > 0.0 ? sum / total : 0.0);
            }
            return from_over_sgd(judged, std::move(values));
          }};
}

PointForecast combination(std::span<const Example> training, const Example& judged) {
  const Calibration fit = fit_coefficients(training);
  PointForecast forecast;
  for (std::size_t j = 0; j < judged.optimizers.size(); ++j) {
    const bool has_fit = j < fit.optimizers.size();
    const auto& features = judged.optimizers[j].features;
    forecast.over_sgd.push_back(has_fit ? fit.optimizers[j].over_sgd.value(features) : 0.0);
    forecast.over_adamw.push_back(has_fit ? fit.optimizers[j].over_adamw.value(features) : 0.0);
    forecast.standing.push_back(has_fit ? fit.optimizers[j].standing.value(features) : 0.0);
  }
  return forecast;
}

PointForecast short_race(std::span<const Example>, const Example& judged) {
  std::vector<double> over_sgd;
  std::vector<double> standing;
  const auto or_zero = [](double value) { return std::isnan(value) ? 0.0 : value; };
  for (const Observation& o : judged.optimizers) {
    over_sgd.push_back(or_zero(o.features[feature_index("short-race")]));
    standing.push_back(or_zero(o.features[feature_index("short-closeness")]));
  }
  PointForecast forecast = from_over_sgd(judged, std::move(over_sgd));
  forecast.standing = std::move(standing);
  return forecast;
}

PointForecast mean_of_zoo(std::span<const Example> training, const Example& judged) {
  PointForecast forecast;
  for (std::size_t j = 0; j < judged.optimizers.size(); ++j) {
    const auto mean = [&](double Observation::*target) {
      double sum = 0.0;
      double count = 0.0;
      for (const Example& example : training) {
        if (const double value = example.optimizers[j].*target; !std::isnan(value)) {
          sum += value;
          count += 1.0;
        }
      }
      return count > 0.0 ? sum / count : 0.0;
    };
    forecast.over_sgd.push_back(mean(&Observation::over_sgd));
    forecast.over_adamw.push_back(mean(&Observation::over_adamw));
    forecast.standing.push_back(mean(&Observation::standing));
  }
  return forecast;
}

PointForecast always_muon(std::span<const Example>, const Example& judged) {
  std::vector<double> values;
  for (const Observation& o : judged.optimizers) values.push_back(o.optimizer == "muon" ? 1.0 : 0.0);
  return from_over_sgd(judged, std::move(values));
}

PointForecast all_equal(std::span<const Example>, const Example& judged) {
  return from_over_sgd(judged, std::vector<double>(judged.optimizers.size(), 0.0));
}

}  // namespace

std::vector<Predictor> predictors() {
  return {
      Predictor{"combination", "Gaussian process on all features, fitted on the other problems", false, combination},
      Predictor{"combination, family left out", "the same, fitted on problems of other families", true, combination},
      Predictor{"short race", "speed-ups and order of final losses in the short race, as they are", false, short_race},
      from_features("pilot curves", "steps to the same loss in momentum-free pilots", {{"pilot-curves", 1.0}}),
      from_features("density", "1/phi of the noise: worst-case ratios W1 and W3 of theory", {{"density", 1.0}}),
      from_features("matched accuracy", "theory's W6 at measured constants", {{"matched-accuracy", 1.0}}),
      from_features("theory", "mean of density and matched accuracy", {{"density", 1.0}, {"matched-accuracy", 1.0}}),
      from_features("local gain", "gains of the best single step, theory's W5", {{"local-gain", 1.0}}),
      from_features("probe alone", "density, matched accuracy and pilot curves at weights 1, 1, 2",
                    {{"density", 1.0}, {"matched-accuracy", 1.0}, {"pilot-curves", 2.0}}),
      Predictor{"mean of the zoo", "baseline: each optimizer's mean on the other problems", false, mean_of_zoo},
      Predictor{"always Muon", "baseline: Muon twice as fast as all others", false, always_muon},
      Predictor{"all equal", "baseline: every optimizer as fast as SGD", false, all_equal},
  };
}

}  // namespace normdescent
