// SPDX-License-Identifier: Apache-2.0
#include "normdescent/policy/policy.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <stdexcept>

#include "policy_text.hpp"

namespace normdescent {

namespace {

double normal_density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2.0 * std::numbers::pi); }

/// Reads a field of a policy file, and says which one when it cannot.
double number(const nlohmann::json& object, const std::string& where, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number())
    throw std::invalid_argument("policy: " + where + "." + key + " must be a number");
  return found->get<double>();
}

double positive(const nlohmann::json& object, const std::string& where, const char* key) {
  const double value = number(object, where, key);
  if (!(std::isfinite(value) && value > 0.0))
    throw std::invalid_argument("policy: " + where + "." + key + " = " + std::to_string(value) + ", must be positive");
  return value;
}

const nlohmann::json& member(const nlohmann::json& object, const std::string& where, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !(found->is_object() || found->is_array()))
    throw std::invalid_argument("policy: " + (where.empty() ? "" : where + ".") + key + " is missing");
  return *found;
}

LinearRule linear_rule(const nlohmann::json& object, const std::string& where) {
  LinearRule rule;
  for (const auto& [name, value] : object.items()) {
    if (!value.is_number()) throw std::invalid_argument("policy: " + where + "." + name + " must be a number");
    if (name == "intercept") {
      rule.intercept = value.get<double>();
    } else {
      rule.slopes[name] = value.get<double>();
    }
  }
  return rule;
}

KindPolicy kind_policy(const nlohmann::json& object, const std::string& where) {
  KindPolicy kind;
  if (object.contains("log2_rate")) kind.log2_rate = linear_rule(object["log2_rate"], where + ".log2_rate");
  kind.rate_deviation = positive(object, where, "rate_deviation");
  kind.log2_regret = linear_rule(member(object, where, "log2_regret"), where + ".log2_regret");
  kind.regret_deviation = positive(object, where, "regret_deviation");
  const auto& cost = member(object, where, "cost");
  kind.cost = {.below = positive(cost, where + ".cost", "below"),
               .above = positive(cost, where + ".cost", "above"),
               .knee = positive(cost, where + ".cost", "knee")};
  kind.rate_shift = number(object, where, "rate_shift");
  kind.regret_shift = number(object, where, "regret_shift");
  kind.step_time = positive(object, where, "step_time");
  kind.diverges_above = positive(object, where, "diverges_above");
  kind.divergence_width = positive(object, where, "divergence_width");
  return kind;
}

}  // namespace

Gaussian updated(const Gaussian& prior, double value, double error) {
  const double prior_variance = prior.deviation * prior.deviation;
  const double gain = prior_variance / (prior_variance + error * error);
  return {prior.mean + gain * (value - prior.mean), std::sqrt(prior_variance * (1.0 - gain))};
}

double RateCost::operator()(double octaves) const {
  const double factor = octaves < 0.0 ? below : above;
  const double distance = std::abs(octaves);
  return distance <= knee ? factor * distance * distance : factor * knee * (2.0 * distance - knee);
}

double RateCost::expected(double octaves, double deviation) const {
  // The knee is far out in the cases that matter: quadratic on both sides, which has a closed form, would do but for
  // wide beliefs. A fixed quadrature is exact enough for both.
  constexpr int kPoints = 41;
  constexpr double kReach = 4.0;
  static const std::vector<double> kWeights = [] {
    std::vector<double> weights;
    for (int i = 0; i < kPoints; ++i) weights.push_back(normal_density(kReach * (2.0 * i / (kPoints - 1.0) - 1.0)));
    return weights;
  }();
  double sum = 0.0;
  double weights = 0.0;
  for (int i = 0; i < kPoints; ++i) {
    const double weight = kWeights[static_cast<std::size_t>(i)];
    sum += weight * (*this)(octaves - deviation * kReach * (2.0 * i / (kPoints - 1.0) - 1.0));
    weights += weight;
  }
  return sum / weights;
}

