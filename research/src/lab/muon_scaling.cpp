// SPDX-License-Identifier: Apache-2.0
// W3 measured on the matrix lift: iterations and samples until ||grad F||_nuc <= epsilon on worst instances grow as r
// and as 1/phi_nuc for SGD and not at all for Muon. SignSGD runs on Muon's matrices: equal where the singular
// directions are axes, slower where they are not.
#include <algorithm>
#include <cmath>

#include "elementwise.hpp"
#include "experiments.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/lab/separable_run.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/norms/norms.hpp"
#include "normdescent/statistics/line_fit.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "parallel.hpp"
#include "worst_case.hpp"

namespace normdescent::lab {

namespace {

enum class Method { sgd, muon };
constexpr std::array kMethods{std::pair{Method::sgd, "sgd"}, std::pair{Method::muon, "muon"}};

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
  return run_lift(method, instances, std::max(r, rank), muon_rate, s.epsilon, 1e5, stream);
}

// ---- Muon and SignSGD on the same matrices -------------------------------------------------------------------------

enum class Target { low_rank, signs, gaussian };
struct SameMatrix {
  Target target;
  Index rows;
  Index cols;
  Index rank;  ///< of a low-rank target
};
struct Duel {
  double muon = 0.0;
  double signsgd = 0.0;
  double gain_ratio = 0.0;  ///< Muon's one-step gain over SignSGD's
};

/// D_0 = W* - W_0: orthonormal factors, random signs, or independent normals.
std::vector<double> target_matrix(const SameMatrix& s, std::uint64_t seed) {
  Philox random(seed, 0x4455454CU);
  std::vector<double> out(static_cast<std::size_t>(s.rows * s.cols), 0.0);
  if (s.target == Target::low_rank) {
    const MatrixLift left(s.rows, s.rows, seed + 1);
    const MatrixLift right(s.cols, s.cols, seed + 2);
    for (Index k = 0; k < s.rank; ++k) {
      for (Index i = 0; i < s.rows; ++i) {
        for (Index j = 0; j < s.cols; ++j)
          out[static_cast<std::size_t>(i * s.cols + j)] += left.q(k, i) * right.q(k, j);
      }
    }
    return out;
  }
  for (double& v : out) v = s.target == Target::signs ? (random.uniform() < 0.5 ? -1.0 : 1.0) : random.normal();
  return out;
}

/// Steps of W <- W - eta d until F <= F_0/100, at the best of a grid of factors 2^(1/4) below the gain's best step.
template <class Direction>
double steps_to_hundredth(const std::vector<double>& start, double best_step, const Direction& apply) {
  double best = std::numeric_limits<double>::infinity();
  for (int k = 0; k <= 20; ++k) {
    std::vector<double> d = start;
    const double rate = best_step * std::exp2(-k / 4.0);
    double first = 0.0;
    for (double t = 0; t < std::min(best, 2000.0); ++t) {
      double value = 0.0;
      for (const double v : d) value += v * v;
      if (t == 0) first = value;
      if (value <= 0.01 * first) {
        best = t;
        break;
      }
      apply(d, rate);
    }
  }
  return best;
}

Duel duel(const SameMatrix& s, std::uint64_t seed) {
  const auto start = target_matrix(s, seed);
  const auto size = static_cast<double>(start.size());
  const MatrixView<const double> view{start.data(), s.rows, s.cols};
  const double l1 = LInf{}.dual(view);
  const double nuclear = Spectral{}.dual(view);
  const auto rank = static_cast<double>(s.target == Target::low_rank ? s.rank : std::min(s.rows, s.cols));
  Duel out;
  out.gain_ratio = (nuclear * nuclear / rank) / (l1 * l1 / size);
  out.signsgd = steps_to_hundredth(start, l1 / size, [](std::vector<double>& d, double rate) {
    const auto rule = signsgd_rule<double>(rate);
    for (double& v : d) rule(v, v);
  });
  std::vector<double> direction(start.size());
  out.muon = steps_to_hundredth(start, nuclear / rank, [&](std::vector<double>& d, double rate) {
    polar_svd<double>(MatrixView<const double>{d.data(), s.rows, s.cols},
                      MatrixView<double>{direction.data(), s.rows, s.cols}, 1e-9);
    const rules::Step<double> step(rate, 0.0);
    for (std::size_t k = 0; k < d.size(); ++k) step(d[k], direction[k]);
  });
  return out;
}

void add_duels(const ExperimentOptions& options, ExperimentResult& out) {
  std::vector<SameMatrix> cases;
  for (const auto& [rows, cols] : {std::pair<Index, Index>{8, 8}, {8, 32}, {24, 24}}) {
    for (const Index rank : {1, 2, 8}) cases.push_back({Target::low_rank, rows, cols, rank});
    cases.push_back({Target::signs, rows, cols, 0});
    cases.push_back({Target::gaussian, rows, cols, 0});
  }
  const auto duels =
      parallel_map(cases.size(), options.threads, [&](std::size_t j) { return duel(cases[j], options.seed + j); });
  constexpr std::array kNames{"low-rank", "signs", "gaussian"};
  int right = 0;
  for (std::size_t j = 0; j < cases.size(); ++j) {
    const auto& [muon, signsgd, ratio] = duels[j];
    const bool is_right = muon == signsgd || (muon < signsgd) == (ratio > 1);
    right += is_right;
    out.rows.push_back({{"family", std::string("same matrices")},
                        {"target", std::string(kNames[static_cast<std::size_t>(cases[j].target)])},
                        {"rows", cases[j].rows},
                        {"cols", cases[j].cols},
                        {"rank", cases[j].rank},
                        {"samples_muon", muon},
                        {"samples_signsgd", signsgd},
                        {"gain_ratio", ratio},
                        {"gain_was_right", std::int64_t{is_right}}});
  }
  out.checks.push_back(check_at_least("Muon or SignSGD on the same matrices: share that the one-step gain predicts",
                                      right / static_cast<double>(cases.size()), 0.8));
}

struct Family {
  const char* name;
  const char* ratio;
  std::vector<WorstCase> settings;
};

}  // namespace

