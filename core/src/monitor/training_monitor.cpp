// SPDX-License-Identifier: Apache-2.0
#include "normdescent/monitor/training_monitor.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "normdescent/probe/critical_batch.hpp"
#include "normdescent/probe/report_json.hpp"

namespace normdescent {
namespace {

using probe_detail::because;
using probe_detail::estimate_json;
using probe_detail::number;
using probe_detail::OrderedJson;

OrderedJson spectral_json(const SpectralNoise& noise) {
  OrderedJson geometries = OrderedJson::object();
  for (const NoiseInGeometry& each : noise.geometries) geometries[each.geometry.name()] = number(each.noise_scale);
  return {{"nuclear", estimate_json(noise.nuclear)},
          {"density", estimate_json(noise.density)},
          {"geometries", geometries},
          {"matrices_measured", noise.measured},
          {"matrices", noise.matrices},
          {"because", because(noise.reason)}};
}

OrderedJson step_json(const StepEffect& effect) {
  return {{"steps", effect.steps},
          {"gain", estimate_json(effect.gain)},
          {"curvature_l2", estimate_json(effect.curvature_l2)},
          {"curvature_linf", estimate_json(effect.curvature_linf)},
          {"best_multiple", estimate_json(effect.best_multiple)},
          {"best_gain", estimate_json(effect.best_gain)},
          {"because", because(effect.reason)}};
}

constexpr std::size_t kTailSeries = 256;
constexpr std::size_t kGrowthPoints = 256;

std::vector<ParameterInfo> infos_of(std::span<const Parameter> parameters) {
  std::vector<ParameterInfo> infos;
  for (const Parameter& p : parameters) infos.push_back(p.info);
  return infos;
}

std::vector<Index> sizes_of(std::span<const ParameterInfo> tensors) {
  std::vector<Index> sizes;
  for (const ParameterInfo& tensor : tensors) sizes.push_back(tensor.size());
  return sizes;
}

void require_chosen(const CoordinateChoice& choice, const char* name, std::span<const float> values) {
  if (values.size() == choice.count()) return;
  throw std::invalid_argument(std::string(name) + ".size() = " + std::to_string(values.size()) + ", must be " +
                              std::to_string(choice.count()));
}

Estimate root(const Estimate& square) {
  if (!(square.value > 0.0)) return {};
  const double value = std::sqrt(square.value);
  return {value, 0.5 * square.standard_error / value};
}

}  // namespace

TrainingMonitor::TrainingMonitor(std::span<const Parameter> parameters, const MonitorOptions& options)
    : TrainingMonitor(infos_of(parameters), options) {}

TrainingMonitor::TrainingMonitor(std::span<const ParameterInfo> tensors, const MonitorOptions& options)
    : options_(options),
      choice_(sizes_of(tensors), options.coordinates, options.seed),
      watch_(tensors, options.geometries) {
  if (options.matrix_every < 0) {
    throw std::invalid_argument("matrix_every = " + std::to_string(options.matrix_every) + ", must be >= 0");
  }
  if (options.window < 2) {
    throw std::invalid_argument("window = " + std::to_string(options.window) + ", must be >= 2");
  }
  row_.resize(choice_.count());
  point_.resize(choice_.count());
  accumulated_.resize(choice_.count());
}

void TrainingMonitor::observe_micro_batch(std::span<const Parameter> parameters, ObservedGradient content,
                                          double weight) {
  choice_.read(parameters, row_);
  const auto tensor = watched();
  observe_coordinates(row_, content, weight, tensor ? parameters[*tensor].gradient : std::span<const float>{});
}

std::optional<std::size_t> TrainingMonitor::watched() const {
  if (options_.matrix_every == 0 || step_ % options_.matrix_every != 0) return std::nullopt;
  return watch_.watched();
}

void TrainingMonitor::observe_coordinates(std::span<const float> values, ObservedGradient content, double weight,
                                          std::span<const float> watched_gradient) {
  require_chosen(choice_, "values", values);
  if (!(weight > 0.0)) throw std::invalid_argument("weight = " + std::to_string(weight) + ", must be > 0");
  if (watched()) watch_.observe(watched_gradient, content, weight);
  const auto scale = static_cast<float>(1.0 / weight);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float before = content == ObservedGradient::accumulated ? accumulated_[i] : 0.0F;
    accumulated_[i] = values[i];
    row_[i] = (values[i] - before) * scale;
  }
  sample_.add(step_, row_);
}

