// SPDX-License-Identifier: Apache-2.0
// msign and norms of matrices: arrays that are C-contiguous and in the host's memory, never converted.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>

#include "bindings.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/linalg/polar_solver.hpp"
#include "normdescent/norms/geometry_norms.hpp"

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

Geometry geometry_of(const std::string& name) {
  for (const Geometry geometry : {Geometry::euclidean, Geometry::sign, Geometry::spectral, Geometry::row_wise}) {
    if (name == to_string(geometry)) return geometry;
  }
  throw std::invalid_argument("geometry = " + name + ", must be one of euclidean, sign, spectral, row-wise");
}

template <class T>
MatrixView<const T> view_of(const Matrix<T>& x) {
  return {x.data(), static_cast<Index>(x.shape(0)), static_cast<Index>(x.shape(1))};
}

template <class T>
void bind_norms_of(nb::module_& m) {
  m.def(
      "step_norm",
      [](const Matrix<T>& x, const std::string& geometry) { return step_norm(geometry_of(geometry), view_of(x)); },
      nb::arg("x").noconvert(), nb::arg("geometry"), "The norm on the step of that geometry.");
  m.def(
      "dual_norm",
      [](const Matrix<T>& g, const std::string& geometry) { return dual_norm(geometry_of(geometry), view_of(g)); },
      nb::arg("g").noconvert(), nb::arg("geometry"), "Its dual, in which stationarity is measured.");
  m.def(
      "dual_unit",
      [](const Matrix<T>& g, const Result<T>& out, const std::string& geometry) {
        if (out.shape(0) != g.shape(0) || out.shape(1) != g.shape(1)) {
          throw std::invalid_argument("out: another shape than the matrix");
        }
        dual_unit(geometry_of(geometry), view_of(g),
                  MatrixView<T>{out.data(), static_cast<Index>(out.shape(0)), static_cast<Index>(out.shape(1))});
      },
      nb::arg("g").noconvert(), nb::arg("out").noconvert(), nb::arg("geometry"),
      "out = the d of step norm 1 with the largest <g, d>.");
}

}  // namespace

void bind_linalg(nb::module_& m) {
  m.def("polar_methods", [] { return polar_method_names(); }, "Ways to compute msign.");
  m.def("msign", &msign<float>, nb::arg("g").noconvert(), nb::arg("out").noconvert(), nb::arg("method"),
        nb::arg("steps"), "out = msign(g): U V^T of g = U diag(s) V^T.");
  m.def("msign", &msign<double>, nb::arg("g").noconvert(), nb::arg("out").noconvert(), nb::arg("method"),
        nb::arg("steps"));
  bind_norms_of<float>(m);
  bind_norms_of<double>(m);
}

}  // namespace normdescent::python
