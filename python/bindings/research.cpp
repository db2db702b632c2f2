// SPDX-License-Identifier: Apache-2.0
// Bounds and lab: queries in, the documents of `bounds --json` and `lab run --json` out.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <string>

#include "bindings.hpp"
#include "normdescent/lab/experiment.hpp"
#include "normdescent/theory/bounds_json.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace normdescent::python {
namespace {

nb::list methods() {
  nb::list rows;
  for (const BoundsMethod& method : bounds_methods()) {
    nb::dict row;
    row["name"] = std::string(method.name);
    row["geometry"] = std::string(method.geometry);
    row["summary"] = std::string(method.summary);
    rows.append(row);
  }
  return rows;
}

nb::list experiments() {
  nb::list rows;
  for (const auto& info : lab::experiment_catalog()) {
    nb::dict row;
    row["name"] = info.name;
    row["claim"] = info.claim;
    rows.append(row);
  }
  return rows;
}

using Number = std::optional<double>;

}  // namespace

void bind_research(nb::module_& m) {
  m.def("bounds_methods", &methods, "Methods with known bounds: name, geometry, summary.");
  m.def(
      "bounds",
      [](const std::string& method, double delta, double smoothness, double noise, double epsilon, double tail,
         Number batch, Number dimension, Number density, Number relative_smoothness, Number relative_noise,
         Number hessian_smoothness, Number curvature_density, Number alignment) {
        const BoundsQuery query{.method = method,
                                .delta = delta,
                                .smoothness = smoothness,
                                .noise = noise,
                                .epsilon = epsilon,
                                .tail = tail,
                                .batch = batch,
                                .dimension = dimension,
                                .density = density,
                                .relative_smoothness = relative_smoothness,
                                .relative_noise = relative_noise,
                                .hessian_smoothness = hessian_smoothness,
                                .curvature_density = curvature_density,
                                .alignment = alignment};
        const nb::gil_scoped_release release;
        return to_json(query, evaluate_bounds(query));
      },
      "method"_a, nb::kw_only(), "delta"_a, "smoothness"_a, "noise"_a, "epsilon"_a, "tail"_a = 2.0,
      "batch"_a = nb::none(), "dimension"_a = nb::none(), "density"_a = nb::none(),
      "relative_smoothness"_a = nb::none(), "relative_noise"_a = nb::none(), "hessian_smoothness"_a = nb::none(),
      "curvature_density"_a = nb::none(), "alignment"_a = nb::none(), "The document of `bounds --json`.");
  m.def("experiments", &experiments, "The experiments of the lab: name, claim.");
  m.def(
      "run_experiment",
      [](const std::string& name, double scale, std::uint64_t seed, int threads) {
        const nb::gil_scoped_release release;
        return lab::to_json(lab::run_experiment(name, {.scale = scale, .seed = seed, .threads = threads}));
      },
      "name"_a, nb::kw_only(), "scale"_a = 1.0, "seed"_a = 1, "threads"_a = 1, "The document of `lab run --json`.");
}

}  // namespace normdescent::python
