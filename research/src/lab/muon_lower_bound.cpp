// SPDX-License-Identifier: Apache-2.0
// L2 and U2 on the matrix lift H4: with exact msign Muon is SignSGD on the diagonal of Q W P^T, step for step; the
// nuclear norm stays above the bound; Newton-Schulz instead of msign leaves the grid (theory X4).
#include <algorithm>
#include <cmath>

#include "elementwise.hpp"
#include "experiments.hpp"
#include "normdescent/lab/separable_run.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "normdescent/theory/lower_sign.hpp"
#include "normdescent/theory/upper.hpp"
#include "parallel.hpp"

namespace normdescent::lab {

namespace {

constexpr double kSmoothness = 2.0;  // L_*
constexpr double kGap = 1.0;

struct Setting {
  Index rows;
  Index cols;
  std::int64_t samples;
  std::int64_t batch;
  double learning_rate;
  double noise;  // tr Sigma
};

struct MuonRun {
  TrajectoryNorms norms;
  double off_grid = 0.0;  // largest distance of a diagonal entry from a whole number of steps
};

/// W <- W - eta msign(G) on the lift, the gradient's diagonal drawn as in run_separable.
MuonRun run_muon(std::span<const ScalarInstance> instances, const Setting& s, std::string_view method,
                 int newton_schulz_steps, RandomStream stream) {
  const auto m = static_cast<std::size_t>(s.rows);
  const auto size = static_cast<std::size_t>(s.rows * s.cols);
  const MatrixLift lift(s.rows, s.cols, stream.seed + 77);
  const rules::Step<double> step(s.learning_rate, 0.0);
  std::vector<double> w(size, 0.0), g(size), direction(size), z(m), d(m);
  PolarWorkspace<double> workspace(s.rows, s.cols);
  WordReader reader(stream);
  MuonRun out;
  double sum = 0.0;
  const std::int64_t steps = s.samples / s.batch;
  for (std::int64_t t = 0; t < steps; ++t) {
    lift.to_diagonal(w, z);
    double norm = 0.0;
    bool moves = false;
    for (std::size_t i = 0; i < m; ++i) {
      const double u = z[i] / s.learning_rate;
      out.off_grid = std::max(out.off_grid, std::abs(u - std::nearbyint(u)));
      const double y = instances[i].gradient(u);
      norm += std::abs(y);
      d[i] = y;
      const RareOracle& oracle = instances[i].oracle;
      if (!oracle.is_exact_at(y)) {
        const auto threshold = static_cast<std::uint64_t>(oracle.probability * 0x1.0p32);
        const std::int64_t fired = reader.count_below(threshold, s.batch);
        d[i] = y / oracle.probability * (static_cast<double>(fired) / static_cast<double>(s.batch));
      }
      moves = moves || d[i] != 0.0;
    }
    out.norms.smallest = std::min(out.norms.smallest, norm);
    sum += norm;
    if (!moves) continue;  // msign(0) = 0
    lift.from_diagonal(d, g);
    polar<double>(method, newton_schulz_steps, MatrixView<const double>{g.data(), s.rows, s.cols},
                  {direction.data(), s.rows, s.cols}, workspace);
    for (std::size_t k = 0; k < size; ++k) step(w[k], direction[k]);
  }
  out.norms.average = sum / static_cast<double>(steps);
  lift.to_diagonal(w, z);
  for (const double v : z) out.norms.positions.push_back(v / s.learning_rate);
  return out;
}

std::vector<double> noise_vector(const Setting& s) {
  std::vector<double> sigma(static_cast<std::size_t>(s.rows));
  double sum = 0.0;
  for (std::size_t i = 0; i < sigma.size(); ++i) sum += sigma[i] = 1.0 / static_cast<double>(i + 1);
  for (double& v : sigma) v *= s.noise / sum;
  return sigma;
}

struct Outcome {
  double epsilon = 0.0;
  double upper = 0.0;
  Estimate smallest;
  Estimate average;
  double position_error = 0.0;  // against integer SignSGD with the same draws
  double off_grid = 0.0;
};

Outcome measure(const Setting& s, int trajectories, std::uint64_t seed, std::uint64_t job) {
  const ProblemConstants constants{.geometry = "spectral",
                                   .initial_gap = kGap,
                                   .smoothness = kSmoothness,
                                   .noise = s.noise,
                                   .tail = 2.0,
                                   .smoothness_kind = SmoothnessKind::lipschitz_gradient};
  Outcome out;
  out.epsilon = lower_sign(constants, static_cast<double>(s.samples)).value;
  const auto instances = sign_instances(kSmoothness, kGap, noise_vector(s), 2.0, out.epsilon, s.learning_rate);
  const std::int64_t steps = s.samples / s.batch;
  out.upper = upper_bound(constants, RawMiniBatch{},
                          {.learning_rate = s.learning_rate,
                           .steps = static_cast<double>(steps),
                           .batch = static_cast<double>(s.batch)})
                  .value;
  std::vector<double> smallest;
  std::vector<double> average;
  for (int k = 0; k < trajectories; ++k) {
    const auto stream = RandomStream::of(seed, 15, (job << 16U) | static_cast<std::uint64_t>(k));
    const auto run = run_muon(instances, s, "svd", 0, stream);
    const auto sign =
        run_separable(instances, [&](double unit) { return signsgd_rule<double>(s.learning_rate / unit); }, stream,
                      {.steps = steps, .batch = s.batch});
    for (std::size_t i = 0; i < instances.size(); ++i) {
      out.position_error = std::max(out.position_error, std::abs(run.norms.positions[i] - sign.positions[i]));
    }
    out.off_grid = std::max(out.off_grid, run.off_grid);
    smallest.push_back(run.norms.smallest);
    average.push_back(run.norms.average);
  }
  out.smallest = mean_and_error(smallest);
  out.average = mean_and_error(average);
  return out;
}

}  // namespace

ExperimentResult muon_lower_bound(const ExperimentOptions& options) {
  const int trajectories = static_cast<int>(std::clamp(std::round(16 * options.scale), 4.0, 65535.0));
  std::vector<Setting> settings;
  for (const auto& [rows, cols] : {std::pair<Index, Index>{1, 3}, {3, 3}, {4, 9}}) {
    for (const std::int64_t samples : {400, 4000}) {
      for (const std::int64_t batch : {1, 8}) {
        for (const double rate : {1e-3, 1.0}) {
          for (const double noise : {0.5, 4.0}) settings.push_back({rows, cols, samples, batch, rate, noise});
        }
      }
    }
  }
  const auto outcomes = parallel_map(settings.size(), options.threads, [&](std::size_t job) {
    return measure(settings[job], trajectories, options.seed, job);
  });
  ExperimentResult out;
  out.parameters = {{"smoothness", kSmoothness}, {"initial_gap", kGap}, {"trajectories", std::int64_t{trajectories}}};
  double least = std::numeric_limits<double>::infinity();
  double most = 0.0;
  double error = 0.0;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const auto& s = settings[i];
    const auto& o = outcomes[i];
    out.rows.push_back({{"rows", s.rows},
                        {"cols", s.cols},
                        {"samples", s.samples},
                        {"batch", s.batch},
                        {"learning_rate", s.learning_rate},
                        {"noise_trace", s.noise},
                        {"lower", o.epsilon},
                        {"min_norm", o.smallest.value},
                        {"min_norm_se", o.smallest.standard_error},
                        {"average_norm", o.average.value},
                        {"upper", o.upper},
                        {"position_error", o.position_error}});
    least = std::min(least, (o.smallest.value - 3 * o.smallest.standard_error) / o.epsilon);
    most = std::max(most, (o.average.value + 3 * o.average.standard_error) / o.upper);
    error = std::max(error, o.position_error);
  }
  out.checks.push_back(check_at_least(
      "L2: E min nuclear norm over its bound, three standard errors down, worst of the grid", least, 1.0));
  out.checks.push_back(check_at_most("U2: E average nuclear norm over its bound, three standard errors up", most, 1.0));
  out.checks.push_back(check_at_most("exact msign walks as SignSGD does: largest difference in steps", error, 1e-9));
  // Teeth (X4): the same instance under Newton-Schulz; nearly noiseless, so that every step moves all directions.
  const Setting exact{.rows = 3, .cols = 3, .samples = 200, .batch = 1, .learning_rate = 0.1, .noise = 1e-3};
  const auto instances = sign_instances(kSmoothness, kGap, noise_vector(exact), 2.0, 0.05, exact.learning_rate);
  const auto stream = RandomStream::of(options.seed, 16, 0);
  const auto jordan = run_muon(instances, exact, "jordan", 5, stream);
  const auto express = run_muon(instances, exact, "polar-express", 8, stream);
  out.checks.push_back(check_at_least("teeth: five Newton-Schulz steps leave the grid (steps)", jordan.off_grid, 0.05));
  out.checks.push_back(check_at_most("eight Polar Express steps in fp64 do not (steps)", express.off_grid, 1e-9));
  return out;
}

}  // namespace normdescent::lab
