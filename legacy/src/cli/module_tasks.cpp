// SPDX-License-Identifier: Apache-2.0
// Tasks whose models are LibTorch modules.
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/zoo/classify.hpp"
#include "normdescent/zoo/zoo.hpp"
#include "problem_task.hpp"

namespace normdescent::cli {
namespace {

std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.size(), text.find(',', start));
    if (end > start) names.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return names;
}

/// Instantiates once: only a model knows how many parameters it has.
void count_parameters(ProblemTask& task) { task.parameters = dimension(task.problem->instantiate(1)->parameters()); }

}  // namespace

ProblemTask make_zoo_task(const ProblemOptions& options) {
  const ZooProblem& entry = zoo_problem(options.zoo);
  ProblemTask task{.problem = entry.make()};
  task.description.kind = "zoo";
  task.description.data = task.problem->name();
  task.description.model = entry.name;
  task.description.batch = entry.batch_size;
  task.steps = entry.steps;
  count_parameters(task);
  task.headline = entry.name + ", " + grouped(task.parameters) + " parameters: " + entry.summary;
  return task;
}

ProblemTask make_table_task(const ProblemOptions& options) {
  ClassifyOptions classify;
  if (options.is_model_given) classify.model = options.text.model;
  if (options.is_batch_given) classify.batch_size = options.text.batch;
  if (classify.model != "linear" && classify.model != "mlp") {
    throw UserError("unknown model '" + classify.model + "' for --task classify", "the models are linear and mlp");
  }
  const auto table = std::make_shared<const Table>(
      read_table(options.text.data, {.label = options.label, .categorical = split_names(options.categorical)}));
  ProblemTask task{.problem = make_classification(table, classify)};
  task.description.kind = options.text.task;
  task.description.data = table->source;
  task.description.data_hash = table->content_hash;
  task.description.model = classify.model;
  task.description.batch = classify.batch_size;
  count_parameters(task);
  task.headline = classify.model + ", " + grouped(task.parameters) + " parameters, on " + table->source + " (" +
                  grouped(table->rows()) + " rows, " + grouped(table->width()) + " columns, " +
                  grouped(static_cast<long long>(table->classes.size())) + " classes)";
  return task;
}

}  // namespace normdescent::cli
