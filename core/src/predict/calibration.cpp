// SPDX-License-Identifier: Apache-2.0
#include "normdescent/predict/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "normdescent/predict/features.hpp"

namespace normdescent {

namespace {

// Half an order of magnitude apart: in squared bits, and of rates in squared decades.
constexpr double kSignals[] = {0.3, 1.0, 3.0};
constexpr double kNoises[] = {0.1, 0.3, 1.0};
constexpr double kRateSignals[] = {0.03, 0.1, 0.3};
constexpr double kRateNoises[] = {0.03, 0.1, 0.3};

using Target = double Observation::*;

struct Samples {
  std::vector<std::vector<double>> x;
  std::vector<double> y;
};

// The examples on which optimizer j was measured.
Samples rows_of(std::span<const Example> examples, std::size_t j, Target target) {
  Samples rows;
  for (const Example& example : examples) {
    const Observation& o = example.optimizers[j];
    if (std::isnan(o.*target)) continue;
    rows.x.push_back(o.features);
    rows.y.push_back(o.*target);
  }
  return rows;
}

std::vector<KernelModel> fit_target(std::span<const Example> examples, std::size_t optimizers, Target target) {
  std::vector<double> prior(features().size(), 0.0);
  if (target == &Observation::over_sgd) prior[feature_index("short-race")] = kShortRacePrior;
  if (target == &Observation::standing) prior[feature_index("short-closeness")] = kShortRacePrior;
  std::vector<GaussianProcess> processes;
  for (std::size_t j = 0; j < optimizers; ++j) {
    const Samples rows = rows_of(examples, j, target);
    processes.emplace_back(rows.x, rows.y, prior);
  }
  std::vector<GaussianProcess::Fit> best;
  double best_likelihood = -std::numeric_limits<double>::infinity();
  const bool is_rate = target == &Observation::rate_ratio;
  for (const double signal : is_rate ? kRateSignals : kSignals) {
    for (const double noise : is_rate ? kRateNoises : kNoises) {
      std::vector<GaussianProcess::Fit> fits;
      double likelihood = 0.0;
      for (const GaussianProcess& process : processes) {
        fits.push_back(process.fit({.signal = signal, .noise = noise}));
        likelihood += fits.back().log_likelihood;
      }
      if (!best.empty() && likelihood <= best_likelihood) continue;
      best = std::move(fits);
      best_likelihood = likelihood;
    }
  }
  std::vector<KernelModel> models;
  for (std::size_t j = 0; j < optimizers; ++j) models.push_back(processes[j].model(std::move(best[j])));
  return models;
}

}  // namespace

const OptimizerCalibration* Calibration::find(const std::string& optimizer) const {
  const auto found = std::ranges::find(optimizers, optimizer, &OptimizerCalibration::optimizer);
  return found == optimizers.end() ? nullptr : &*found;
}

Calibration fit_coefficients(std::span<const Example> examples) {
  Calibration calibration;
  if (examples.empty()) return calibration;
  for (const Observation& o : examples.front().optimizers) {
    calibration.optimizers.emplace_back();
    calibration.optimizers.back().optimizer = o.optimizer;
  }
  for (const Example& example : examples) {
    calibration.problems.push_back(example.problem);
    if (!std::ranges::equal(example.optimizers, calibration.optimizers, {}, &Observation::optimizer,
                            &OptimizerCalibration::optimizer)) {
      throw std::invalid_argument("examples = other optimizers in " + example.problem + ", must be the same in all");
    }
    for (const Observation& o : example.optimizers) {
      if (o.features.size() == features().size()) continue;
      throw std::invalid_argument("examples = " + std::to_string(o.features.size()) + " features of " + o.optimizer +
                                  " in " + example.problem + ", must be " + std::to_string(features().size()));
    }
  }
  const std::size_t count = calibration.optimizers.size();
  std::vector<KernelModel> over_sgd = fit_target(examples, count, &Observation::over_sgd);
  std::vector<KernelModel> over_adamw = fit_target(examples, count, &Observation::over_adamw);
  std::vector<KernelModel> standing = fit_target(examples, count, &Observation::standing);
  std::vector<KernelModel> rate_ratio = fit_target(examples, count, &Observation::rate_ratio);
  for (std::size_t j = 0; j < count; ++j) {
    calibration.optimizers[j].over_sgd = std::move(over_sgd[j]);
    calibration.optimizers[j].over_adamw = std::move(over_adamw[j]);
    calibration.optimizers[j].standing = std::move(standing[j]);
    calibration.optimizers[j].rate_ratio = std::move(rate_ratio[j]);
  }
  return calibration;
}

Calibration fit_calibration(std::span<const Example> examples) {
  Calibration calibration = fit_coefficients(examples);
  for (std::size_t left_out = 0; left_out < examples.size(); ++left_out) {
    std::vector<Example> others(examples.begin(), examples.end());
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(left_out));
    const Calibration fit = fit_coefficients(others);
    for (std::size_t j = 0; j < calibration.optimizers.size(); ++j) {
      const Observation& o = examples[left_out].optimizers[j];
      const bool has_fit = !fit.optimizers.empty();
      const auto error = [&](double measured, KernelModel OptimizerCalibration::*model) {
        return has_fit ? measured - (fit.optimizers[j].*model).value(o.features)
                       : std::numeric_limits<double>::quiet_NaN();
      };
      calibration.optimizers[j].errors_over_sgd.push_back(error(o.over_sgd, &OptimizerCalibration::over_sgd));
      calibration.optimizers[j].errors_over_adamw.push_back(error(o.over_adamw, &OptimizerCalibration::over_adamw));
      calibration.optimizers[j].errors_standing.push_back(error(o.standing, &OptimizerCalibration::standing));
      calibration.optimizers[j].errors_rate_ratio.push_back(error(o.rate_ratio, &OptimizerCalibration::rate_ratio));
    }
  }
  return calibration;
}

const Calibration& shipped_calibration() {
  static const Calibration calibration = fit_calibration(shipped_examples());
  return calibration;
}

}  // namespace normdescent
