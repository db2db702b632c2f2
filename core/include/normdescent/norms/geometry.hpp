// SPDX-License-Identifier: Apache-2.0
// A geometry is one value: the norm on a step, with all that optimizers, probe, races, bounds and reports ask of it.
// Nothing asks which geometry it is; to add one of your own, make another value (examples/own_norm).
//
// Legend   G gradient of one tensor, (m, n)   ||.|| norm on steps   ||.||_dual its dual   D(G) dual map (the LMO)
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/base/view.hpp"
#include "normdescent/norms/norm.hpp"

namespace normdescent {

/// A norm whose type is forgotten: the operations of norms/norm.hpp at run time.
class TensorNorm {
 public:
  virtual ~TensorNorm() = default;
  [[nodiscard]] virtual double value(ConstMatrixView<float> g) const = 0;
  [[nodiscard]] virtual double value(ConstMatrixView<double> g) const = 0;
  [[nodiscard]] virtual double dual(ConstMatrixView<float> g) const = 0;
  [[nodiscard]] virtual double dual(ConstMatrixView<double> g) const = 0;
  virtual void dual_unit(ConstMatrixView<float> g, MatrixView<float> out) const = 0;
  virtual void dual_unit(ConstMatrixView<double> g, MatrixView<double> out) const = 0;
};

/// The dual map as measurements take it, again and again: in float, perhaps approximate, with scratch of its own, hence
/// one for each thread.
class DualMap {
 public:
  virtual ~DualMap() = default;
  [[nodiscard]] virtual double dual_norm(ConstMatrixView<float> g) = 0;
  /// out = scale D(g); returns ||g||_dual. out may be g itself.
  virtual double apply(ConstMatrixView<float> g, double scale, MatrixView<float> out) = 0;
};

/// What the noise scale of one tensor can be read from, for the micro-batches that were measured.
///
/// S_X of a geometry is a number with E||noise||_dual <= S_X as the theory's assumptions have it: ||sigma||_1 for the
/// l-infinity norm, tr C^(1/2) for the spectral one (docs/probe.md).
struct TensorNoise {
  std::int64_t count = 0;                          ///< K micro-batches
  ConstMatrixView<float> squared_deviations = {};  ///< sum_k (g^k - gbar)^2 of every coordinate
  double l1 = 0.0;                                 ///< S_1 = sum of the coordinates' standard deviations
  double l2 = 0.0;                                 ///< S_2, the root of the sum of their squares
  /// Eigenvalues of C = 1/(K-1) sum_k N N^T on the shorter side; only for NoiseStatistic::spectrum.
  std::span<const double> spectrum = {};
  double dual_rms = 0.0;  ///< (mean of ||g^k - gbar||_dual^2)^(1/2); only for NoiseStatistic::dual_norms
};

/// What GeometryOptions::noise_scale reads, and hence what a probe has to accumulate.
enum class NoiseStatistic {
  coordinates,  ///< variances of the coordinates
  spectrum,     ///< the covariance on the shorter side
  dual_norms,   ///< dual norms of deviations from the mean: for any norm
};

/// What a geometry is besides its norm. The defaults fit any norm on matrices.
struct GeometryOptions {
  std::string key = {};              ///< of its constants in JSON; empty: the name
  std::string norm = {};             ///< what people call the norm on steps, "l-infinity"; empty: the name
  std::string dual = {};             ///< and its dual, "l1"; empty: "dual of " and the norm
  std::string direction = {};        ///< and the dual map, "sign"; empty: the name
  std::string parts = "directions";  ///< what noise is spread over or concentrated in: "coordinates"

  /// The tensors that the norm speaks for; all others are measured by the largest coordinate. Empty: Role::matrix.
  std::function<bool(const ParameterInfo&)> covers = {};
  /// ||x||^2 is an inner product, of all tensors together: norms of tensors add in squares, without shape scales, all
  /// tensors are covered, and the optimizer steps by the gradient itself. Otherwise a model's norm is the largest of
  /// the scaled tensors'.
  bool is_inner_product = false;
  /// s(m, n) that gives s D(G) of an evenly spread G the root mean square 1. Empty: measured on a fixed random matrix
  /// when a shape is first asked for, at the cost of one dual map.
  std::function<double(Index rows, Index cols)> shape_scale = {};
  /// Makes the dual map of measurements. Empty: the norm's own.
  std::function<std::unique_ptr<DualMap>()> make_dual_map = {};

  NoiseStatistic noise_statistic = NoiseStatistic::dual_norms;
  /// S_X of one tensor. Empty: TensorNoise::dual_rms.
  std::function<double(const TensorNoise&)> noise_scale = {};