void TrainingMonitor::observe_before_step(std::span<const Parameter> parameters, double loss) {
  choice_.read_point(parameters, point_);
  choice_.read(parameters, row_);
  steps_.before(point_, row_, loss);
}

void TrainingMonitor::observe_after_step(std::span<const Parameter> parameters, double loss) {
  choice_.read_point(parameters, point_);
  choice_.read(parameters, row_);
  steps_.after(choice_, point_, row_, loss);
}

void TrainingMonitor::observe_before_step(std::span<const float> point, std::span<const float> gradient, double loss) {
  require_chosen(choice_, "point", point);
  require_chosen(choice_, "gradient", gradient);
  steps_.before(point, gradient, loss);
}

void TrainingMonitor::observe_after_step(std::span<const float> point, std::span<const float> gradient, double loss) {
  require_chosen(choice_, "point", point);
  require_chosen(choice_, "gradient", gradient);
  steps_.after(choice_, point, gradient, loss);
}

void TrainingMonitor::end_step() {
  watch_.end_step();
  ++step_;
  std::ranges::fill(accumulated_, 0.0F);
  drop_old_rows();
}

// Whole steps, so that what is left of one is never taken for a short step.
void TrainingMonitor::drop_old_rows() {
  const auto window = static_cast<std::size_t>(options_.window);
  std::size_t first = 0;
  while (sample_.rows() - first > window && sample_.steps[first] != sample_.steps.back()) {
    const auto step = sample_.steps[first];
    while (sample_.steps[first] == step) ++first;
  }
  sample_.steps.erase(sample_.steps.begin(), sample_.steps.begin() + static_cast<std::ptrdiff_t>(first));
  sample_.values.erase(sample_.values.begin(),
                       sample_.values.begin() + static_cast<std::ptrdiff_t>(first * sample_.width));
}

MonitorReport TrainingMonitor::report() {
  MonitorReport report;
  report.step = step_;
  report.statistics = sample_statistics(choice_, sample_);
  const SampledNoise& total = report.statistics.total;
  if (report.statistics.steps > 0) {
    report.step_size =
        static_cast<double>(report.statistics.micro_batches) / static_cast<double>(report.statistics.steps);
  }
  report.critical_l2 = critical_batch(total.l2, root(total.gradient_l2_squared), 1.0);
  report.critical_sign = critical_batch(total.l1, total.gradient_l1, 1.0);
  report.spectral = watch_.report();
  if (options_.matrix_every == 0) report.spectral.reason = "matrix_every = 0";
  report.step_effect = steps_.report();
  report.tails = compare_tails(sample_.residuals(kTailSeries), {});
  if (std::isfinite(total.l2.value) && std::isfinite(total.gradient_l2_squared.value)) {
    if (growth_.size() == kGrowthPoints) growth_.erase(growth_.begin());
    growth_.push_back({total.gradient_l2_squared.value, total.l2.value * total.l2.value});
  }
  report.noise_growth = fit_affine(growth_);
  return report;
}

std::string MonitorReport::to_json() const {
  OrderedJson json = {{"step", step},
                      {"steps", statistics.steps},
                      {"micro_batches", statistics.micro_batches},
                      {"micro_batches_a_step", number(step_size)}};
  json.update(probe_detail::noise_json(statistics.total));
  json["critical_batch_l2"] = estimate_json(critical_l2);
  json["critical_batch_sign"] = estimate_json(critical_sign);
  json["batch_invariance"] = probe_detail::invariance_json(statistics.invariance);
  json["tails"] = probe_detail::tails_json(tails);
  json["noise_growth"] = probe_detail::fit_json(noise_growth);
  json["spectral_noise"] = spectral_json(spectral);
  json["step_effect"] = step_json(step_effect);
  json["per_parameter"] = OrderedJson::array();
  for (std::size_t t = 0; t < statistics.tensors.size(); ++t) {
    json["per_parameter"].push_back(probe_detail::noise_json(statistics.tensors[t]));
    json["per_parameter"].back()["spectral_noise"] = probe_detail::spectral_json(spectral.tensors[t]);
  }
  return json.dump();
}

}  // namespace normdescent
