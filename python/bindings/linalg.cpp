// SPDX-License-Identifier: Apache-2.0
// msign and norms of matrices: arrays that are C-contiguous and in the host's memory, never converted.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>

#include "bindings.hpp"
#include "normdescent/linalg/coefficients.hpp"
#include "normdescent/linalg/halley.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/linalg/polar_solver.hpp"
#include "normdescent/linalg/resolvent.hpp"
#include "normdescent/norms/geometry.hpp"

namespace nb = nanobind;

namespace normdescent::python {
namespace {

template <class T>
using Matrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Result = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <class T>
void msign(const Matrix<T>& g, const Result<T>& out, const std::string& method, int steps) {
  if (out.shape(0) != g.shape(0) || out.shape(1) != g.shape(1)) {
    throw std::invalid_argument("out: another shape than the matrix");
  }
  const auto rows = static_cast<Index>(g.shape(0));
  const auto cols = static_cast<Index>(g.shape(1));
  const nb::gil_scoped_release release;
  PolarSolver<T> solver({.method = method, .steps = steps});
  solver.reserve(rows, cols);
  const PolarTask<T> task{{g.data(), rows, cols}, {out.data(), rows, cols}};
  solver.run({&task, 1});
}

const Geometry& geometry_of(const std::string& name) {
  if (const Geometry* const found = find_geometry(builtin_geometries(), name)) return *found;
  std::string known;
  for (const Geometry& each : builtin_geometries()) known += (known.empty() ? "" : ", ") + each.name();
  throw std::invalid_argument("geometry = " + name + ", must be one of " + known);
}

/// What an iteration of msign computes, for executors that have their own matrix products.
nb::dict polar_iteration(const std::string& method, int steps) {
  nb::dict row;
  const int count = steps > 0 ? steps : default_polar_steps(method);
  nb::list rows;
  if (const CoefficientSet* const set = find_coefficients(method)) {
    row["kind"] = "newton-schulz";
    row["safety"] = set->safety;
    row["image_of_one"] = map_singular_value(*set, count, 1.0);
    for (int k = 0; k < count; ++k) rows.append(nb::make_tuple(set->step(k).a, set->step(k).b, set->step(k).c));
  } else if (method == "halley") {
    row["kind"] = "halley";
    row["image_of_one"] = map_halley(count, 1.0);
    double low = kHalleyLow;
    for (int k = 0; k < count; ++k) {
      const HalleyStep step = halley_step(low);
      low = map_halley_step(step, low);
      rows.append(nb::make_tuple(step.a, step.b, step.c));
    }
  } else if (method == "resolvent") {
    const auto& r = kResolvents;
    row["kind"] = "resolvent";
    row["image_of_one"] = map_resolvent(1.0);
    rows.append(nb::make_tuple(r.c1, r.c2, r.d, r.alpha, r.beta1, r.beta2));
  } else if (method == "svd") {
    row["kind"] = "svd";
    row["image_of_one"] = 1.0;
  } else {
    throw std::invalid_argument("method = " + method + ", must be one of polar_methods()");
  }
  row["steps"] = rows;
  return row;
}

template <class T>
MatrixView<const T> view_of(const Matrix<T>& x) {
  return {x.data(), static_cast<Index>(x.shape(0)), static_cast<Index>(x.shape(1))};
}

template <class T>
void bind_norms_of(nb::module_& m) {
  m.def(
      "step_norm",
      [](const Matrix<T>& x, const std::string& geometry) { return geometry_of(geometry).norm(view_of(x)); },
      nb::arg("x").noconvert(), nb::arg("geometry"), "The norm on the step of that geometry.");
  m.def(
      "dual_norm",
      [](const Matrix<T>& g, const std::string& geometry) { return geometry_of(geometry).dual_norm(view_of(g)); },
      nb::arg("g").noconvert(), nb::arg("geometry"), "Its dual, in which stationarity is measured.");
  m.def(
      "dual_unit",
      [](const Matrix<T>& g, const Result<T>& out, const std::string& geometry) {
        if (out.shape(0) != g.shape(0) || out.shape(1) != g.shape(1)) {
          throw std::invalid_argument("out: another shape than the matrix");
        }
        geometry_of(geometry).dual_map<T>(
            view_of(g), MatrixView<T>{out.data(), static_cast<Index>(out.shape(0)), static_cast<Index>(out.shape(1))});
      },
      nb::arg("g").noconvert(), nb::arg("out").noconvert(), nb::arg("geometry"),
      "out = the d of step norm 1 with the largest <g, d>.");
}

}  // namespace

void bind_linalg(nb::module_& m) {
  m.def(
      "polar_methods", [] { return polar_method_names(); }, "Ways to compute msign.");
  m.def("polar_iteration", &polar_iteration, nb::arg("method"), nb::arg("steps"), "The coefficients of a method.");
  m.def("msign", &msign<float>, nb::arg("g").noconvert(), nb::arg("out").noconvert(), nb::arg("method"),
        nb::arg("steps"), "out = msign(g): U V^T of g = U diag(s) V^T.");
  m.def("msign", &msign<double>, nb::arg("g").noconvert(), nb::arg("out").noconvert(), nb::arg("method"),
        nb::arg("steps"));
  bind_norms_of<float>(m);
  bind_norms_of<double>(m);
}

}  // namespace normdescent::python
