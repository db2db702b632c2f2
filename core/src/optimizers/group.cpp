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
  std::vector<StateBuffer> buffers;
  if (!std::holds_alternative<Raw>(recipe.estimator))
    buffers.push_back({"momentum", parameter.shape, false, recipe.state_format});
  if (std::holds_alternative<AdamScale>(recipe.direction))
    buffers.push_back({"second_moment", parameter.shape, true, recipe.state_format});
  if (std::holds_alternative<AdaGradScale>(recipe.direction))
    buffers.push_back({"sum_of_squares", parameter.shape, true});
  if (std::holds_alternative<AdaGradNorm>(recipe.direction)) buffers.push_back({"gradient_norm", {1}, true});
  if (const auto* shampoo = std::get_if<Shampoo>(&recipe.direction); shampoo != nullptr && parameter.size() > 0) {
    const MatrixShape shape = matrix_shape(recipe.layout, parameter);
    const PreconditionerGrid grid(*shampoo, shape.rows, shape.cols);
    for (auto& buffer : grid.buffers(shape.count)) buffers.push_back(std::move(buffer));
  }
  return buffers;
}

bool counts_steps(const Recipe& recipe) {
  const auto* ema = std::get_if<Ema>(&recipe.estimator);
  const auto* reduction = std::get_if<VarianceReduction>(&recipe.correction);
  return std::holds_alternative<AdamScale>(recipe.direction) || std::holds_alternative<Alternate>(recipe.direction) ||
         std::holds_alternative<Shampoo>(recipe.direction) || recipe.state_format != StateFormat::full ||
         (ema != nullptr && ema->start == Start::first_gradient) ||
         (reduction != nullptr && reduction->reference == GradientReference::previous_batch);
}

bool is_fused(const Recipe& recipe) {
  const Direction& d = recipe.direction;
  return std::holds_alternative<Identity>(d) || std::holds_alternative<Sign>(d) ||
         std::holds_alternative<AdamScale>(d) || std::holds_alternative<AdaGradScale>(d);
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
          [&](const auto&) { return make_matrix_group<T>(recipe, std::move(members), slots); },
      },
      recipe.direction);
}

template std::unique_ptr<Group<float>> make_group(const Recipe&, std::vector<std::size_t>,
                                                  std::span<const Slot<float>>);
template std::unique_ptr<Group<double>> make_group(const Recipe&, std::vector<std::size_t>,
                                                   std::span<const Slot<double>>);

}  // namespace normdescent::optimizers
