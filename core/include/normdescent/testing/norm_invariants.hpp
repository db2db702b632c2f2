// SPDX-License-Identifier: Apache-2.0
// The axioms of a norm (norms/norm.hpp), checked for any type that offers value, dual and dual_unit; for your own
// norms, in any test framework: EXPECT_TRUE(report.passed()) << report.one_line().
//
// Legend   g, x, y matrices   c > 0 a number   d = dual_unit(g)   <g, d> = sum g_ij d_ij
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/view.hpp"
#include "normdescent/norms/norm.hpp"

namespace normdescent::testing {

struct NormFailure {
  std::string axiom;  ///< e.g. "N2: <g, d> >= dual(g)"
  std::string input;  ///< e.g. "rank one (6, 4)"
  double observed = 0.0;
  double allowed = 0.0;
  std::vector<double> g;  ///< the failing matrix, row-major
};

/// What was checked. The default value says "not run".
struct NormReport {
  static constexpr std::size_t kKept = 20;
  std::string norm;
  long checks = 0;
  long failed = 0;
  std::vector<NormFailure> failures{};  ///< the first kKept

  [[nodiscard]] bool passed() const { return checks > 0 && failed == 0; }
  [[nodiscard]] std::string one_line() const {
    std::ostringstream line;
    line << norm << ": ";
    if (checks == 0) return line.str() + "not run";
    if (failed == 0) {
      line << checks << " checks passed";
      return line.str();
    }
    const NormFailure& first = failures.front();
    line.precision(9);
    line << failed << " of " << checks << " checks failed, first " << first.axiom << " on " << first.input
         << ": observed " << first.observed << ", allowed " << first.allowed << ", g =";
    const std::size_t shown = std::min<std::size_t>(first.g.size(), 8);
    for (std::size_t i = 0; i < shown; ++i) line << " " << first.g[i];
    if (shown < first.g.size()) line << " ...";
    return line.str();
  }
};

struct NormCheckOptions {
  std::uint64_t seed = 1;
  int draws = 10;             ///< matrices of every kind and shape
  double unit_high = 1.0;     ///< N1: value(d) <= unit_high; above 1 for approximate dual_units, from their certificate
  double attained_low = 1.0;  ///< N2: <g, d> >= attained_low * dual(g); below 1 for approximate ones
  /// The inputs for which N2 is promised (the part of the spectrum that a certificate covers). Empty: all.
  std::function<bool(MatrixView<const double>)> covers;
  std::vector<std::pair<Index, Index>> shapes{{1, 1}, {1, 7}, {7, 1}, {6, 4}, {4, 6}, {5, 5}, {3, 40}};
};

namespace detail {

template <class T, NormOver<T> N>
class NormChecker {
 public:
  NormChecker(const N& norm, std::string name, const NormCheckOptions& options)
      : norm_(norm), options_(options), random_(options.seed) {
    report_.norm = std::move(name);
  }

  NormReport run() {
    for (const auto& [rows, cols] : options_.shapes) {
      rows_ = rows;
      cols_ = cols;
      check_zero();
      for (int draw = 0; draw < options_.draws; ++draw) {
        check("dense", dense(1.0));
        check("sparse", sparse());
        check("single entry", single_entry());
        check("rank one", rank_one());
        check("constant", Entries(size(), T{1}));
        check("huge", dense(1e30));
        check("tiny", dense(1e-30));
      }
    }
    return report_;
  }

 private:
  using Entries = std::vector<T>;
  static constexpr double kEps = static_cast<double>(std::numeric_limits<T>::epsilon());
  // Values are sums of fewer than 128 terms whose inputs are rounded to T once.
  static constexpr double kTolerance = 64.0 * kEps;

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(rows_ * cols_); }
  [[nodiscard]] MatrixView<const T> view(const Entries& g) const { return {g.data(), rows_, cols_}; }
  [[nodiscard]] double value(const Entries& g) const { return norm_.value(view(g)); }
  [[nodiscard]] double dual(const Entries& g) const { return norm_.dual(view(g)); }
  // Starts from NaN: an entry that dual_unit forgets does not stay unseen.
  [[nodiscard]] Entries dual_unit(const Entries& g) const {
    Entries d(size(), std::numeric_limits<T>::quiet_NaN());
    norm_.dual_unit(view(g), MatrixView<T>{d.data(), rows_, cols_});
    return d;
  }

