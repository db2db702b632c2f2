// SPDX-License-Identifier: Apache-2.0
// What torch.ops and torch.classes reach after torch.ops.load_library: the optimizers, their catalog, msign and norms.
// Nothing here needs Python to build.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <stdexcept>
#include <tuple>
#include <vector>

#include "monitor_class.hpp"
#include "normdescent/linalg/polar_solver.hpp"
#include "normdescent/norms/geometry_norms.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/torch/thread_count.hpp"
#include "optimizer_class.hpp"
#include "role_rule.hpp"

namespace normdescent {

namespace {

using OptionRow = std::tuple<std::string, std::string, std::string, std::string>;
/// name, title, summary, geometry, default learning rate, options as (name, default, domain, meaning)
using CatalogRow = std::tuple<std::string, std::string, std::string, std::string, double, std::vector<OptionRow>>;

std::vector<CatalogRow> catalog() {
  std::vector<CatalogRow> rows;
  for (const OptimizerInfo& info : optimizer_catalog()) {
    std::vector<OptionRow> options;
    for (const OptionInfo& o : info.options) options.emplace_back(o.name, o.default_value, o.domain, o.meaning);
    rows.emplace_back(info.name, info.title, info.summary, to_string(info.geometry), info.default_learning_rate,
                      std::move(options));
  }
  return rows;
}

/// Throws std::invalid_argument for options that make_optimizer refuses.
void check_options(const std::string& name, const OptimizerClass::Options& options) {
  std::map<std::string, std::string> texts;
  for (const auto& option : options) texts[option.key()] = option.value();
  (void)make_optimizer(name, texts);
}

std::vector<std::string> parameter_roles(const std::vector<std::string>& names, const std::vector<at::Tensor>& tensors,
                                         const std::vector<std::string>& submodules,
                                         const std::vector<at::Tensor>& embeddings) {
  const RoleRule rule(submodules, embeddings);
  std::vector<std::string> roles;
  for (std::size_t i = 0; i < tensors.size(); ++i) roles.emplace_back(to_string(rule(names.at(i), tensors[i])));
  return roles;
}

Geometry geometry_from(const std::string& text) {
  for (const Geometry geometry : {Geometry::euclidean, Geometry::sign, Geometry::spectral, Geometry::row_wise}) {
    if (text == to_string(geometry)) return geometry;
  }
  throw std::invalid_argument("geometry = " + text + ", must be one of euclidean, sign, spectral, row-wise");
}

void require_real(const at::Tensor& g) {
  if (g.layout() != at::kStrided || !g.is_floating_point() || g.dim() < 1) {
    throw std::invalid_argument("g is " + g.toString() + " with " + std::to_string(g.dim()) +
                                " dimensions, must be dense, real and floating with at least one");
  }
}

/// float64 is computed in double, all other types in float.
at::Tensor computable(const at::Tensor& g) {
  return g.detach().to(at::kCPU, g.scalar_type() == at::kDouble ? at::kDouble : at::kFloat).contiguous();
}

/// f(matrix of x) with its type; a vector is a column, all dimensions after the first are the columns.
template <class F>
auto with_matrix(const at::Tensor& x, const F& f) {
  const Index rows = x.size(0);
  const Index cols = rows == 0 ? 0 : x.numel() / rows;
  return x.scalar_type() == at::kDouble ? f(MatrixView<double>{x.data_ptr<double>(), rows, cols})
                                        : f(MatrixView<float>{x.data_ptr<float>(), rows, cols});
}

/// msign of the last two dimensions of each matrix in a batch; of a vector, as a column.
at::Tensor msign(const at::Tensor& g, const std::string& method, std::int64_t steps) {
  require_real(g);
  keep_thread_count();
  const at::Tensor input = computable(g);
  const at::Tensor out = at::empty_like(input);
  const Index rows = g.dim() == 1 ? g.size(0) : g.size(-2);
  const Index cols = g.dim() == 1 ? 1 : g.size(-1);
  const auto run = [&]<class T>(T* from, T* to) {
    PolarSolver<T> solver({.method = method, .steps = static_cast<int>(steps)});
    std::vector<PolarTask<T>> tasks;
    for (Index first = 0; first < g.numel(); first += rows * cols) {
      tasks.push_back({{from + first, rows, cols}, {to + first, rows, cols}});
    }
    solver.run(tasks);
  };
  if (input.scalar_type() == at::kDouble) {
    run(input.data_ptr<double>(), out.data_ptr<double>());
  } else {
    run(input.data_ptr<float>(), out.data_ptr<float>());
  }
  return out.to(g.device(), g.scalar_type());
}

double step_norm_of(const at::Tensor& x, const std::string& geometry) {
  require_real(x);
  const Geometry chosen = geometry_from(geometry);
  return with_matrix(computable(x), [&](auto view) { return step_norm(chosen, view); });
}

double dual_norm_of(const at::Tensor& g, const std::string& geometry) {
  require_real(g);
  const Geometry chosen = geometry_from(geometry);
  return with_matrix(computable(g), [&](auto view) { return dual_norm(chosen, view); });
}

at::Tensor dual_unit_of(const at::Tensor& g, const std::string& geometry) {
  require_real(g);
  const Geometry chosen = geometry_from(geometry);
  const at::Tensor input = computable(g);
  const at::Tensor out = at::empty_like(input);
  with_matrix(out, [&]<class T>(MatrixView<T> to) {
    dual_unit(chosen, MatrixView<const T>{input.data_ptr<T>(), to.rows, to.cols}, to);
  });
  return out.to(g.device(), g.scalar_type());
}

}  // namespace

TORCH_LIBRARY(normdescent, library) {
  library.class_<OptimizerClass>("TensorOptimizer")
      .def(torch::init<std::string>())
      .def("add_group", &OptimizerClass::add_group)
      .def("set_options", &OptimizerClass::set_options)
      .def("step", &OptimizerClass::step)
      .def("explain", &OptimizerClass::explain)
      .def("counters", &OptimizerClass::counters)
      .def("measure_next_step", &OptimizerClass::measure_next_step)
      .def("state", &OptimizerClass::state)
      .def("load_state", &OptimizerClass::load_state);
  library.class_<MonitorClass>("TrainingMonitor")
      .def(torch::init<std::vector<std::string>, std::vector<std::string>, std::vector<at::Tensor>, std::int64_t,
                       std::int64_t, std::int64_t, std::int64_t>())
      .def("observe_micro_batch", &MonitorClass::observe_micro_batch)
      .def("observe_before_step", &MonitorClass::observe_before_step)
      .def("observe_after_step", &MonitorClass::observe_after_step)
      .def("awaits_after_step", &MonitorClass::awaits_after_step)
      .def("end_step", &MonitorClass::end_step)
      .def("report", &MonitorClass::report);
  library.def("catalog", &catalog);
  library.def("check_options", &check_options);
  library.def("parameter_roles", &parameter_roles);
  library.def("msign(Tensor g, str method=\"halley\", int steps=0) -> Tensor", &msign);
  library.def("step_norm(Tensor x, str geometry) -> float", &step_norm_of);
  library.def("dual_norm(Tensor g, str geometry) -> float", &dual_norm_of);
  library.def("dual_unit(Tensor g, str geometry) -> Tensor", &dual_unit_of);
}

}  // namespace normdescent
