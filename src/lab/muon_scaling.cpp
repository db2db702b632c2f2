// SPDX-License-Identifier: Apache-2.0
// W3 measured on the matrix lift: iterations and samples until ||grad F||_nuc <= epsilon on worst instances grow as r
// and as 1/phi_nuc for SGD and not at all for Muon. SignSGD runs on Muon's matrices: equal where the singular
// directions are axes, slower where they are not.
#include <algorithm>
#include <cmath>

#include "elementwise.hpp"
#include "experiments.hpp"
#include "normdescent/lab/separable_run.hpp"
#include "normdescent/linalg/polar.hpp"
#include "parallel.hpp"
#include "statistics.hpp"
#include "worst_case.hpp"

namespace normdescent::lab {

namespace {

enum class Method { sgd, muon, signsgd };
constexpr std::array kMethods{std::pair{Method::sgd, "sgd"}, std::pair{Method::muon, "muon"},
                              std::pair{Method::signsgd, "signsgd"}};

/// First t with nuclear norm <= epsilon; infinity if not within `cap` steps.
double run_lift(Method method, const std::vector<ScalarInstance>& instances, Index cols, double learning_rate,
                double epsilon, double cap, RandomStream stream) {
  const std::size_t r = instances.size();
  const auto rows = static_cast<Index>(r);
  const auto size = static_cast<std::size_t>(rows * cols);
  const MatrixLift lift(rows, cols, stream.seed + 5);
  std::vector<double> w(size), g(size), direction(size), z(r), d(r);
  for (std::size_t i = 0; i < r; ++i) z[i] = instances[i].start * instances[i].unit();
  lift.from_diagonal(z, w);
  const auto sgd = sgd_rule<double>(learning_rate);
  const auto sign = signsgd_rule<double>(learning_rate);
  const rules::Step<double> step(learning_rate, 0.0);
  WordReader reader(stream);
  for (double t = 0; t < cap; ++t) {
    lift.to_diagonal(w, z);
    double norm = 0.0;
    bool moves = false;
    for (std::size_t i = 0; i < r; ++i) {
      const auto& instance = instances[i];
      d[i] = instance.gradient(z[i] / instance.unit());
      norm += std::abs(d[i]);
      if (!instance.oracle.is_exact_at(d[i])) {
        d[i] = reader.uniform() < instance.oracle.probability ? d[i] / instance.oracle.probability : 0.0;
      }
      moves = moves || d[i] != 0.0;
    }
    if (norm <= epsilon) return t;
    if (!moves) continue;
    lift.from_diagonal(d, g);
    switch (method) {
      case Method::sgd:
        for (std::size_t k = 0; k < size; ++k) sgd(w[k], g[k]);
        break;
      case Method::signsgd:
        for (std::size_t k = 0; k < size; ++k) sign(w[k], g[k]);
        break;
      case Method::muon:
        polar_svd<double>(MatrixView<const double>{g.data(), rows, cols},
                          MatrixView<double>{direction.data(), rows, cols});
        for (std::size_t k = 0; k < size; ++k) step(w[k], direction[k]);
        break;
    }
  }
  return std::numeric_limits<double>::infinity();
}

std::vector<ScalarInstance> muon_instances(const WorstCase& s, double rate) {
  double sum = 0.0;
  for (const double v : s.sigma) sum += v;
  std::vector<ScalarInstance> out;
  for (const double v : s.sigma) {
    const double share = sum > 0 ? v / sum : 1.0 / static_cast<double>(s.sigma.size());
    if (share == 0.0) continue;
    out.push_back(
        sign_instance({kWorstCaseSmoothness * share, kWorstCaseGap * share, v, s.tail}, s.epsilon * share, rate));
  }
  return out;
}

double samples_of(Method method, const WorstCase& s, RandomStream stream) {
  const auto r = static_cast<Index>(s.sigma.size());
  double best = std::numeric_limits<double>::infinity();
  if (method == Method::sgd) {
    const auto budgets = sgd_budgets(s);
    double steepest = 0.0;
    for (const auto& b : budgets) steepest = std::max(steepest, b.curvature);
    for (double rate = 0.999 * 2 / steepest; rate > 1e-3; rate /= 1.25) {
      const auto horizon = resisted_horizon(budgets, rate, s.epsilon);
      if (!horizon || *horizon > best) continue;
      const auto instances = sgd_instances(budgets, rate, std::max(1.0, *horizon));
      best = std::min(best, run_lift(method, instances, static_cast<Index>(instances.size()) + 2, rate, s.epsilon,
                                     std::min(best, 100 * *horizon + 1000), stream));
    }
    return best;
  }
  const double muon_rate = s.epsilon / kWorstCaseSmoothness;
  const auto instances = muon_instances(s, muon_rate);
  const auto rank = static_cast<Index>(instances.size());
  if (method == Method::muon) return run_lift(method, instances, std::max(r, rank), muon_rate, s.epsilon, 1e5, stream);
  // SignSGD is not resisted by these matrices: its best step size of a grid.
  for (double rate = 4 * muon_rate; rate > muon_rate / 100; rate /= std::sqrt(2.0)) {
    best = std::min(best, run_lift(method, instances, std::max(r, rank), rate, s.epsilon, std::min(best, 2e4), stream));
  }
  return best;
}

struct Family {
  const char* name;
  const char* ratio;
  std::vector<WorstCase> settings;
};

}  // namespace

ExperimentResult muon_scaling(const ExperimentOptions& options) {
  std::vector<Family> families{{"no noise", "rank", {}}, {"noise of falling rank", "one_over_density", {}}};
  const auto largest = static_cast<std::size_t>(options.scale >= 4 ? 64 : 32);
  for (std::size_t r = 4; r <= largest; r *= 2) {
    families[0].settings.push_back({std::vector<double>(r, 0.0), 2.0, 0.03, static_cast<double>(r)});
  }
  constexpr std::size_t kRank = 32;
  for (std::size_t active = kRank / 2; active >= 1; active /= 2) {
    std::vector<double> sigma(kRank, 0.0);
    for (std::size_t i = 0; i < active; ++i) sigma[i] = 1.0 / static_cast<double>(active);
    families[1].settings.push_back({sigma, 2.0, 0.14, static_cast<double>(kRank) / static_cast<double>(active)});
  }
  struct Job {
    std::size_t family;
    std::size_t setting;
    Method method;
  };
  std::vector<Job> jobs;
  for (std::size_t f = 0; f < families.size(); ++f) {
    for (std::size_t k = families[f].settings.size(); k-- > 0;) {
      for (const auto& [method, name] : kMethods) {
        if (f == 0 || method != Method::signsgd) jobs.push_back({f, k, method});
      }
    }
  }
  const int trajectories = static_cast<int>(std::clamp(std::round(16 * options.scale), 4.0, 1024.0));
  const auto samples = parallel_map(jobs.size(), options.threads, [&](std::size_t j) {
    const auto& setting = families[jobs[j].family].settings[jobs[j].setting];
    const int repeats = jobs[j].family == 1 && jobs[j].method == Method::muon ? trajectories : 1;
    std::vector<double> all;
    for (int k = 0; k < repeats; ++k) {
      all.push_back(samples_of(jobs[j].method, setting,
                               RandomStream::of(options.seed, 41, j << 12U | static_cast<std::uint64_t>(k))));
    }
    return mean_of(all).mean;
  });
  ExperimentResult out;
  out.parameters = {{"smoothness", kWorstCaseSmoothness},
                    {"initial_gap", kWorstCaseGap},
                    {"trajectories", std::int64_t{trajectories}}};
  for (std::size_t f = 0; f < families.size(); ++f) {
    Chart chart{.title = std::string("Samples to epsilon in the nuclear norm, ") + families[f].name,
                .x_label = families[f].ratio,
                .y_label = "samples",
                .log_x = true,
                .log_y = true,
                .series = {}};
    std::vector<double> muon;
    std::vector<double> signsgd;
    for (const auto& [method, name] : kMethods) {
      std::vector<double> x;
      std::vector<double> y;
      for (std::size_t j = jobs.size(); j-- > 0;) {
        if (jobs[j].family != f || jobs[j].method != method) continue;
        const auto& setting = families[f].settings[jobs[j].setting];
        x.push_back(setting.ratio);
        y.push_back(samples[j]);
        out.rows.push_back({{"family", std::string(families[f].name)},
                            {"method", std::string(name)},
                            {families[f].ratio, setting.ratio},
                            {"target", setting.epsilon},
                            {"samples", samples[j]}});
      }
      if (x.empty()) continue;
      if (method == Method::muon) muon = y;
      if (method == Method::signsgd) signsgd = y;
      chart.series.push_back({.name = name, .x = x, .y = y, .low = {}, .high = {}});
      const LineFit fit = fit_power(x, y);
      out.rows.push_back({{"family", std::string(families[f].name)},
                          {"method", std::string(name)},
                          {"slope", fit.slope},
                          {"slope_low", fit.slope_low},
                          {"slope_high", fit.slope_high}});
      if (method == Method::signsgd) continue;
      const bool is_sgd = method == Method::sgd;
      out.checks.push_back(
          check_near(std::string(name) + ", " + families[f].name + ": exponent in " + families[f].ratio, fit.slope,
                     is_sgd ? 1.0 : 0.0, is_sgd ? 0.1 : 0.05));
    }
    if (!signsgd.empty()) {
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < muon.size(); ++i) least = std::min(least, signsgd[i] / muon[i]);
      out.checks.push_back(check_at_least("SignSGD over Muon on rotated matrices, smallest", least, 1.0));
    }
    out.charts.push_back(std::move(chart));
  }
  return out;
}

}  // namespace normdescent::lab
