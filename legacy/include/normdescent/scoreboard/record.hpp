// SPDX-License-Identifier: Apache-2.0
// What the scoreboard keeps of one problem, and its files: evidence.json, prediction.json, race.json. They hold all
// runs, so that predictors that are invented later can be judged by the same races.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "normdescent/predict/predict.hpp"
#include "normdescent/race/race.hpp"

namespace normdescent {

/// Work done on a problem, in examples: what a budget is compared in.
struct Cost {
  std::int64_t gradient_examples = 0;
  std::int64_t loss_examples = 0;  ///< that went through a loss alone
  std::int64_t validations = 0;
  double seconds = 0.0;

  /// In examples of a gradient: a loss alone takes about a third of one.
  [[nodiscard]] double work() const;
};

/// One problem of the scoreboard, before and after its race.
struct ProblemRecord {
  std::string problem;
  std::string family;
  RunPlan plan;
  Evidence evidence;
  Cost evidence_cost;
  RaceResult race;
  Cost race_cost;
};

inline constexpr const char* kEvidenceFile = "evidence.json";
inline constexpr const char* kPredictionFile = "prediction.json";
inline constexpr const char* kRaceFile = "race.json";

[[nodiscard]] std::string evidence_text(const ProblemRecord& record);
[[nodiscard]] std::string race_text(const ProblemRecord& record, std::string_view prediction_hash);

/// {"hash", "content": {"problem", "written", "evidence_hash", ...}}: `hash` is that of content's text.
[[nodiscard]] std::string sealed(const std::string& content);
/// The content of such a text. UserError naming `path` if the hash is another one, or it is no such text.
[[nodiscard]] std::string unsealed(const std::string& text, const std::filesystem::path& path);
/// hash_text of the bytes.
[[nodiscard]] std::string hash_of(std::string_view text);

/// Problem, plan, evidence and its cost. UserError naming the file where it is unreadable.
[[nodiscard]] ProblemRecord read_evidence(const std::filesystem::path& folder);
/// read_evidence, and the race: empty while race.json is not there. Checks that the prediction is the one that was
/// written for this evidence, and the race the one that was run after this prediction (UserError naming the file).
[[nodiscard]] std::optional<ProblemRecord> read_record(const std::filesystem::path& folder);

}  // namespace normdescent