ExperimentResult muon_scaling(const ExperimentOptions& options) {
  std::vector<Family> families{{"no noise", "rank", {}}, {"noise of falling rank", "one_over_density", {}}};
  const auto largest = static_cast<std::size_t>(options.scale >= 4 ? 128 : 64);
  for (std::size_t r = 8; r <= largest; r *= 2) {
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
        jobs.push_back({f, k, method});
      }
    }
  }
  const int trajectories = static_cast<int>(std::clamp(std::round(64 * options.scale), 8.0, 1024.0));
  const auto samples = parallel_map(jobs.size(), options.threads, [&](std::size_t j) {
    const auto& setting = families[jobs[j].family].settings[jobs[j].setting];
    const int repeats = jobs[j].family == 1 && jobs[j].method == Method::muon ? trajectories : 1;
    std::vector<double> all;
    for (int k = 0; k < repeats; ++k) {
      all.push_back(samples_of(jobs[j].method, setting,
                               RandomStream::of(options.seed, 41, j << 12U | static_cast<std::uint64_t>(k))));
    }
    return mean_and_error(all).value;
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
      chart.series.push_back({.name = name, .x = x, .y = y, .low = {}, .high = {}});
      const LineFit fit = fit_power(x, y);
      out.rows.push_back({{"family", std::string(families[f].name)},
                          {"method", std::string(name)},
                          {"slope", fit.slope},
                          {"slope_low", fit.slope_low},
                          {"slope_high", fit.slope_high}});
      const bool is_sgd = method == Method::sgd;
      out.checks.push_back(
          check_near(std::string(name) + ", " + families[f].name + ": exponent in " + families[f].ratio, fit.slope,
                     is_sgd ? 1.0 : 0.0, is_sgd ? 0.1 : 0.05));
    }
    out.charts.push_back(std::move(chart));
  }
  add_duels(options, out);
  return out;
}

}  // namespace normdescent::lab
