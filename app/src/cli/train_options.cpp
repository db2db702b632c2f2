// SPDX-License-Identifier: Apache-2.0
#include "train_options.hpp"

#include <CLI/CLI.hpp>

#include "normdescent/base/user_error.hpp"
#include "normdescent/train/training_preset.hpp"
#include "option_checks.hpp"

namespace normdescent::cli {
namespace {

void add_schedule(CLI::App& command, TrainerOptions& trainer) {
  std::map<std::string, Decay> schedules;
  std::string names;
  for (const auto name : decay_names()) {
    schedules.emplace(name, *parse_decay(name));
    names.append(names.empty() ? "" : ", ").append(name);
  }
  command.add_option("--schedule", trainer.decay, "LR schedule: " + names)
      ->transform(CLI::Transformer(schedules))
      ->default_str(to_string(trainer.decay))
      ->type_name("NAME");
  command.add_option("--warmup", trainer.warmup_fraction, "Warm-up, as a fraction of the steps")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->type_name("X");
}

void add_checkpoints(CLI::App& command, TrainerOptions& trainer) {
  command.add_option("--checkpoint-every", trainer.checkpoint_every, "Steps between checkpoints; 0: only at the end")
      ->check(integer(0))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option("--monitor", trainer.monitor_every,
                  "Steps between measurements of gradient noise and step gain; 0: none, auto: " +
                      std::to_string(kMonitorInterval))
      ->transform([](const std::string& text) { return text == "auto" ? std::to_string(kMonitorInterval) : text; })
      ->check(integer(0))
      ->capture_default_str()
      ->type_name("N");
  command.add_option("--keep-checkpoints", trainer.keep_checkpoints, "How many of the newest to keep")
      ->check(integer(1, 1000))
      ->capture_default_str()
      ->type_name("K");
  command
      .add_option("--background-checkpoints", trainer.background_writes,
                  "Write them while training goes on: auto (large ones, if memory allows), always, never")
      ->transform(CLI::Transformer(std::map<std::string, BackgroundWrites>{{"auto", BackgroundWrites::automatic},
                                                                           {"always", BackgroundWrites::always},
                                                                           {"never", BackgroundWrites::never}}))
      ->default_str("auto")
      ->type_name("WHEN");
}

void add_model_start(CLI::App& command, LanguageModelOptions& task) {
  command
      .add_option("--init-from", task.init_from,
                  "Initial weights: a run folder, a Hugging Face folder or .safetensors, llm.c's .bin")
      ->type_name("PATH")
      ->excludes("--model");
  command
      .add_option("--micro-batch", task.micro_batch,
                  "Sequences in memory at a time (gradient accumulation); default: the whole batch")
      ->check(integer(1, 1 << 20))
      ->type_name("N");
}

void add_preset(CLI::App& command, TrainCommandOptions& options) {
  std::string names;
  for (const auto& preset : training_presets()) names += preset.name + ", ";
  command
      .add_option("--preset", options.preset,
                  "Hyperparameters of a paper's run: " + names + "or list. Options given beside it override it")
      ->type_name("NAME")
      ->excludes("--optimizer");
  command.add_option("--scale", options.scale, "Fraction of the preset's steps and batch, in (0, 1]")
      ->check(positive_number())
      ->capture_default_str()
      ->type_name("X")
      ->needs("--preset");
  command.add_flag("--explain", options.explain, "Print every value and where it comes from, and do not train");
}

}  // namespace

void add_train_options(CLI::App& command, TrainCommandOptions& options) {
  add_task_options(command, options.task);
  add_model_start(command, options.task);
  command.add_option("--optimizer", options.optimizer, "A name of `optimizers list`")
      ->capture_default_str()
      ->type_name("NAME");
  add_preset(command, options);
  command.add_option("--learning-rate", options.learning_rate, "Peak learning rate; default: the optimizer's")
      ->check(positive_number())
      ->type_name("X");
  command.add_option("--clip", options.clip, "Gradient clipping: maximal global l2 norm")
      ->check(positive_number())
      ->type_name("X");
  command.add_option("--weight-decay", options.weight_decay, "Decoupled weight decay; default: the optimizer's")
      ->check(non_negative_number())
      ->type_name("X");
  add_settings(command, options.settings);
  TrainerOptions& trainer = options.trainer;
  command.add_option("--steps", trainer.steps, "Training steps")
      ->check(integer(1))
      ->capture_default_str()
      ->type_name("N");
  add_schedule(command, trainer);
  command.add_option("--evaluate-every", trainer.evaluate_every, "Steps between validations; 0: only at the end")
      ->check(integer(0))
      ->capture_default_str()
      ->type_name("N");
  add_checkpoints(command, trainer);
  command
      .add_option("--on-nonfinite", trainer.on_nonfinite,
                  "On a loss or gradient that is NaN or infinite: stop the run, or skip the step")
      ->transform(CLI::Transformer(
          std::map<std::string, NonFinitePolicy>{{"stop", NonFinitePolicy::stop}, {"skip", NonFinitePolicy::skip}}))
      ->default_str("stop")
      ->type_name("WHAT");
  add_seed(command, trainer.seed);
  add_threads(command, options.threads);
  add_process_options(command, options.processes);
  auto* const out = add_out(command, options.out, "Run folder; must be new or empty. Default: runs/train-N");
  command
      .add_option("--resume", options.resume,
                  "Continue the run in this folder: its options are in it. Beside it: what changes no result "
                  "(--threads, --*-every ...), and more --steps")
      ->type_name("DIR")
      ->excludes(out);
  command.add_flag("--estimate", options.estimate, "Estimate memory and time, and do not train");
  add_json(command, options.json);
}

std::map<std::string, std::string> resolved_settings(const TrainCommandOptions& options) {
  auto settings = parse_settings(options.settings);
  if (!options.learning_rate.empty() && !settings.emplace("learning_rate", options.learning_rate).second) {
    throw UserError("the learning rate is given twice", "use either --learning-rate or --set learning_rate=VALUE");
  }
  if (!options.clip.empty() && !settings.emplace("clip_norm", options.clip).second) {
    throw UserError("the clipping is given twice", "use either --clip or --set clip_norm=VALUE");
  }
  if (!options.weight_decay.empty() && !settings.emplace(kWeightDecay, options.weight_decay).second) {
    throw UserError("the weight decay is given twice",
                    std::string("use either --weight-decay or --set ") + kWeightDecay + "=VALUE");
  }
  return settings;
}

}  // namespace normdescent::cli
