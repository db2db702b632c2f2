// SPDX-License-Identifier: Apache-2.0
#include "normdescent/predict/features.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace normdescent {

const ShortRun* Evidence::find_short(const std::string& optimizer) const {
  const auto found = std::ranges::find(short_runs, optimizer, &ShortRun::optimizer);
  return found == short_runs.end() ? nullptr : &*found;
}

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr char kSgd[] = "sgd";
constexpr char kNormalizedSgd[] = "normalized-sgd";
constexpr char kSignSgd[] = "signsgd";
constexpr char kSignum[] = "signum";
constexpr char kLion[] = "lion";
constexpr char kMuon[] = "muon";
constexpr char kAdamw[] = "adamw";
constexpr const char* kReference = kSgd;

double log2_positive(double value) { return value > 0.0 && std::isfinite(value) ? std::log2(value) : kUnknown; }

// Steps until the curve, linear between its points, is at or below `loss`; the last point's step if it never is.
double steps_to(const ShortRun& run, double loss) {
  for (std::size_t i = 1; i < run.losses.size(); ++i) {
    if (run.losses[i] > loss) continue;
    const double drop = run.losses[i - 1] - run.losses[i];
    const double share = drop > 0.0 ? std::clamp((run.losses[i - 1] - loss) / drop, 0.0, 1.0) : 1.0;
    return run.steps[i - 1] + share * (run.steps[i] - run.steps[i - 1]);
  }
  return run.steps.back();
}

double short_race(const Evidence& evidence, const Entrant& entrant, const RunPlan&) {
  const ShortRun* reference = evidence.find_short(kReference);
  const ShortRun* own = evidence.find_short(entrant.name);
  if (reference == nullptr || own == nullptr || reference->losses.size() < 2 || own->losses.size() < 2) return kUnknown;
  const double common = std::max(reference->losses.back(), own->losses.back());
  if (!(common < reference->losses.front())) return kUnknown;
  return log2_positive(steps_to(*reference, common) / steps_to(*own, common));
}

std::vector<double> short_losses(const Evidence& evidence) {
  std::vector<double> losses;
  for (const ShortRun& run : evidence.short_runs)
    losses.push_back(run.losses.empty() ? std::numeric_limits<double>::infinity() : run.losses.back());
  return losses;
}

// The entrant's own of values that belong to the short runs.
double own_of(const std::vector<double>& values, const Evidence& evidence, const Entrant& entrant) {
  for (std::size_t j = 0; j < values.size(); ++j) {
    if (evidence.short_runs[j].optimizer == entrant.name) return values[j];
  }
  return kUnknown;
}

double short_standing(const Evidence& evidence, const Entrant& entrant, const RunPlan&) {
  return own_of(standings(short_losses(evidence)), evidence, entrant);
}

double short_closeness(const Evidence& evidence, const Entrant& entrant, const RunPlan&) {
  const auto started = std::ranges::find_if(evidence.short_runs, [](auto& run) { return !run.losses.empty(); });
  if (started == evidence.short_runs.end()) return kUnknown;
  return own_of(closeness(short_losses(evidence), started->losses.front()), evidence, entrant);
}

// That of another: whether one wins depends on what it runs against.
template <const char* Name>
double closeness_of(const Evidence& evidence, const Entrant&, const RunPlan& plan) {
  Entrant other;
  other.name = Name;
  return short_closeness(evidence, other, plan);
}

double descent(const ShortRun* run) {
  return run == nullptr || run->losses.size() < 2 ? kUnknown : run->losses.front() - run->losses.back();
}

double short_descent(const Evidence& evidence, const Entrant& entrant, const RunPlan&) {
  return log2_positive(descent(evidence.find_short(entrant.name)) / descent(evidence.find_short(kReference)));
}

double sgd_descent(const Evidence& evidence, const Entrant&, const RunPlan&) {
  const ShortRun* run = evidence.find_short(kReference);
  return run == nullptr || run->losses.empty() ? kUnknown : log2_positive(descent(run) / std::abs(run->losses.front()));
}

template <std::size_t Model>
double of_model(const Evidence& evidence, const Entrant& entrant, const RunPlan& plan) {
  return speedup_models()[Model].log2_speedup(evidence.probe, entrant, plan).value_or(kUnknown);
}

double sparsity(const Evidence& evidence, const Entrant&, const RunPlan&) {
  return -log2_positive(evidence.probe.start.noise.density);
}

double gradient_spread(const Evidence& evidence, const Entrant&, const RunPlan&) {
  const GeometryReport* l1 = evidence.probe.start.find(geometries::sign());
  const GeometryReport* l2 = evidence.probe.start.find(geometries::euclidean());
  if (l1 == nullptr || l2 == nullptr) return kUnknown;
  const double ratio = l1->gradient_norm / l2->gradient_norm;
  return log2_positive(ratio * ratio / static_cast<double>(evidence.probe.dimension));
}

