// SPDX-License-Identifier: Apache-2.0
// What probe and compare work on: --task lm, --task classify on a table, or --problem of the zoo.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "language_model_task.hpp"
#include "normdescent/compare/compare.hpp"

namespace normdescent::cli {

struct ProblemOptions {
  LanguageModelOptions text;
  std::string label;
  std::string categorical;  ///< names separated by commas
  std::string zoo;          ///< name of a problem of the zoo
  bool is_model_given = false;
  bool is_batch_given = false;
};

struct ProblemTask {
  std::shared_ptr<const Problem> problem{};
  TaskDescription description{};  ///< without the command line
  Index parameters = 0;
  std::string headline{};               ///< what is trained on what, for people
  std::optional<std::int64_t> steps{};  ///< the horizon that the zoo's problem has of its own
};

void add_problem_options(CLI::App& command, ProblemOptions& options);
/// Notes which options were given; call from the command's callback. Throws UserError for options that exclude each
/// other.
void finish_problem_options(const CLI::App& command, ProblemOptions& options);

/// Reads the data. Throws UserError or std::invalid_argument for what cannot be trained on.
[[nodiscard]] ProblemTask make_problem_task(const ProblemOptions& options);

/// Problems that are LibTorch modules. UserError where the program was built without LibTorch.
[[nodiscard]] ProblemTask make_zoo_task(const ProblemOptions& options);
[[nodiscard]] ProblemTask make_table_task(const ProblemOptions& options);

}  // namespace normdescent::cli
