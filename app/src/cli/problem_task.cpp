// SPDX-License-Identifier: Apache-2.0
#include "problem_task.hpp"

#include <CLI/CLI.hpp>

#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"

namespace normdescent::cli {
namespace {

ProblemTask make_text_task(const ProblemOptions& options) {
  const LanguageModelTask task = make_task(options.text);
  const CorpusInfo& data = task.corpus->info;
  ProblemTask result{.problem = task.problem, .parameters = parameter_count(task.options.shape)};
  result.description.kind = options.text.task;
  result.description.data = data.source;
  result.description.data_hash = data.content_hash;
  result.description.model = options.text.model;
  result.description.batch = task.options.batch_size;
  result.description.context = task.options.context;
  result.headline = options.text.model + ", " + grouped(result.parameters) + " parameters, on " + data.source + " (" +
                    grouped(data.training_bytes) + " bytes to train on, " + grouped(data.files) + " files)";
  return result;
}

}  // namespace

void add_problem_options(CLI::App& command, ProblemOptions& options) {
  add_task_options(command, options.text);
  command.get_option("--task")->description(
      "What is trained: lm, a language model on text; classify, a model on a table (--data FILE, --model linear or "
      "mlp)");
  command.add_option("--label", options.label, "classify: the column of a CSV file that is predicted")
      ->type_name("COLUMN");
  command
      .add_option("--categorical", options.categorical,
                  "classify: columns of text, separated by commas; each value becomes a column of 0 and 1")
      ->type_name("COLUMNS");
  command.add_option("--problem", options.zoo, "A problem of the zoo (docs/zoo.md) instead of a task")
      ->type_name("NAME");
}

void finish_problem_options(const CLI::App& command, ProblemOptions& options) {
  options.is_model_given = command.count("--model") > 0;
  options.is_batch_given = command.count("--batch") > 0;
  const auto refuse_with = [&](const std::string& why, std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (command.count(name) > 0) throw UserError(std::string(name) + " does not go with " + why);
    }
  };
  if (!options.zoo.empty()) {
    refuse_with("--problem, which has its own data and model",
                {"--task", "--data", "--tokenizer", "--window-order", "--model", "--batch", "--context", "--label",
                 "--categorical"});
  } else if (options.text.task == "classify") {
    refuse_with("--task classify", {"--tokenizer", "--window-order", "--context"});
  } else {
    refuse_with("--task lm", {"--label", "--categorical"});
  }
}

ProblemTask make_problem_task(const ProblemOptions& options) {
  if (!options.zoo.empty()) return make_zoo_task(options);
  if (options.text.task == "lm") return make_text_task(options);
  if (options.text.task != "classify") {
    throw UserError("unknown task '" + options.text.task + "'", "the tasks are lm and classify");
  }
  if (options.text.data.empty()) {
    throw UserError("--task classify needs --data FILE", "a CSV file with --label COLUMN, or a LIBSVM file");
  }
  return make_table_task(options);
}

}  // namespace normdescent::cli