Policy Policy::parse(std::string_view text) {
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw std::invalid_argument(std::string("policy: not JSON: ") + error.what());
  }
  if (!json.is_object()) throw std::invalid_argument("policy: must be a JSON object");
  Policy policy;
  policy.text_ = std::string(text);
  for (const auto& [name, feature] : member(json, "", "features").items()) {
    const std::string where = "features." + name;
    policy.transforms_[name] = {.log2 = feature.value("log2", false),
                                .centre = number(feature, where, "centre"),
                                .usual = number(feature, where, "usual")};
  }
  for (const auto& [name, kind] : member(json, "", "kinds").items())
    policy.kinds_[name] = kind_policy(kind, "kinds." + name);
  if (!policy.kinds_.contains("custom")) throw std::invalid_argument("policy: kinds.custom is missing");
  for (const auto& [name, kind] : policy.kinds_) {
    for (const auto* rule : {&kind.log2_rate, &kind.log2_regret}) {
      for (const auto& [feature, slope] : rule->slopes) {
        if (!policy.transforms_.contains(feature))
          throw std::invalid_argument("policy: kinds." + name + ": no feature " + feature);
      }
    }
  }
  if (json.contains("correlations")) {
    for (const auto& row : json["correlations"]) {
      const auto a = row.at(0).get<std::string>();
      const auto b = row.at(1).get<std::string>();
      const auto value = row.at(2).get<double>();
      if (!(value > -1.0 && value < 1.0))
        throw std::invalid_argument("policy: correlation of " + a + " and " + b + " must be in (-1, 1)");
      policy.correlations_[{a, b}] = policy.correlations_[{b, a}] = value;
    }
  }
  policy.same_kind_correlation_ = number(json, "", "same_kind_correlation");

  const auto& transfer = member(json, "", "transfer");
  policy.transfer = {.rate_deviation = transfer.contains("rate_deviation")
                                           ? number(transfer, "transfer", "rate_deviation")
                                           : Policy::Transfer{}.rate_deviation,
                     .rate_deviation_slope = positive(transfer, "transfer", "rate_deviation_slope"),
                     .regret_deviation = positive(transfer, "transfer", "regret_deviation"),
                     .regret_deviation_slope = positive(transfer, "transfer", "regret_deviation_slope"),
                     .noise = positive(transfer, "transfer", "noise"),
                     .noise_slope = number(transfer, "transfer", "noise_slope"),
                     .closeness_floor = positive(transfer, "transfer", "closeness_floor"),
                     .closeness_scale = positive(transfer, "transfer", "closeness_scale")};
  const auto& spending = member(json, "", "spending");
  policy.spending = {.divisors = {},
                     .fewest_steps = std::llround(positive(spending, "spending", "fewest_steps")),
                     .smallest_share = spending.contains("smallest_share")
                                           ? number(spending, "spending", "smallest_share")
                                           : Policy::Spending{}.smallest_share,
                     .rate_step = positive(spending, "spending", "rate_step"),
                     .guess_deviation = positive(spending, "spending", "guess_deviation"),
                     .smallest_gain = positive(spending, "spending", "smallest_gain"),
                     .clock_advantage = positive(spending, "spending", "clock_advantage")};
  for (const auto& divisor : member(spending, "spending", "divisors")) {
    policy.spending.divisors.push_back(divisor.get<int>());
    if (policy.spending.divisors.back() < 1)
      throw std::invalid_argument("policy: spending.divisors must be at least 1");
  }
  return policy;
}

double Policy::evaluate(const LinearRule& rule, const Features& features) const {
  double value = rule.intercept;
  for (const auto& [name, slope] : rule.slopes) {
    const Transform& transform = transforms_.at(name);
    const auto given = features.find(name);
    const bool is_usable =
        given != features.end() && std::isfinite(given->second) && (!transform.log2 || given->second > 0.0);
    const double raw = is_usable ? given->second : transform.usual;
    value += slope * ((transform.log2 ? std::log2(raw) : raw) - transform.centre);
  }
  return value;
}

Prior Policy::prior(const Candidate& candidate, const Features& features) const {
  const auto& rate = candidate.learning_rate;
  if (rate && !(std::isfinite(*rate) && *rate > 0.0))
    throw std::invalid_argument("learning rate of " + candidate.name + " = " + std::to_string(*rate) +
                                ", must be positive");
  const bool is_known = candidate.kind != "custom" && knows(candidate.kind);
  if (!is_known && !rate)
    throw std::invalid_argument("learning rate of " + candidate.name + " is missing, must be given for " +
                                (candidate.kind == "custom" ? "an optimizer of one's own" : candidate.kind));
  if (candidate.rate_is_fixed && !rate)
    throw std::invalid_argument("learning rate of " + candidate.name + " is missing, must be given where it is fixed");
  const KindPolicy& kind = kinds_.at(is_known ? candidate.kind : "custom");
  Prior prior{.rate = {is_known ? evaluate(kind.log2_rate, features) : std::log2(*rate), kind.rate_deviation},
              .regret = {evaluate(kind.log2_regret, features), kind.regret_deviation},
              .cost = kind.cost,
              .rate_shift = kind.rate_shift,
              .regret_shift = kind.regret_shift,
              .step_time = kind.step_time,
              .diverges_above = kind.diverges_above,
              .divergence_width = kind.divergence_width,
              .rate_is_fixed = candidate.rate_is_fixed};
  if (candidate.rate_is_fixed) {
    // What is measured is this rate's regret: that of the best rate, and what the distance from it costs.
    const double octaves = std::log2(*rate) - prior.rate.mean;
    const double penalty = kind.cost.expected(octaves, prior.rate.deviation);
    prior.regret.mean += penalty;
    prior.regret.deviation = std::hypot(prior.regret.deviation, penalty);
    prior.rate = {std::log2(*rate), 0.0};
  } else if (is_known && rate) {
    prior.rate = updated(prior.rate, std::log2(*rate), spending.guess_deviation);
  }
  return prior;
}

double Policy::correlation(const Candidate& a, const Candidate& b) const {
  if (a.name == b.name) return 1.0;
  if (a.kind == b.kind) return a.kind == "custom" ? 0.0 : same_kind_correlation_;
  const auto found = correlations_.find({a.kind, b.kind});
  return found == correlations_.end() ? 0.0 : found->second;
}

const Policy& shipped_policy() {
  static const Policy policy = Policy::parse(policy_text::kPolicy);
  return policy;
}

double closeness_regret(double loss, double lowest, double start, const Policy::Transfer& transfer) {
  const double share = std::clamp((loss - lowest) / (start - lowest), 0.0, 1.0);
  return transfer.closeness_scale * std::log2((transfer.closeness_floor + share) / transfer.closeness_floor);
}

std::vector<Candidate> default_candidates() {
  std::vector<Candidate> candidates;
  for (const char* name : {"sgd-momentum", "adamw", "signsgd", "lion", "muon"})
    candidates.push_back({.name = name, .kind = name, .learning_rate = {}, .rate_is_fixed = false});
  return candidates;
}

}  // namespace normdescent
