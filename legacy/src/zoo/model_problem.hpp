// SPDX-License-Identifier: Apache-2.0
// A model and its examples as a Problem.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "layers.hpp"
#include "normdescent/libtorch/module_parameters.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

struct ModelProblem {
  std::string name{};
  std::uint32_t batch_size = 1;
  ExampleSource examples{};
  std::function<std::shared_ptr<Model>()> make{};  ///< its values are drawn afterwards, by `initialization`
  Initialization initialization{};
  RoleOverrides roles{};
};

/// name() is the given one with the hash of the examples.
[[nodiscard]] std::shared_ptr<const Problem> make_model_problem(ModelProblem parts);

/// `name` and what tells its data from others of the same name.
[[nodiscard]] std::string name_with_hash(const std::string& name, std::uint64_t hash);

}  // namespace normdescent
