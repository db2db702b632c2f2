// SPDX-License-Identifier: Apache-2.0
#include "group.hpp"

#include <variant>

#include "elementwise_group.hpp"
#include "estimators.hpp"
#include "normdescent/rules/directions.hpp"
#include "preconditioner_grid.hpp"
#include "tensor_group.hpp"

namespace normdescent::optimizers {

std::vector<StateBuffer> state_buffers(const Recipe& recipe, const ParameterInfo& parameter) {
  using Buffers = std::vector<StateBuffer>;
  const auto nothing = [](const auto&) { return Buffers{}; };
  const auto momentum = [&](const auto&) { return Buffers{{"momentum", parameter.shape, false, recipe.state_format}}; };
  Buffers buffers = std::visit(Overloaded{
                                   [&](const Raw& e) { return nothing(e); },
                                   [&](const Ema& e) { return momentum(e); },
                                   [&](const HeavyBall& e) { return momentum(e); },
                                   [&](const DoubleEma& e) { return momentum(e); },
                               },
                               recipe.estimator);
  const Buffers own = std::visit(Overloaded{
                                     [&](const Identity& d) { return nothing(d); },
                                     [&](const Sign& d) { return nothing(d); },
                                     [&](const Normalize& d) { return nothing(d); },
                                     [&](const RowNormalize& d) { return nothing(d); },
                                     [&](const ColumnNormalize& d) { return nothing(d); },
                                     [&](const Orthogonalize& d) { return nothing(d); },
                                     [&](const AdamScale&) {
                                       return Buffers{{"second_moment", parameter.shape, true, recipe.state_format}};
                                     },
                                     [&](const AdaGradScale&) {
                                       return Buffers{{"sum_of_squares", parameter.shape, true}};
                                     },
                                     [&](const AdaGradNorm&) {
                                       return Buffers{{"gradient_norm", {1}, true}};
                                     },
                                     [&](const Alternate& d) { return nothing(d); },
                                     [&](const Shampoo& d) {
                                       if (parameter.size() == 0) return Buffers{};
                                       const MatrixShape shape = matrix_shape(recipe.layout, parameter);
                                       return PreconditionerGrid(d, shape.rows, shape.cols).buffers(shape.count);
                                     },
                                     [&](const MapTensor& d) { return nothing(d); },
                                 },
                                 recipe.direction);
  buffers.insert(buffers.end(), own.begin(), own.end());
  return buffers;
}

bool counts_steps(const Recipe& recipe) {
  const auto* ema = std::get_if<Ema>(&recipe.estimator);
  const auto* reduction = std::get_if<VarianceReduction>(&recipe.correction);
  const bool direction_counts = std::visit(Overloaded{
                                               [](const Identity&) { return false; },
                                               [](const Sign&) { return false; },
                                               [](const Normalize&) { return false; },
                                               [](const RowNormalize&) { return false; },
                                               [](const ColumnNormalize&) { return false; },
                                               [](const Orthogonalize&) { return false; },
                                               [](const AdamScale&) { return true; },
                                               [](const AdaGradScale&) { return false; },
                                               [](const AdaGradNorm&) { return false; },
                                               [](const Alternate&) { return true; },
                                               [](const Shampoo&) { return true; },
                                               [](const MapTensor&) { return false; },
                                           },
                                           recipe.direction);
  return direction_counts || recipe.state_format != StateFormat::full ||
         (ema != nullptr && ema->start == Start::first_gradient) ||
         (reduction != nullptr && reduction->reference == GradientReference::previous_batch);
}

bool is_fused(const Recipe& recipe) {
  return std::visit(Overloaded{
                        [](const Identity&) { return true; },
                        [](const Sign&) { return true; },
                        [](const Normalize&) { return false; },
                        [](const RowNormalize&) { return false; },
                        [](const ColumnNormalize&) { return false; },
                        [](const Orthogonalize&) { return false; },
                        [](const AdamScale&) { return true; },
                        [](const AdaGradScale&) { return true; },
                        [](const AdaGradNorm&) { return false; },
                        [](const Alternate&) { return false; },
                        [](const Shampoo&) { return false; },
                        [](const MapTensor&) { return false; },
                    },
                    recipe.direction);
}

template <class T>
std::unique_ptr<Group<T>> make_group(const Recipe& recipe, std::vector<std::size_t> members,
                                     std::span<const Slot<T>> slots) {
  const auto elementwise = [&](const auto& make_direction) {
    return with_estimator<T>(recipe.estimator, [&](const auto& estimator) {
      return make_elementwise_group<T>(recipe, estimator, make_direction, std::move(members));
    });
  };
  return std::visit(
      Overloaded{
          [&](const Identity&) { return elementwise([](std::int64_t) { return rules::Identity<T>{}; }); },
          [&](const Sign&) { return elementwise([](std::int64_t) { return rules::Sign<T>{}; }); },
          [&](const AdamScale& d) {
            const double beta1 = std::get<Ema>(recipe.estimator).beta;
            return make_elementwise_group<T>(
                recipe, rules::Ema<T>(beta1),
                [beta1, d](std::int64_t t) { return rules::AdamScale<T>(beta1, d.beta2, d.epsilon, t); },
                std::move(members));
          },
          [&](const AdaGradScale& d) {
            return elementwise([d](std::int64_t) { return rules::AdaGradScale<T>(d.delta); });
          },
          [&](const AdaGradNorm&) { return make_adagrad_norm_group<T>(recipe, std::move(members), slots); },
          [&](const Alternate&) { return make_alternating_group<T>(recipe, std::move(members), slots); },
          [&](const Shampoo&) { return make_shampoo_group<T>(recipe, std::move(members), slots); },
          [&](const Normalize&) { return make_normalize_group<T>(recipe, std::move(members), slots); },
          [&](const RowNormalize&) { return make_axis_group<T>(recipe, true, std::move(members), slots); },
          [&](const ColumnNormalize&) { return make_axis_group<T>(recipe, false, std::move(members), slots); },
          [&](const Orthogonalize& d) { return make_msign_group<T>(recipe, d, std::move(members), slots); },
          [&](const MapTensor& d) { return make_map_group<T>(recipe, d, std::move(members), slots); },
      },
      recipe.direction);
}

template std::unique_ptr<Group<float>> make_group(const Recipe&, std::vector<std::size_t>,
                                                  std::span<const Slot<float>>);
template std::unique_ptr<Group<double>> make_group(const Recipe&, std::vector<std::size_t>,
                                                   std::span<const Slot<double>>);

}  // namespace normdescent::optimizers
