// SPDX-License-Identifier: Apache-2.0
// msign and norms of matrices: arrays that are C-contiguous and in the host's memory, never converted.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>

#include "bindings.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/linalg/polar_solver.hpp"

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

}  // namespace

void bind_linalg(nb::module_& m) {
  m.def("polar_methods", [] { return polar_method_names(); }, "Ways to compute msign.");
  m.def("msign", &msign<float>, nb::arg("g").noconvert(), nb::arg("out").noconvert(), nb::arg("method"),
        nb::arg("steps"), "out = msign(g): U V^T of g = U diag(s) V^T.");
  m.def("msign", &msign<double>, nb::arg("g").noconvert(), nb::arg("out").noconvert(), nb::arg("method"),
        nb::arg("steps"));
}

}  // namespace normdescent::python
