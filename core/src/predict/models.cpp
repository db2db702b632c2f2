// SPDX-License-Identifier: Apache-2.0
#include "normdescent/predict/models.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "formatted.hpp"

namespace normdescent {
namespace {

// How much of the plan's steps the start stands for; the ends of pilots stand for the rest.
double weight_of_start(const ProbeReport& probe, const RunPlan& plan) {
  std::size_t pilot_steps = 0;
  for (const PilotReport& pilot : probe.pilots) pilot_steps = std::max(pilot_steps, pilot.run.losses.size());
  if (plan.steps <= 0) return 0.5;
  return std::min(1.0, static_cast<double>(pilot_steps) / static_cast<double>(plan.steps));
}

// Weighted mean of what `at` says of the start and of the mean over pilot ends; either alone where the other is silent.
template <class At, class Uses>
std::optional<double> mean_over_points(const ProbeReport& probe, const RunPlan& plan, At at, Uses uses) {
  const std::optional<double> start = at(probe.start);
  double sum = 0.0;
  double count = 0.0;
  for (const PilotReport& pilot : probe.pilots) {
    if (!uses(pilot)) continue;
    if (const std::optional<double> end = at(pilot.end)) {
      sum += *end;
      count += 1.0;
    }
  }
  if (count == 0.0) return start;
  if (!start) return sum / count;
  const double w = weight_of_start(probe, plan);
  return w * *start + (1.0 - w) * sum / count;
}

const PilotReport* find_pilot(const ProbeReport& probe, const Geometry& geometry, bool is_normalized) {
  for (const PilotReport& pilot : probe.pilots) {
    if (pilot.kind.geometry == geometry && pilot.kind.is_normalized == is_normalized) return &pilot;
  }
  return nullptr;
}

// ---- density: W1, W3 ----------------------------------------------------------------------------------------------

std::optional<double> density(const ProbeReport& probe, const Entrant& entrant, const RunPlan& plan) {
  if (entrant.geometry.is_inner_product()) return std::nullopt;
  const auto at = [&](const PointReport& point) -> std::optional<double> {
    const GeometryReport* m = point.find(entrant.geometry);
    if (m == nullptr || !(m->noise_density > 0.0)) return std::nullopt;
    const auto d = static_cast<double>(probe.dimension);
    // The dual norm is at most sqrt(d) ||.||_2 in every geometry here, so W1 and W3 take the same form.
    return -std::log2(std::clamp(m->noise_density, 1.0 / d, 1.0));
  };
  return mean_over_points(probe, plan, at, [](const PilotReport& pilot) {
    return pilot.kind.geometry.is_inner_product() && !pilot.kind.is_normalized;
  });
}

std::string density_because(const ProbeReport& probe, const Entrant& entrant, const RunPlan& plan) {
  const double phi = std::exp2(-density(probe, entrant, plan).value_or(0.0));
  const char* where = entrant.geometry.parts().c_str();
  if (phi > 0.5) return formatted("the noise is spread over most %s (density %.2f)", where, phi);
  return formatted("the noise is concentrated in few %s (density %.2g)", where, phi);
}

// ---- matched accuracy: W6, W7 -------------------------------------------------------------------------------------

std::optional<double> matched_accuracy(const ProbeReport& probe, const Entrant& entrant, const RunPlan& plan) {
  if (entrant.geometry.is_inner_product()) return std::nullopt;
  const double batch = plan.batch_size > 0.0 ? plan.batch_size : probe.batch_size;
  const double scale = std::sqrt(probe.batch_size / batch);
  const auto at = [&](const PointReport& point) -> std::optional<double> {
    const GeometryReport* from = point.find(geometries::euclidean());
    const GeometryReport* to = point.find(entrant.geometry);
    const auto measured = [](const GeometryReport* m) {
      return m != nullptr && m->smoothness.constant.value > 0.0 && m->gradient_norm > 0.0;
    };
    if (!measured(from) || !measured(to)) return std::nullopt;
    // L / g^2 steps of critical and present batch, W6 and W7 at p = 2: noise is that of one mini-batch, so the critical
    // batch (2 S / g)^2 comes in mini-batches.
    const auto log2_cost = [&](const GeometryReport& m) {
      const double g = m.gradient_norm;
      const double noise_to_signal = m.noise_scale * scale / g;
      return std::log2(m.smoothness.constant.value / (g * g)) +
             std::log2(1.0 + 4.0 * noise_to_signal * noise_to_signal);
    };
    return log2_cost(*from) - log2_cost(*to);
  };
  return mean_over_points(probe, plan, at, [](const PilotReport&) { return true; });
}

std::string matched_accuracy_because(const ProbeReport& probe, const Entrant& entrant, const RunPlan& plan) {
  return formatted("gradient, noise and curvature measured in the %s norm make a matched accuracy %.2g times as cheap",
                   entrant.geometry.name().c_str(), std::exp2(matched_accuracy(probe, entrant, plan).value_or(0.0)));
}

// ---- pilot curves -------------------------------------------------------------------------------------------------

// Half the window of the moving average: a quarter of the curve in all, at least three points.
std::size_t half_window(std::size_t size) { return std::max<std::size_t>(1, size / 8); }

// Centred moving average where its whole window lies on the curve: entry j is about step j + half. Single mini-batches,
// the last one in particular, are too uneven to compare by.
std::vector<double> moving_average(std::span<const double> losses) {
  const std::size_t window = 2 * half_window(losses.size()) + 1;
  std::vector<double> result;
  for (std::size_t first = 0; first + window <= losses.size(); ++first) {
    double sum = 0.0;
    for (const double loss : losses.subspan(first, window)) sum += loss;
    result.push_back(sum / static_cast<double>(window));
  }
  return result;
}

// The non-increasing curve nearest to `losses` in least squares (pool adjacent violators): unlike a running minimum it
// is not led by the luckiest mini-batch.
std::vector<double> non_increasing(std::span<const double> losses) {
  struct Pool {
    double mean;
    double size;
  };
  std::vector<Pool> pools;
  for (const double loss : losses) {
    pools.push_back({loss, 1.0});
    while (pools.size() > 1 && pools[pools.size() - 2].mean < pools.back().mean) {
      const Pool last = pools.back();
      pools.pop_back();
      Pool& pool = pools.back();
      pool.mean = (pool.mean * pool.size + last.mean * last.size) / (pool.size + last.size);
      pool.size += last.size;
    }
  }
  std::vector<double> result;
  for (const Pool& pool : pools) result.insert(result.end(), static_cast<std::size_t>(pool.size), pool.mean);
  return result;
}

// Steps until a smoothed curve, whose entry j is step j + half, reaches `target`; interpolated.
double steps_to(std::span<const double> curve, std::size_t half, double target) {
  for (std::size_t j = 0; j < curve.size(); ++j) {
    if (curve[j] > target) continue;
    const double back = j == 0 ? 0.0 : (target - curve[j]) / (curve[j - 1] - curve[j]);
    return static_cast<double>(j + half) - back;
  }
  return static_cast<double>(curve.size() + half);
}

struct CurveMatch {
  double sgd_steps = 1.0;
  double entrant_steps = 1.0;
};

std::optional<CurveMatch> match_curves(const ProbeReport& probe, const Entrant& entrant) {
  const PilotReport* sgd = find_pilot(probe, geometries::euclidean(), false);
  const PilotReport* own = find_pilot(probe, entrant.geometry, entrant.is_normalized);
  if (sgd == nullptr || own == nullptr || sgd->run.losses.size() < 3 || own->run.losses.size() < 3) return std::nullopt;
  const std::vector<double> reference = non_increasing(moving_average(sgd->run.losses));
  const std::vector<double> curve = non_increasing(moving_average(own->run.losses));
  const double target = std::max(reference.back(), curve.back());  // the loss that both reach
  return CurveMatch{steps_to(reference, half_window(sgd->run.losses.size()), target),
                    steps_to(curve, half_window(own->run.losses.size()), target)};
}

std::optional<double> pilot_curves(const ProbeReport& probe, const Entrant& entrant, const RunPlan&) {
  const std::optional<CurveMatch> match = match_curves(probe, entrant);
  if (!match) return std::nullopt;
  return std::log2(match->sgd_steps / match->entrant_steps);
}

std::string pilot_curves_because(const ProbeReport& probe, const Entrant& entrant, const RunPlan&) {
  const CurveMatch match = match_curves(probe, entrant).value_or(CurveMatch{});
  return formatted("in pilot runs its direction needed %.0f steps for a loss that SGD needed %.0f for",
                   match.entrant_steps, match.sgd_steps);
}

// ---- local gain: W5 -----------------------------------------------------------------------------------------------

std::optional<double> local_gain(const ProbeReport& probe, const Entrant& entrant, const RunPlan&) {
  const GeometryReport* from = probe.start.find(geometries::euclidean());
  const GeometryReport* to = probe.start.find(entrant.geometry);
  if (entrant.geometry.is_inner_product() || from == nullptr || to == nullptr) return std::nullopt;
  if (!(from->one_step_gain.gain.value > 0.0) || !(to->one_step_gain.gain.value > 0.0)) return std::nullopt;
  return std::log2(to->one_step_gain.gain.value / from->one_step_gain.gain.value);
}

std::string local_gain_because(const ProbeReport& probe, const Entrant& entrant, const RunPlan& plan) {
  return formatted("its best single step gains %.2g times what SGD's does",
                   std::exp2(local_gain(probe, entrant, plan).value_or(0.0)));
}

// A model is silent about the reference itself: its speed-up is 1 by definition.
template <auto Model>
std::optional<double> silent_about_sgd(const ProbeReport& probe, const Entrant& entrant, const RunPlan& plan) {
  if (entrant.is_plain_sgd()) return std::nullopt;
  const std::optional<double> value = Model(probe, entrant, plan);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

// Pilots watch the loss itself fall on this very problem; the other two are worst cases over a class and local
// constants.
constexpr double kPilotWeight = 2.0;

constexpr SpeedupModel kModels[] = {
    {"density", 1.0, silent_about_sgd<density>, density_because},
    {"matched-accuracy", 1.0, silent_about_sgd<matched_accuracy>, matched_accuracy_because},
    {"pilot-curves", kPilotWeight, silent_about_sgd<pilot_curves>, pilot_curves_because},
    {"local-gain", 0.0, silent_about_sgd<local_gain>, local_gain_because},
};

}  // namespace

std::span<const SpeedupModel> speedup_models() { return kModels; }

}  // namespace normdescent