  /// a: the best learning rate of a run falls like steps^-a. The default is what races of matrix norms had
  /// (docs/scoreboard.md).
  double rate_exponent = 0.15;
};

namespace norms_detail {

template <class N>
class TensorNormOf final : public TensorNorm {
 public:
  explicit TensorNormOf(N norm) : norm_(std::move(norm)) {}
  [[nodiscard]] double value(ConstMatrixView<double> g) const override { return norm_.value(g); }
  [[nodiscard]] double dual(ConstMatrixView<double> g) const override { return norm_.dual(g); }
  void dual_unit(ConstMatrixView<double> g, MatrixView<double> out) const override { norm_.dual_unit(g, out); }
  [[nodiscard]] double value(ConstMatrixView<float> g) const override {
    if constexpr (NormOver<N, float>) {
      return norm_.value(g);
    } else {
      const std::vector<double> wide(g.data, g.data + g.size());
      return norm_.value({wide.data(), g.rows, g.cols});
    }
  }
  [[nodiscard]] double dual(ConstMatrixView<float> g) const override {
    if constexpr (NormOver<N, float>) {
      return norm_.dual(g);
    } else {
      const std::vector<double> wide(g.data, g.data + g.size());
      return norm_.dual({wide.data(), g.rows, g.cols});
    }
  }
  void dual_unit(ConstMatrixView<float> g, MatrixView<float> out) const override {
    if constexpr (NormOver<N, float>) {
      norm_.dual_unit(g, out);
    } else {
      const std::vector<double> wide(g.data, g.data + g.size());
      std::vector<double> unit(wide.size());
      norm_.dual_unit(ConstMatrixView<double>{wide.data(), g.rows, g.cols}, {unit.data(), g.rows, g.cols});
      for (std::size_t i = 0; i < unit.size(); ++i) out.data[i] = static_cast<float>(unit[i]);
    }
  }

 private:
  N norm_;
};

}  // namespace norms_detail

/// A shared immutable value, cheap to copy. Its name is its identity: results and saved states refer to it by that.
class Geometry {
 public:
  /// Throws std::invalid_argument for an empty name. `norm` is anything that satisfies NormOver<double>
  /// (norms/norm.hpp; the laws are checked by testing/norm_invariants.hpp); where it has no operations in float, floats
  /// are widened.
  template <NormOver<double> N>
  Geometry(std::string name, N norm, GeometryOptions options = {})
      : Geometry(std::move(name), std::make_shared<const norms_detail::TensorNormOf<N>>(std::move(norm)),
                 std::move(options)) {}

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const std::string& key() const;        ///< of its constants in JSON: "linf"
  [[nodiscard]] const std::string& norm_name() const;  ///< "l-infinity"
  [[nodiscard]] const std::string& dual_name() const;  ///< "l1"
  [[nodiscard]] const std::string& direction() const;  ///< "sign"
  [[nodiscard]] const std::string& parts() const;      ///< "coordinates"

  // Of one tensor. An n x 1 vector has the norm's vector form: spectral is l2, row-wise is l-infinity there.
  template <class T>
  [[nodiscard]] double norm(MatrixView<T> x) const {
    return tensor_norm().value(ConstMatrixView<std::remove_const_t<T>>(x));
  }
  template <class T>
  [[nodiscard]] double dual_norm(MatrixView<T> g) const {
    return tensor_norm().dual(ConstMatrixView<std::remove_const_t<T>>(g));
  }
  /// out = argmax { <g, d> : norm(d) <= 1 }, 0 for g = 0.
  template <class T>
  void dual_map(std::type_identity_t<MatrixView<const T>> g, MatrixView<T> out) const {
    tensor_norm().dual_unit(g, out);
  }
  [[nodiscard]] std::unique_ptr<DualMap> make_dual_map() const;
  [[nodiscard]] double shape_scale(Index rows, Index cols) const;

  // Of a model: norms/model_geometry.hpp.
  [[nodiscard]] bool covers(const ParameterInfo& tensor) const;
  [[nodiscard]] bool is_inner_product() const;
  /// Whether its operations cost no more than passes over the tensor.
  [[nodiscard]] bool is_of_coordinates() const { return noise_statistic() == NoiseStatistic::coordinates; }

  // Of noise.
  [[nodiscard]] NoiseStatistic noise_statistic() const;
  [[nodiscard]] double noise_scale(const TensorNoise& noise) const;

  [[nodiscard]] double rate_exponent() const;

  friend bool operator==(const Geometry& a, const Geometry& b) { return a.name() == b.name(); }

 private:
  struct Definition;

  Geometry(std::string name, std::shared_ptr<const TensorNorm> norm, GeometryOptions options);
  [[nodiscard]] const TensorNorm& tensor_norm() const;

  std::shared_ptr<const Definition> definition_;
};

/// Those that this library has; the table is in src/norms/geometries.cpp.
///
///   euclidean    l2            dual l2              g / ||g||_2          SGD, normalized SGD
///   sign         l-infinity    dual l1              sign(g)              SignSGD, Signum, Lion, Adam
///   spectral     largest singular value  dual nuclear   msign(G)         Muon, Muonlight, Shampoo
///   row-wise     largest row l2     dual sum of them    rows normalized      row-normalized SGD
///   column-wise  largest column l2  dual sum of them    columns normalized   the same on columns, Scion's embeddings
namespace geometries {
[[nodiscard]] const Geometry& euclidean();
[[nodiscard]] const Geometry& sign();
[[nodiscard]] const Geometry& spectral();
[[nodiscard]] const Geometry& row_wise();
[[nodiscard]] const Geometry& column_wise();
}  // namespace geometries

/// All of them, in the order in which reports list them. Whoever takes geometries takes a list and has this one as
/// default; a user's own is passed along: `auto list = builtin_geometries(); list.push_back(mine);`
[[nodiscard]] const std::vector<Geometry>& builtin_geometries();

/// nullptr if none has this name.
[[nodiscard]] const Geometry* find_geometry(std::span<const Geometry> geometries, std::string_view name);

}  // namespace normdescent
