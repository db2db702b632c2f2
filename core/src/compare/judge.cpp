// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "normdescent/base/text.hpp"
#include "normdescent/compare/compare.hpp"

namespace normdescent {

namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

/// "; over adamw 1.8 times fewer steps and 1.5 times less time": what people use today.
std::string over_baselines(const ContestantResult& winner) {
  std::string text;
  for (const SpeedupOver& over : winner.speedups) {
    if (over.baseline == winner.name || !over.steps) continue;
    text += text.empty() ? ". Over " : "; over ";
    text += over.baseline + ": " + significant(over.steps->value, 2) + " times fewer steps";
    if (over.time) text += ", " + significant(over.time->value, 2) + " times less time";
  }
  return text;
}

std::string size_of(const SpeedupInterval& speedup, const std::string& reference) {
  const bool has_interval = std::isfinite(speedup.low) && std::isfinite(speedup.high);
  std::string text = "it needs " + significant(speedup.value, 2) + " times fewer steps than " + reference;
  if (has_interval) text += " (" + significant(speedup.low, 2) + " to " + significant(speedup.high, 2) + ")";
  return text + " for the same loss";
}

}  // namespace

Judgement judge(const Prediction& prediction, const RaceResult& race) {
  if (race.was_stopped || race.contestants.empty()) return {std::nullopt, "Stopped before the race was decided."};
  std::vector<std::string> inside_noise;
  for (const auto& contestant : race.contestants) {
    if (contestant.is_inside_noise_of_best) inside_noise.push_back(contestant.name);
  }
  if (inside_noise.empty()) return {std::nullopt, "No optimizer finished its runs: there is nothing to judge."};

  const std::string& favourite = prediction.favourite;
  if (race.winner) {
    const bool was_right = favourite == *race.winner;
    std::string text = *race.winner + " wins" + (was_right ? ", as predicted" : ", not " + favourite + " as predicted");
    const auto winner = std::ranges::find(race.contestants, *race.winner, &ContestantResult::name);
    if (winner->speedup && winner->name != race.reference) text += ": " + size_of(*winner->speedup, race.reference);
    return {was_right, text + over_baselines(*winner) + "."};
  }
  const bool was_right = std::ranges::find(inside_noise, favourite) != inside_noise.end();
  if (inside_noise.size() == 1)
    return {was_right, "No winner outside the noise: only " + inside_noise.front() + " could be judged."};
  return {was_right, "No winner outside the noise: " + joined(inside_noise) +
                         " cannot be told apart (z = " + significant(race.winner_z, 2) + "); the predicted " +
                         favourite + (was_right ? " is among them." : " is not among them.")};
}

}  // namespace normdescent
