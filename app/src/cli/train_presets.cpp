// SPDX-License-Identifier: Apache-2.0
// What a preset changes, and how that is told.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>

#include "json_document.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/training_preset.hpp"
#include "option_checks.hpp"
#include "train_options.hpp"

namespace normdescent::cli {
namespace {

bool is_given(const CLI::App& command, const char* option) { return command.count(option) > 0; }

/// The shortest text that reads back as the number.
std::string text_of(double value) { return nlohmann::json(value).dump(); }

struct Value {
  std::string name;
  std::string value;
  std::string source;
};

std::vector<Value> values_of(const CLI::App& command, const TrainCommandOptions& options) {
  const std::string otherwise = options.preset.empty() ? "default" : "preset " + options.preset;
  const TrainerOptions& trainer = options.trainer;
  std::vector<Value> values;
  const auto add = [&](const char* name, std::string value) {
    const bool given = is_given(command, (std::string("--") + name).c_str());
    values.push_back({name, std::move(value), given ? "given" : otherwise});
  };
  if (options.task.init_from.empty()) {
    add("model", options.task.model);
  } else {
    add("init-from", options.task.init_from);
  }
  add("tokenizer", options.task.tokenizer);
  add("context", options.task.context == 0 ? "the model's" : std::to_string(options.task.context));
  add("batch", std::to_string(options.task.batch));
  add("micro-batch", options.task.micro_batch == 0 ? "the whole batch" : std::to_string(options.task.micro_batch));
  add("steps", std::to_string(trainer.steps));
  add("schedule", to_string(trainer.decay));
  add("warmup", text_of(trainer.warmup_fraction));
  add("evaluate-every", std::to_string(trainer.evaluate_every));
  add("checkpoint-every", std::to_string(trainer.checkpoint_every));
  add("seed", std::to_string(trainer.seed));
  add("on-nonfinite", to_string(trainer.on_nonfinite));
  add("optimizer", options.optimizer);

  const OptimizerInfo* const info = find_optimizer(options.optimizer);
  if (info == nullptr) return values;  // make_optimizer says so
  const auto settings = resolved_settings(options);
  const auto typed = parse_settings(command.get_option("--set")->results());
  for (const auto& option : info->options) {
    const auto found = settings.find(option.name);
    const bool given = typed.contains(option.name) ||
                       (option.name == "learning_rate" && is_given(command, "--learning-rate")) ||
                       (option.name == "clip_norm" && is_given(command, "--clip")) ||
                       (option.name == kWeightDecay && is_given(command, "--weight-decay"));
    const char* const fallback = "the optimizer's default";
    values.push_back({"set " + option.name, found == settings.end() ? option.default_value : found->second,
                      given ? "given" : (found == settings.end() ? fallback : otherwise)});
  }
  return values;
}

}  // namespace

void apply_preset(const CLI::App& command, TrainCommandOptions& options) {
  if (options.preset.empty()) return;
  const TrainingPreset preset = training_preset(options.preset).scaled(options.scale);
  const auto set = [&](const char* option, auto& to, const auto& value) {
    if (!is_given(command, option)) to = value;
  };
  options.optimizer = preset.optimizer;
  // The rate and clipping may be given in two ways.
  auto typed = parse_settings(options.settings);
  if (!typed.contains("learning_rate")) set("--learning-rate", options.learning_rate, text_of(preset.learning_rate));
  for (const auto& [name, value] : preset.settings) {
    if (name == "clip_norm" && is_given(command, "--clip")) continue;
    if (name == kWeightDecay && is_given(command, "--weight-decay")) continue;
    if (!typed.contains(name)) options.settings.push_back(name + "=" + value);
  }
  const bool has_other_model = is_given(command, "--model") || is_given(command, "--init-from");
  set("--model", options.task.model, preset.model);
  set("--tokenizer", options.task.tokenizer, preset.tokenizer);
  set("--context", options.task.context, has_other_model ? 0 : preset.context);
  set("--batch", options.task.batch, preset.batch);
  set("--micro-batch", options.task.micro_batch, preset.micro_batch);
  TrainerOptions& trainer = options.trainer;
  set("--steps", trainer.steps, preset.steps);
  set("--schedule", trainer.decay, preset.decay);
  set("--warmup", trainer.warmup_fraction,
      static_cast<double>(preset.warmup_steps) / static_cast<double>(preset.steps));
  set("--evaluate-every", trainer.evaluate_every, preset.evaluate_every);
  set("--checkpoint-every", trainer.checkpoint_every, preset.checkpoint_every);
  set("--seed", trainer.seed, preset.seed);
}

void print_presets(bool json, std::ostream& out) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& preset : training_presets()) {
    list.push_back({{"name", preset.name},
                    {"source", preset.source},
                    {"optimizer", preset.optimizer},
                    {"learning_rate", preset.learning_rate},
                    {"steps", preset.steps},
                    {"batch", preset.batch}});
    if (json) continue;
    std::string name = preset.name;
    name.resize(28, ' ');
    out << name << preset.optimizer << " at " << text_of(preset.learning_rate) << ", " << grouped(preset.steps)
        << " steps of " << preset.batch << " x " << preset.context << " tokens: " << preset.source << '\n';
  }
  if (json) print_document(out, nlohmann::json{{"presets", list}});
}

void explain_options(const CLI::App& command, const TrainCommandOptions& options, std::ostream& out) {
  const auto values = values_of(command, options);
  if (options.json) {
    nlohmann::json json = nlohmann::json::object();
    for (const auto& value : values) json[value.name] = {{"value", utf8_text(value.value)}, {"source", value.source}};
    print_document(out, json);
    return;
  }
  for (const auto& value : values) {
    std::string name = value.name;
    std::string text = value.value;
    name.resize(std::max<std::size_t>(26, name.size() + 1), ' ');
    text.resize(std::max<std::size_t>(18, text.size() + 1), ' ');
    out << name << text << value.source << '\n';
  }
}

}  // namespace normdescent::cli