  Entries dense(double scale) {
    Entries g(size());
    for (T& entry : g) entry = static_cast<T>(scale * random_.normal());
    return g;
  }
  Entries sparse() {
    Entries g = dense(1.0);
    for (T& entry : g) entry = random_.below(2) == 0 ? T{0} : entry;
    return g;
  }
  Entries single_entry() {
    Entries g(size());
    g[random_.below(size())] = static_cast<T>(random_.normal());
    return g;
  }
  Entries rank_one() {
    Entries g(size());
    std::vector<double> row(static_cast<std::size_t>(cols_));
    for (double& entry : row) entry = random_.normal();
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows_); ++i) {
      const double factor = random_.normal();
      for (std::size_t j = 0; j < row.size(); ++j) g[i * row.size() + j] = static_cast<T>(factor * row[j]);
    }
    return g;
  }
  static Entries scaled(const Entries& g, double c) {
    Entries y(g);
    for (T& entry : y) entry = static_cast<T>(c * static_cast<double>(entry));
    return y;
  }
  static double inner(const Entries& x, const Entries& y) {
    double sum = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(x[i]) * static_cast<double>(y[i]);
    return sum;
  }

  // Every test is written so that NaN fails it.
  void require(bool holds, const char* axiom, const std::string& input, double observed, double allowed,
               const Entries& g) {
    ++report_.checks;
    if (holds) return;
    ++report_.failed;
    if (report_.failures.size() >= NormReport::kKept) return;
    report_.failures.push_back({axiom, input + " (" + std::to_string(rows_) + ", " + std::to_string(cols_) + ")",
                                observed, allowed, std::vector<double>(g.begin(), g.end())});
  }
  void at_most(double observed, double allowed, double slack, const char* axiom, const char* input, const Entries& g) {
    require(observed <= allowed + slack, axiom, input, observed, allowed, g);
  }
  void equal(double observed, double expected, const char* axiom, const char* input, const Entries& g) {
    require(std::abs(observed - expected) <= kTolerance * std::abs(expected), axiom, input, observed, expected, g);
  }
  // Directions may lose half of the digits: they depend on gaps between singular values or entries.
  void same_direction(const Entries& d, const Entries& expected, const char* axiom, const char* input,
                      const Entries& g) {
    double largest = 0.0;
    double difference = 0.0;
    for (std::size_t i = 0; i < d.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
      const double apart = std::abs(static_cast<double>(d[i]) - static_cast<double>(expected[i]));
      difference = apart <= difference ? difference : apart;
    }
    const double allowed = std::sqrt(kEps) * largest;
    require(difference <= allowed, axiom, input, difference, allowed, g);
  }

  void check_zero() {
    for (const T zero : {T{0}, -T{0}}) {
      const Entries g(size(), zero);
      require(value(g) == 0.0, "zero: value(0) = 0", "zero", value(g), 0.0, g);
      require(dual(g) == 0.0, "zero: dual(0) = 0", "zero", dual(g), 0.0, g);
      for (const T entry : dual_unit(g)) {
        require(entry == T{0}, "zero: dual_unit(0) = 0", "zero", static_cast<double>(entry), 0.0, g);
      }
    }
  }

  void check(const char* input, const Entries& g) {
    const double value_g = value(g);
    const double dual_g = dual(g);
    if (std::all_of(g.begin(), g.end(), [](T entry) { return entry == T{0}; })) return;
    require(value_g > 0.0 && std::isfinite(value_g), "definite: value(g) > 0", input, value_g, 0.0, g);
    require(dual_g > 0.0 && std::isfinite(dual_g), "definite: dual(g) > 0", input, dual_g, 0.0, g);
    const Entries d = dual_unit(g);

    at_most(value(d), options_.unit_high, kTolerance * options_.unit_high, "N1: value(d) <= 1", input, g);
    if (is_covered(g)) {
      const double attained = options_.attained_low * dual_g;
      require(inner(g, d) >= attained - kTolerance * dual_g, "N2: <g, d> >= dual(g)", input, inner(g, d), attained, g);
    }
    check_scaling(input, g, d, value_g, dual_g);
    for (const Entries& other : {dense(value_g), rank_one()}) check_pair(input, g, other, value_g, dual_g);
  }

  // Homogeneity of the norms, and dual_unit(c g) = dual_unit(g), dual_unit(-g) = -dual_unit(g): a direction made of
  // rounding errors, or a sign of zero, does not survive these.
  void check_scaling(const char* input, const Entries& g, const Entries& d, double value_g, double dual_g) {
    for (const double c : {3.0, 0.1}) {
      const Entries cg = scaled(g, c);
      equal(value(cg), c * value_g, "homogeneous: value(c g) = c value(g)", input, g);
      equal(dual(cg), c * dual_g, "homogeneous: dual(c g) = c dual(g)", input, g);
      same_direction(dual_unit(cg), d, "dual_unit(c g) = dual_unit(g)", input, g);
    }
    const Entries negative = scaled(g, -1.0);
    equal(value(negative), value_g, "even: value(-g) = value(g)", input, g);
    equal(dual(negative), dual_g, "even: dual(-g) = dual(g)", input, g);
    same_direction(dual_unit(negative), scaled(d, -1.0), "odd: dual_unit(-g) = -dual_unit(g)", input, g);
    Entries negative_zeros = g;
    for (T& entry : negative_zeros) entry = entry == T{0} ? -T{0} : entry;
    same_direction(dual_unit(negative_zeros), d, "dual_unit does not tell -0 from 0", input, g);
  }

  void check_pair(const char* input, const Entries& g, const Entries& x, double value_g, double dual_g) {
    Entries sum = g;
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += x[i];
    const double values = value_g + value(x);
    const double duals = dual_g + dual(x);
    at_most(value(sum), values, kTolerance * values, "triangle: value(g + x)", input, g);
    at_most(dual(sum), duals, kTolerance * duals, "triangle: dual(g + x)", input, g);
    const double product = dual_g * value(x);
    at_most(std::abs(inner(g, x)), product, kTolerance * product, "Hoelder: |<g, x>| <= dual(g) value(x)", input, g);
  }

  [[nodiscard]] bool is_covered(const Entries& g) const {
    if (!options_.covers) return true;
    const std::vector<double> copy(g.begin(), g.end());
    return options_.covers({copy.data(), rows_, cols_});
  }

  const N& norm_;
  const NormCheckOptions& options_;
  Philox random_;
  NormReport report_;
  Index rows_ = 0;
  Index cols_ = 0;
};

}  // namespace detail

/// Checks zero, definiteness, N1, N2, homogeneity, symmetry, triangle and Hoelder for value, dual and dual_unit on
/// matrices of T: random, sparse, single entry, rank one, constant, 1e30, 1e-30, of every shape in the options.
/// Deterministic. Relative tolerance 64 eps(T); directions are compared to sqrt(eps(T)).
template <class T, NormOver<T> N>
[[nodiscard]] NormReport check_norm(const N& norm, std::string name, const NormCheckOptions& options = {}) {
  return detail::NormChecker<T, N>(norm, std::move(name), options).run();
}

}  // namespace normdescent::testing
