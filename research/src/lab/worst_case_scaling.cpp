// SPDX-License-Identifier: Apache-2.0
// W1 and W2 measured: samples until ||grad f||_1 <= epsilon on the worst instance of each step size, at the best step
// size, against d (without noise) and against the density phi of the noise. SGD grows as d and as 1/phi; SignSGD does
// not grow.
#include <algorithm>
#include <cmath>

#include "elementwise.hpp"
#include "experiments.hpp"
#include "normdescent/lab/separable_run.hpp"
#include "normdescent/statistics/line_fit.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "parallel.hpp"
#include "worst_case.hpp"

namespace normdescent::lab {

namespace {

struct Samples {
  Estimate mean;
  double bound = 0.0;  // what theory promises at this step size
  double learning_rate = 0.0;
};

template <class MakeRule>
Estimate samples_to_target(const std::vector<ScalarInstance>& instances, const MakeRule& rule, double epsilon,
                           std::int64_t cap, int trajectories, RandomStream stream) {
  std::vector<double> samples;
  for (int k = 0; k < trajectories; ++k) {
    const auto run =
        run_separable(instances, rule, {stream.seed, stream.stream + (static_cast<std::uint64_t>(k) << 32U)},
                      {.steps = cap, .target = epsilon});
    samples.push_back(run.first_below >= 0 ? static_cast<double>(run.first_below)
                                           : std::numeric_limits<double>::infinity());
  }
  return mean_and_error(samples);
}

/// At the best step size. Step sizes come in the order of what their instances promise: a horizon beyond the best
/// measurement so far cannot win any more.
Samples sgd_samples(const WorstCase& s, int trajectories, RandomStream stream) {
  const auto budgets = sgd_budgets(s);
  double smallest = budgets[0].curvature;
  for (const auto& b : budgets) smallest = std::min(smallest, b.curvature);
  std::vector<std::pair<double, double>> candidates;  // horizon, rate
  const auto consider = [&](double rate) {
    const auto horizon = resisted_horizon(budgets, rate, s.epsilon);
    if (horizon) candidates.emplace_back(*horizon, rate);
  };
  for (double rate = 1e-4; rate < 4 / smallest; rate *= 1.25) consider(rate);
  consider(0.999 * 2 / budgets[0].curvature);  // the largest that does not cycle in the steep coordinate
  std::sort(candidates.begin(), candidates.end());
  Samples best{.mean = {std::numeric_limits<double>::infinity(), 0.0}, .bound = 0.0, .learning_rate = 0.0};
  for (const auto& [horizon, rate] : candidates) {
    if (horizon > best.mean.value) break;
    const auto instances = sgd_instances(budgets, rate, std::max(1.0, horizon));
    const auto cap = static_cast<std::int64_t>(100 * horizon + 1000);
    const double learning_rate = rate;
    const bool is_random = std::any_of(instances.begin(), instances.end(),
                                       [](const ScalarInstance& i) { return i.oracle.probability < 1.0; });
    const auto mean = samples_to_target(
        instances, [&](double unit) { return sgd_rule<double>(learning_rate / unit); }, s.epsilon, cap,
        is_random ? trajectories : 1, stream);
    if (mean.value < best.mean.value) best = {mean, horizon, rate};
  }
  return best;
}

/// Curvature, gap and slope in proportion to sigma (equal without noise). The instance of every step size resists for
/// the same number of samples; eta = epsilon/L is one that ends below epsilon in the bowl.
Samples sign_samples(const WorstCase& s, int trajectories, RandomStream stream) {
  const auto d = static_cast<double>(s.sigma.size());
  double sum = 0.0;
  for (const double v : s.sigma) sum += v;
  const double rate = s.epsilon / kWorstCaseSmoothness;
  std::vector<ScalarInstance> instances;
  for (const double v : s.sigma) {
    const double share = sum > 0 ? v / sum : 1 / d;
    if (share == 0.0) continue;
    instances.push_back(
        sign_instance({kWorstCaseSmoothness * share, kWorstCaseGap * share, v, s.tail}, s.epsilon * share, rate));
  }
  const double q = instances[0].oracle.probability;
  const auto& f = std::get<ResistingFunction>(instances[0].function);
  const double horizon = static_cast<double>(f.cells) / (2 * q);  // half the expected moves (Markov)
  const auto cap = static_cast<std::int64_t>(100 * horizon + 1000);
  return {samples_to_target(
              instances, [&](double unit) { return signsgd_rule<double>(rate / unit); }, s.epsilon, cap, trajectories,
              stream),
          horizon, rate};
}

struct Family {
  std::string name;
  double tail;
  std::vector<WorstCase> settings;
};

/// Runs every family with both methods, fits log samples on log ratio, and checks the exponents.
ExperimentResult scaling(const ExperimentOptions& options, const std::vector<Family>& families, const char* ratio_name,
                         const char* title) {
  const int trajectories = static_cast<int>(std::clamp(std::round(4 * options.scale), 2.0, 4096.0));
  struct Job {
    std::size_t family;
    std::size_t setting;
    bool is_sgd;
  };
  std::vector<Job> jobs;
  for (std::size_t f = 0; f < families.size(); ++f) {
    for (std::size_t k = families[f].settings.size(); k-- > 0;) {  // the longest first
      jobs.push_back({f, k, true});
      jobs.push_back({f, k, false});
    }
  }
  const auto results = parallel_map(jobs.size(), options.threads, [&](std::size_t j) {
    const auto& setting = families[jobs[j].family].settings[jobs[j].setting];
    const auto stream = RandomStream::of(options.seed, 20, j << 8U);
    return jobs[j].is_sgd ? sgd_samples(setting, trajectories, stream)
                          : sign_samples(setting, 64 * trajectories, stream);
  });
  ExperimentResult out;
  out.parameters = {{"smoothness", kWorstCaseSmoothness},
                    {"initial_gap", kWorstCaseGap},
                    {"trajectories", std::int64_t{trajectories}}};
  Chart chart{.title = title, .x_label = ratio_name, .y_label = "samples", .log_x = true, .log_y = true, .series = {}};
  for (std::size_t f = 0; f < families.size(); ++f) {
    for (const bool is_sgd : {true, false}) {
      std::vector<double> x;
      std::vector<double> y;
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t j = jobs.size(); j-- > 0;) {
        if (jobs[j].family != f || jobs[j].is_sgd != is_sgd) continue;
        const auto& setting = families[f].settings[jobs[j].setting];
        const auto& r = results[j];
        x.push_back(setting.ratio);
        y.push_back(r.mean.value);
        least = std::min(least, (r.mean.value + 3 * r.mean.standard_error) / r.bound);
        out.rows.push_back({{"family", families[f].name},
                            {"method", std::string(is_sgd ? "sgd" : "signsgd")},
                            {"dimension", static_cast<std::int64_t>(setting.sigma.size())},
                            {ratio_name, setting.ratio},
                            {"tail", setting.tail},
                            {"target", setting.epsilon},
                            {"samples", r.mean.value},
                            {"samples_se", r.mean.standard_error},
                            {"promised", r.bound},
                            {"learning_rate", r.learning_rate}});
      }
      const LineFit fit = fit_power(x, y);
      const std::string method = is_sgd ? "SGD" : "SignSGD";
      const std::string label = method + ", " + families[f].name;
      out.rows.push_back({{"family", families[f].name},
                          {"method", std::string(is_sgd ? "sgd" : "signsgd")},
                          {"slope", fit.slope},
                          {"slope_low", fit.slope_low},
                          {"slope_high", fit.slope_high}});
      out.checks.push_back(check_near(label + ": exponent of samples in " + ratio_name, fit.slope, is_sgd ? 1.0 : 0.0,
                                      is_sgd ? 0.1 : 0.05));
      out.checks.push_back(check_at_least(label + ": samples over what the instances promise, smallest", least, 1.0));
      chart.series.push_back({.name = label, .x = x, .y = y, .low = {}, .high = {}});
    }
  }
  out.charts.push_back(std::move(chart));
  return out;
}

}  // namespace