double noise(const Evidence& evidence, const Entrant&, const RunPlan& plan) {
  const GeometryReport* l2 = evidence.probe.start.find(geometries::euclidean());
  if (l2 == nullptr || evidence.probe.batch_size == 0) return kUnknown;
  const double batch = plan.batch_size > 0.0 ? plan.batch_size : evidence.probe.batch_size;
  return log2_positive(l2->noise_scale / l2->gradient_norm * std::sqrt(evidence.probe.batch_size / batch));
}

double tail_index(const Evidence& evidence, const Entrant&, const RunPlan&) {
  const TailIndex& tail = evidence.probe.tail;
  // Above 2 the estimate says no more than "light"; noise in a few series alone can send it anywhere.
  return tail.series > 0 ? std::clamp(tail.two_scale.value, 1.0, 2.5) : kUnknown;
}

double steps(const Evidence&, const Entrant&, const RunPlan& plan) {
  return log2_positive(static_cast<double>(plan.steps));
}

double batch(const Evidence& evidence, const Entrant&, const RunPlan& plan) {
  return log2_positive(plan.batch_size > 0.0 ? plan.batch_size : evidence.probe.batch_size);
}

double log_dimension(const Evidence& evidence, const Entrant&, const RunPlan&) {
  return log2_positive(static_cast<double>(evidence.probe.dimension));
}

constexpr Feature kFeatures[] = {
    {"short-race", "its lead over SGD in the short race", short_race},
    {"short-standing", "its place in the short race", short_standing},
    {"short-closeness", "its final loss in the short race", short_closeness},
    {"short-descent", "how far the loss fell in the short race", short_descent},
    {"density", "where the noise sits", of_model<0>},
    {"matched-accuracy", "gradient, noise and curvature in its norm", of_model<1>},
    {"pilot-curves", "the pilots' curves", of_model<2>},
    {"local-gain", "the gain of its best single step", of_model<3>},
    {"sparsity", "the sparsity of the noise", sparsity},
    {"gradient-spread", "how evenly the gradient is spread", gradient_spread},
    {"noise", "the noise over the gradient", noise},
    {"tail-index", "the tails of the noise", tail_index},
    {"steps", "the length of the run", steps},
    {"batch", "the batch size", batch},
    {"dimension", "the number of parameters", log_dimension},
    {"sgd-descent", "how far SGD got in the short race", sgd_descent},
    {"closeness-of-sgd", "SGD's final loss in the short race", closeness_of<kSgd>},
    {"closeness-of-normalized-sgd", "normalized SGD's final loss in the short race", closeness_of<kNormalizedSgd>},
    {"closeness-of-signsgd", "SignSGD's final loss in the short race", closeness_of<kSignSgd>},
    {"closeness-of-signum", "Signum's final loss in the short race", closeness_of<kSignum>},
    {"closeness-of-lion", "Lion's final loss in the short race", closeness_of<kLion>},
    {"closeness-of-muon", "Muon's final loss in the short race", closeness_of<kMuon>},
    {"closeness-of-adamw", "AdamW's final loss in the short race", closeness_of<kAdamw>},
};

}  // namespace

std::span<const Feature> features() { return kFeatures; }

std::vector<double> standings(std::span<const double> losses) {
  std::vector<double> result;
  for (const double own : losses) {
    double sum = 0.0;
    double others = -1.0;  // without itself
    for (const double other : losses) {
      if (std::isnan(other)) continue;
      others += 1.0;
      sum += (own < other ? 1.0 : 0.0) - (other < own ? 1.0 : 0.0);
    }
    result.push_back(std::isnan(own) || others < 1.0 ? kUnknown : sum / others);
  }
  return result;
}

std::vector<double> closeness(std::span<const double> losses, double start) {
  double lowest = std::numeric_limits<double>::infinity();
  for (const double loss : losses) lowest = std::isnan(loss) ? lowest : std::min(lowest, loss);
  std::vector<double> result(losses.size(), kUnknown);
  if (!(lowest < start)) return result;
  double sum = 0.0;
  double count = 0.0;
  for (std::size_t j = 0; j < losses.size(); ++j) {
    if (std::isnan(losses[j])) continue;
    result[j] = -std::log2(kClosenessFloor + std::min(1.0, (losses[j] - lowest) / (start - lowest)));
    sum += result[j];
    count += 1.0;
  }
  for (double& value : result) value -= sum / count;
  return result;
}

std::size_t feature_index(const std::string& name) {
  std::size_t index = 0;
  while (index < std::size(kFeatures) && name != kFeatures[index].name) ++index;
  return index;
}

std::vector<double> feature_values(const Evidence& evidence, const Entrant& entrant, const RunPlan& plan) {
  std::vector<double> values;
  for (const Feature& feature : kFeatures) values.push_back(feature.value(evidence, entrant, plan));
  return values;
}

}  // namespace normdescent
