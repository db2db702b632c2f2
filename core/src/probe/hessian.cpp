// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/hessian.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "moving_point.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/statistics/mean_and_error.hpp"

namespace normdescent {
namespace {

using probe_detail::MovingPoint;

using Vector = std::vector<float>;

// Products with the Hessian at the point of construction.
class HessianProduct {
 public:
  explicit HessianProduct(Objective& objective) : objective_(objective), point_(objective.parameters()) {
    double squares = 0.0;
    for (const Parameter& p : objective.parameters()) {
      const double norm = norm2(std::span<const float>(p.value));
      squares += norm * norm;
    }
    const double rms = std::sqrt(squares / static_cast<double>(std::max<Index>(1, dimension(objective.parameters()))));
    value_rms_ = rms > 0.0 ? rms : 1.0;
  }
  [[nodiscard]] double value_rms() const { return value_rms_; }
  void set_step(double rms) { step_ = rms; }

  // out = H v on `examples`; out may be v.
  void operator()(const Batch& examples, std::span<const float> v, std::span<float> out) {
    const double rms = norm2(v) / std::sqrt(static_cast<double>(v.size()));
    const double h = rms > 0.0 ? step_ / rms : 0.0;
    if (h == 0.0) {
      std::ranges::fill(out, 0.0F);
      return;
    }
    point_.move_to(v, h);
    objective_.gradient(examples);
    ahead_.resize(v.size());
    copy_gradients(objective_.parameters(), ahead_);
    point_.move_to(v, -h);
    objective_.gradient(examples);
    point_.restore();
    copy_gradients(objective_.parameters(), out);
    const auto scale = static_cast<float>(1.0 / (2.0 * h));  // move_to subtracts: `out` is at x + h v
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = (out[i] - ahead_[i]) * scale;
  }

 private:
  Objective& objective_;
  MovingPoint point_;
  Vector ahead_;
  double value_rms_ = 1.0;
  double step_ = 0.0;
};

// visit(i, z_i) for a random sign vector that is drawn anew at each call instead of kept.
template <class Visit>
void for_random_signs(std::uint64_t seed, std::uint64_t stream, std::size_t size, Visit visit) {
  Philox random(seed, stream);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < size; ++i, bits >>= 1U) {
    if (i % 64 == 0) bits = random();
    visit(i, (bits & 1U) != 0U ? 1.0F : -1.0F);
  }
}

void random_signs(std::uint64_t seed, std::uint64_t stream, std::span<float> z) {
  for_random_signs(seed, stream, z.size(), [&](std::size_t i, float sign) { z[i] = sign; });
}

// The step at which products agree best with those at three times it.
void choose_step(HessianProduct& product, const Batch& examples, std::uint64_t seed, std::span<float> v,
                 HessianReport& report) {
  Vector last;
  report.disagreement = std::numeric_limits<double>::infinity();
  double last_step = 0.0;
  for (const double share : {1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1}) {
    const double step = share * product.value_rms();
    product.set_step(step);
    random_signs(seed, 0, v);
    product(examples, v, v);
    const double norm = norm2(std::span<const float>(v));
    if (!std::isfinite(norm)) break;
    if (!last.empty() && norm > 0.0) {
      for (std::size_t i = 0; i < v.size(); ++i) last[i] -= v[i];
      const double difference = norm2(std::span<const float>(last)) / norm;
      if (difference < report.disagreement) {
        report.disagreement = difference;
        report.step = last_step;
      }
    }
    last.assign(v.begin(), v.end());
    last_step = step;
  }
  product.set_step(report.step);
}

struct Diagonal {
  double share = 0.0;
  double trace = 0.0;
};

Diagonal probe_diagonal(HessianProduct& product, const Batch& examples, const HessianOptions& options,
                        std::uint64_t stream, std::span<float> v) {
  Vector sum(v.size());
  double squares = 0.0;  // sum over probes of (H z)_i^2, which is (z_i (H z)_i)^2
  for (int k = 0; k < options.diagonal_probes; ++k) {
    const auto probe = stream + static_cast<std::uint64_t>(k);
    random_signs(options.seed, probe, v);
    product(examples, v, v);
    const double norm = norm2(std::span<const float>(v));
    squares += norm * norm;
    for_random_signs(options.seed, probe, v.size(), [&](std::size_t i, float sign) { sum[i] += sign * v[i]; });
  }
  const auto n = static_cast<double>(options.diagonal_probes);
  const double norm = norm2(std::span<const float>(sum));
  Diagonal result;
  for (const float x : sum) result.trace += static_cast<double>(x) / n;
  if (squares > 0.0) result.share = (norm * norm - squares) / (n * (n - 1.0)) / (squares / n);
  return result;
}

void check(const HessianOptions& options) {
  const auto at_least = [](const char* field, std::int64_t value, std::int64_t least) {
    if (value >= least) return;
    throw std::invalid_argument(std::string(field) + " = " + std::to_string(value) +
                                ", must be >= " + std::to_string(least));
  };
  at_least("iterations", options.iterations, 1);
  at_least("diagonal_probes", options.diagonal_probes, 2);
  at_least("batches", options.batches, 2);
  at_least("batch_size", options.batch_size, 1);
}

}  // namespace

HessianReport measure_hessian(Objective& objective, BatchSource& batches, const HessianOptions& options,
                              std::stop_token stop) {
  check(options);
  HessianReport report;
  const auto size = static_cast<std::size_t>(dimension(objective.parameters()));
  HessianProduct product(objective);
  Vector v(size);
  choose_step(product, batches.next(options.batch_size), options.seed, v, report);
  if (!(report.disagreement < kLargestDisagreement)) {
    report.reason =
        std::isfinite(report.disagreement)
            ? "differences of gradients at neighbouring steps disagree: rounding, or no curvature to speak of"
            : "the Hessian is zero or not finite";
    return report;
  }
  std::vector<ModelGeometry> geometries;
  for (const Geometry& each : options.geometries) geometries.emplace_back(each, objective.parameters());
  std::vector<std::vector<double>> constants(geometries.size());
  std::vector<double> shares;
  std::vector<double> traces;
  for (int b = 0; b < options.batches && !stop.stop_requested(); ++b) {
    const Batch examples = batches.next(options.batch_size);
    const auto stream = static_cast<std::uint64_t>(1 + b * (options.diagonal_probes + 1));
    for (std::size_t g = 0; g < geometries.size(); ++g) {
      ModelGeometry& geometry = geometries[g];
      random_signs(options.seed, stream, v);
      geometry.dual_unit(v, v);
      double best = 0.0;
      for (int i = 0; i < options.iterations; ++i) {
        product(examples, v, v);
        best = std::max(best, geometry.dual_unit(v, v));
      }
      constants[g].push_back(best);
    }
    const Diagonal diagonal = probe_diagonal(product, examples, options, stream + 1, v);
    shares.push_back(diagonal.share);
    traces.push_back(diagonal.trace);
  }
  for (std::size_t g = 0; g < geometries.size(); ++g) {
    report.constants.push_back({geometries[g].geometry(), mean_and_error(constants[g])});
  }
  report.diagonal_share = mean_and_error(shares);
  report.trace = mean_and_error(traces);
  if (shares.empty()) report.reason = "stopped on request";
  return report;
}

}  // namespace normdescent