ExperimentResult dimension_scaling(const ExperimentOptions& options) {
  std::vector<Family> families{{"no noise", 2.0, {}}};
  for (std::size_t d = 16; d <= 256; d *= 2) {
    families[0].settings.push_back({std::vector<double>(d, 0.0), 2.0, 0.03, static_cast<double>(d)});
  }
  return scaling(options, families, "dimension", "Samples to epsilon in l1 against the dimension, no noise");
}

ExperimentResult density_scaling(const ExperimentOptions& options) {
  constexpr std::size_t kDimension = 64;
  std::vector<Family> families{{"p = 2", 2.0, {}}, {"p = 1.5", 1.5, {}}};
  for (auto& family : families) {
    for (std::size_t active = kDimension / 2; active >= 1; active /= 2) {
      std::vector<double> sigma(kDimension, 0.0);
      for (std::size_t i = 0; i < active; ++i) sigma[i] = 1.0 / static_cast<double>(active);
      family.settings.push_back({sigma, family.tail, family.tail == 2.0 ? 0.14 : 0.2,
                                 static_cast<double>(kDimension) / static_cast<double>(active)});
    }
  }
  return scaling(options, families, "one_over_density", "Samples to epsilon in l1 against 1/phi, d = 64");
}

}  // namespace normdescent::lab
