// SPDX-License-Identifier: Apache-2.0
#include "language_model_task.hpp"

#include <CLI/CLI.hpp>

#include "normdescent/base/user_error.hpp"
#include "option_checks.hpp"

namespace normdescent::cli {
namespace {

std::string preset_names() {
  std::string out;
  for (const auto& preset : gpt_presets()) out += (out.empty() ? "" : ", ") + preset.name;
  return out;
}

}  // namespace

void add_task_options(CLI::App& command, LanguageModelOptions& options) {
  command.add_option("--task", options.task, "What is trained: lm, a language model on text")
      ->capture_default_str()
      ->type_name("NAME");
  command.add_option("--data", options.data, "Text file or folder; default: the C and C++ headers of this machine")
      ->type_name("PATH");
  command.add_option("--model", options.model, "GPT preset: " + preset_names())
      ->capture_default_str()
      ->type_name("NAME");
  command.add_option("--batch", options.batch, "Windows of text in a mini-batch")
      ->check(whole_number(1, 1 << 20))
      ->capture_default_str()
      ->type_name("N");
  command.add_option("--context", options.context, "Tokens in a window; default: the preset's")
      ->check(whole_number(1, 1 << 20))
      ->type_name("N");
}

LanguageModelTask make_task(const LanguageModelOptions& options) {
  if (options.task != "lm") throw UserError("unknown task '" + options.task + "'", "the task of this version is lm");
  LanguageModelTask task;
  task.options.shape = gpt_preset(options.model);
  task.options.batch_size = options.batch;
  if (options.context > task.options.shape.context) {
    throw UserError("--context " + std::to_string(options.context) + " is longer than the model " + options.model +
                    " takes (" + std::to_string(task.options.shape.context) + ")");
  }
  task.options.context = options.context > 0 ? options.context : task.options.shape.context;
  task.corpus = std::make_shared<Corpus>(options.data.empty() ? load_system_headers() : load_corpus(options.data));
  task.problem = make_gpt_problem(task.options, task.corpus);
  return task;
}

std::filesystem::path output_folder(const std::string& out, const std::string& name) {
  if (!out.empty()) return out;
  for (int number = 1;; ++number) {
    const auto path = std::filesystem::path("runs") / (name + "-" + std::to_string(number));
    if (!std::filesystem::exists(path)) return path;
  }
}

}  // namespace normdescent::cli
