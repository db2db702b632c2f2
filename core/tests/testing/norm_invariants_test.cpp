// SPDX-License-Identifier: Apache-2.0
// The axiom suite must pass every norm of the library and catch each kind of broken one.
#include "normdescent/testing/norm_invariants.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "normdescent/linalg/decompositions.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/norms/geometry.hpp"
#include "normdescent/norms/norms.hpp"

namespace normdescent {
namespace {

using testing::check_norm;
using testing::NormCheckOptions;
using testing::NormReport;

template <class N>
class EveryNorm : public ::testing::Test {};
using Norms = ::testing::Types<L1, L2, LInf, Rms, Spectral, Nuclear, RowWise>;
TYPED_TEST_SUITE(EveryNorm, Norms);

TYPED_TEST(EveryNorm, SatisfiesTheAxiomsInFloat) {
  const NormReport report = check_norm<float>(TypeParam{}, "float");
  EXPECT_TRUE(report.passed()) << report.one_line();
  EXPECT_GT(report.checks, 5000);
}
TYPED_TEST(EveryNorm, SatisfiesTheAxiomsInDouble) {
  const NormReport report = check_norm<double>(TypeParam{}, "double");
  EXPECT_TRUE(report.passed()) << report.one_line();
}

// The norms of the built-in geometries, as they are asked for: a new one needs no line here.
struct NormOfGeometry {
  Geometry geometry;
  template <class T>
  double value(MatrixView<const T> g) const {
    return geometry.norm(g);
  }
  template <class T>
  double dual(MatrixView<const T> g) const {
    return geometry.dual_norm(g);
  }
  template <class T>
  void dual_unit(MatrixView<const T> g, MatrixView<T> out) const {
    geometry.dual_map<T>(g, out);
  }
};

TEST(EveryGeometry, SatisfiesTheAxioms) {
  for (const Geometry& geometry : builtin_geometries()) {
    const NormReport in_float = check_norm<float>(NormOfGeometry{geometry}, geometry.name());
    EXPECT_TRUE(in_float.passed()) << in_float.one_line();
    const NormReport in_double = check_norm<double>(NormOfGeometry{geometry}, geometry.name());
    EXPECT_TRUE(in_double.passed()) << in_double.one_line();
  }
}

// ---- mutants --------------------------------------------------------------------------------------------------------

bool failed_on(const NormReport& report, const std::string& axiom) {
  return std::any_of(report.failures.begin(), report.failures.end(),
                     [&](const auto& failure) { return failure.axiom.starts_with(axiom); });
}

struct WrongSizeOnOneCoordinate : LInf {
  using LInf::dual_unit;
  void dual_unit(MatrixView<const double> g, MatrixView<double> out) const {
    LInf::dual_unit(g, out);
    out.data[0] *= 0.9;
  }
};
TEST(Mutants, WrongSizeOnOneCoordinateFailsN2) {
  const NormReport report = check_norm<double>(WrongSizeOnOneCoordinate{}, "mutant");
  EXPECT_TRUE(failed_on(report, "N2")) << report.one_line();
}

struct TooLargeOnOneCoordinate : LInf {
  using LInf::dual_unit;
  void dual_unit(MatrixView<const double> g, MatrixView<double> out) const {
    LInf::dual_unit(g, out);
    out.data[0] *= 1.1;
  }
};
TEST(Mutants, TooLargeOnOneCoordinateFailsN1) {
  EXPECT_TRUE(failed_on(check_norm<double>(TooLargeOnOneCoordinate{}, "mutant"), "N1"));
}

struct CopysignSign : LInf {
  using LInf::dual_unit;
  void dual_unit(MatrixView<const double> g, MatrixView<double> out) const {
    for (Index i = 0; i < g.size(); ++i) out.data[i] = std::copysign(1.0, g.data[i]);
  }
};
struct SignIsOneAtZero : LInf {
  using LInf::dual_unit;
  void dual_unit(MatrixView<const double> g, MatrixView<double> out) const {
    const bool is_zero = max_abs(g.span()) == 0.0;  // even when the zero vector is treated apart
    for (Index i = 0; i < g.size(); ++i) out.data[i] = is_zero ? 0.0 : (g.data[i] >= 0.0 ? 1.0 : -1.0);
  }
};
TEST(Mutants, SignOfZeroFails) {
  const NormReport copysign = check_norm<double>(CopysignSign{}, "copysign");
  EXPECT_TRUE(failed_on(copysign, "zero: dual_unit")) << copysign.one_line();
  EXPECT_TRUE(failed_on(check_norm<double>(SignIsOneAtZero{}, "x >= 0"), "odd"));
}

struct SpectralWithoutRankTolerance : Spectral {
  using Spectral::dual_unit;
  void dual_unit(MatrixView<const double> g, MatrixView<double> out) const { polar_svd(g, out, 0.0); }
};
TEST(Mutants, MsignWithoutRankToleranceFails) {
  const NormReport report = check_norm<double>(SpectralWithoutRankTolerance{}, "mutant");
  EXPECT_TRUE(failed_on(report, "dual_unit(c g)")) << report.one_line();
}

struct ForgetsTheLastEntry : L2 {
  using L2::dual_unit;
  void dual_unit(MatrixView<const double> g, MatrixView<double> out) const {
    const double last = out.data[out.size() - 1];
    L2::dual_unit(g, out);
    out.data[out.size() - 1] = last;
  }
};
struct DualOfAnotherNorm : L1 {
  using L1::dual;
  double dual(MatrixView<const double> g) const { return L2{}.value(g); }
};
struct NoNorm : L2 {
  using L2::value;
  double value(MatrixView<const double> g) const { return std::sqrt(norm2(g.span())); }
};
struct SquaresOverflow : L2 {
  using L2::value;
  double value(MatrixView<const float> g) const {
    float sum = 0.0F;
    for (const float x : g.span()) sum += x * x;
    return static_cast<double>(std::sqrt(sum));
  }
};
TEST(Mutants, OtherMistakesFail) {
  EXPECT_FALSE(check_norm<double>(ForgetsTheLastEntry{}, "mutant").passed());
  EXPECT_TRUE(failed_on(check_norm<double>(DualOfAnotherNorm{}, "mutant"), "N2"));
  EXPECT_TRUE(failed_on(check_norm<double>(NoNorm{}, "mutant"), "homogeneous"));
  EXPECT_TRUE(failed_on(check_norm<float>(SquaresOverflow{}, "mutant"), "definite"));
}

// ---- approximate norms ----------------------------------------------------------------------------------------------

// Spectral with five Newton-Schulz steps in place of the SVD.
struct ApproximateSpectral : Spectral {
  explicit ApproximateSpectral(const CoefficientSet& coefficients) : set(&coefficients) {}
  void dual_unit(MatrixView<const double> g, MatrixView<double> out) const {
    PolarWorkspace<double> workspace;
    polar_newton_schulz(*set, 5, g, out, workspace);
  }
  const CoefficientSet* set;
};
constexpr double kCoveredLow = 0.01;
bool is_in_certified_interval(MatrixView<const double> g) {
  const double lowest = kCoveredLow * norm2(g.span());
  const auto s = singular_values(g);
  // Singular values that are zero up to rounding weigh nothing in <g, d>.
  return std::all_of(s.begin(), s.end(), [&](double x) { return x >= lowest || x <= 1e-14 * s.front(); });
}
TEST(ApproximateNorms, SatisfyTheAxiomsWithinTheirCertificate) {
  for (const auto* set : {&polar_express_coefficients(), &jordan_coefficients()}) {
    NormCheckOptions options;
    options.unit_high = certify(*set, 5, 0.0, 1.0).high;
    options.attained_low = certify(*set, 5, kCoveredLow, 1.0).low;
    options.covers = is_in_certified_interval;
    const ApproximateSpectral norm(*set);
    const NormReport report = check_norm<double>(norm, std::string(set->name), options);
    EXPECT_TRUE(report.passed()) << report.one_line();
    EXPECT_FALSE(check_norm<double>(norm, "held to the exact axioms").passed());
  }
}

// ---- the report -----------------------------------------------------------------------------------------------------

TEST(Report, SaysNotRunPassedAndWhatFailed) {
  EXPECT_EQ(NormReport{.norm = "mine"}.one_line(), "mine: not run");
  EXPECT_FALSE(NormReport{}.passed());
  EXPECT_NE(check_norm<double>(L2{}, "l2").one_line().find("checks passed"), std::string::npos);
  const auto report = check_norm<double>(WrongSizeOnOneCoordinate{}, "mine");
  EXPECT_NE(report.one_line().find("checks failed, first N2: <g, d> >= dual(g) on dense (1, 1): observed"),
            std::string::npos)
      << report.one_line();
  EXPECT_EQ(report.failures.front().g.size(), 1U);
  EXPECT_LE(report.failures.size(), NormReport::kKept);
}

TEST(Report, EqualSeedsGiveEqualChecks) {
  const auto first = check_norm<float>(LInf{}, "a");
  EXPECT_EQ(first.checks, check_norm<float>(LInf{}, "a").checks);
}

}  // namespace
}  // namespace normdescent
