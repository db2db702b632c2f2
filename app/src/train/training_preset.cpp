// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/training_preset.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "normdescent/base/nearest_name.hpp"
#include "normdescent/base/user_error.hpp"

namespace normdescent {

namespace {

/// GPT-2 124M on C4 for 10,000 steps of 512 sequences on 4 GPUs. Weight decay, momentum of SGD and clipping are of the
/// scripts; the paper's text does not mention them.
TrainingPreset signsgd_paper(std::string name, std::string optimizer, double learning_rate,
                             std::map<std::string, std::string> settings) {
  settings["clip_norm"] = "1";
  return {.name = std::move(name),
          .source = "SignSGD against SGD: GPT-2 124M on C4",
          .optimizer = std::move(optimizer),
          .learning_rate = learning_rate,
          .settings = std::move(settings),
          .steps = 10'000,
          .warmup_steps = 1000,
          .batch = 512,
          .micro_batch = 128,
          .seed = 42};
}

/// GPT-2 124M on C4 for 16,000 steps of 256 sequences on 8 GPUs.
TrainingPreset heavy_tail(const char* suffix, std::string optimizer, double learning_rate, Decay decay,
                          std::map<std::string, std::string> settings) {
  return {.name = std::string("heavy-tail-paper-") + suffix,
          .source = "heavy-tailed noise in pretraining, six optimizers: GPT-2 124M on C4",
          .optimizer = std::move(optimizer),
          .learning_rate = learning_rate,
          .settings = std::move(settings),
          .steps = 16'000,
          .warmup_steps = 2000,
          .decay = decay,
          .batch = 256,
          .micro_batch = 16,
          .checkpoint_every = 4000,
          .seed = 114'514};
}

std::int64_t scaled_count(std::int64_t count, double scale, std::int64_t least) {
  return std::max(least, static_cast<std::int64_t>(std::llround(scale * static_cast<double>(count))));
}

}  // namespace

std::span<const TrainingPreset> training_presets() {
  static const std::vector<TrainingPreset> kPresets{
      signsgd_paper("signsgd-paper", "signsgd", 1e-4, {{"decoupled_decay", "0.1"}}),
      signsgd_paper("sgd-paper", "sgd", 1e-2, {{"beta", "0.9"}, {"l2_penalty", "0.1"}}),
      heavy_tail("adamw", "adamw", 1e-3, Decay::one_cycle,
                 {{"beta1", "0.9"}, {"beta2", "0.95"}, {"decoupled_decay", "0.1"}, {"clip_norm", "0.5"}}),
      heavy_tail("muon", "muon", 1e-3, Decay::one_cycle,
                 {{"beta", "0.95"},
                  {"nesterov", "false"},
                  {"method", "jordan"},
                  {"steps", "5"},
                  {"fallback_beta1", "0.9"},
                  {"fallback_beta2", "0.99"},
                  {"decoupled_decay", "0"},
                  {"clip_norm", "1"}}),
      heavy_tail("muonlight", "muonlight", 1e-3, Decay::one_cycle,
                 {{"beta", "0.95"},
                  {"method", "jordan"},
                  {"steps", "5"},
                  {"fallback_beta1", "0.9"},
                  {"fallback_beta2", "0.99"},
                  {"decoupled_decay", "0.1"},
                  {"fallback_decoupled_decay", "0.1"},
                  {"clip_norm", "0.5"}}),
      heavy_tail("signum", "signum", 1e-4, Decay::one_cycle_linear,
                 {{"beta", "0.9"}, {"decoupled_decay", "1"}, {"clip_norm", "0.5"}}),
      heavy_tail("lion", "lion", 1e-4, Decay::one_cycle_linear,
                 {{"beta1", "0.9"}, {"beta2", "0.95"}, {"decoupled_decay", "1"}, {"clip_norm", "0.5"}}),
      heavy_tail("normsgd", "normalized-sgd", 1e-3, Decay::one_cycle,
                 {{"beta", "0.9"}, {"scope", "per-tensor"}, {"decoupled_decay", "0.1"}, {"clip_norm", "0.5"}}),
  };
  return kPresets;
}

const TrainingPreset& training_preset(std::string_view name) {
  std::vector<std::string> names;
  std::string list;
  for (const TrainingPreset& preset : training_presets()) {
    if (preset.name == name) return preset;
    names.push_back(preset.name);
    list += (list.empty() ? "" : ", ") + preset.name;
  }
  const auto nearest = nearest_name(name, names);
  throw UserError("no preset '" + std::string(name) + "'",
                  nearest ? "did you mean " + *nearest + "?" : "there are " + list);
}

TrainingPreset TrainingPreset::scaled(double scale) const {
  if (!(scale > 0.0 && scale <= 1.0))
    throw std::invalid_argument("scale = " + std::to_string(scale) + ", must be in (0, 1]");
  TrainingPreset out = *this;
  const double share = static_cast<double>(warmup_steps) / static_cast<double>(steps);
  out.steps = scaled_count(steps, scale, 10);
  out.warmup_steps = std::llround(share * static_cast<double>(out.steps));
  out.batch = static_cast<std::uint32_t>(scaled_count(batch, scale, 1));
  out.micro_batch = std::min(micro_batch, out.batch);
  out.evaluate_every = scaled_count(evaluate_every, scale, 1);
  out.checkpoint_every = scaled_count(checkpoint_every, scale, 1);
  return out;
}

}  // namespace normdescent
