// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/norm_descent.hpp"

#include <utility>

#include "normdescent/norms/norms.hpp"

namespace normdescent {
namespace {

class DualTensorMap final : public TensorMap {
 public:
  DualTensorMap(Geometry geometry, StepUnit unit) : geometry_(std::move(geometry)), unit_(unit) {}
  void apply(const TensorMapTask<float>& task) const override { apply_to(task); }
  void apply(const TensorMapTask<double>& task) const override { apply_to(task); }

 private:
  template <class T>
  void apply_to(const TensorMapTask<T>& task) const {
    if (!geometry_.covers(task.parameter)) return LInf{}.dual_unit(task.u, task.out);
    geometry_.dual_map<T>(task.u, task.out);
    if (unit_ == StepUnit::norm) return;
    const double scale = geometry_.shape_scale(task.u.rows, task.u.cols);
    for (T& x : task.out.span()) x = static_cast<T>(static_cast<double>(x) * scale);
  }

  Geometry geometry_;
  StepUnit unit_;
};

}  // namespace

const char* to_string(StepUnit unit) {
  switch (unit) {
    case StepUnit::norm: return "norm";
    case StepUnit::rms: return "rms";
  }
  return "unknown";
}

MapTensor dual_direction(const Geometry& geometry, StepUnit unit) {
  return {.name = "dual(" + geometry.name() + ", unit=" + to_string(unit) + ")",
          .geometry = geometry,
          .map = std::make_shared<DualTensorMap>(geometry, unit)};
}

OptimizerSpec norm_descent(const Geometry& geometry, const NormDescentOptions& options) {
  // Signum with another direction, so that options are checked and shared in one place.
  OptimizerSpec spec = signum({.learning_rate = options.learning_rate,
                               .beta = options.beta,
                               .nesterov = options.nesterov,
                               .decoupled_decay = options.decoupled_decay,
                               .average = options.average,
                               .common = options.common});
  spec.name = geometry.name() + "-descent";
  spec.fallback.name = spec.name;
  spec.fallback.direction = dual_direction(geometry, options.unit);
  return spec;
}

}  // namespace normdescent
