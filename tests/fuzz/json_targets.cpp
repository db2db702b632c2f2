// SPDX-License-Identifier: Apache-2.0
// JSON documents of our own commands.
#include "fuzz/scratch.hpp"
#include "fuzz/target.hpp"
#include "normdescent/report/report.hpp"
#include "normdescent/scoreboard/record.hpp"
#include "probe_file.hpp"

namespace normdescent::fuzz {

/// What `probe --json` printed, as bounds reads it.
void read_probe(std::string_view input) {
  let_read({{"probe.json", input}}, [](const std::filesystem::path& folder) {
    const auto problem = cli::read_probe_file((folder / "probe.json").string());
    if (problem.geometries.empty()) found("no geometry, and no error");
  });
}

/// result.json of a run folder becomes a page.
void read_report(std::string_view input) {
  allow_user_error([&] {
    if (report_page(input).empty()) found("an empty page");
  });
}

/// A problem's folder of a scoreboard: evidence.json, then race.json. Their hashes are made to fit, so that what is
/// behind the check of hashes is read too.
void read_record_folder(std::string_view input) {
  const auto evidence = take_part(input);
  const std::string prediction = sealed("{\"evidence_hash\": \"" + hash_of(evidence) + "\", \"content\": {}}");
  std::string race(input);
  constexpr std::string_view kHash = "PREDICTION-HASH";
  if (const auto at = race.find(kHash); at != std::string::npos) race.replace(at, kHash.size(), hash_of(prediction));
  let_read({{kEvidenceFile, evidence}, {kPredictionFile, prediction}, {kRaceFile, race}},
           [](const std::filesystem::path& folder) {
             const auto record = read_record(folder);
             if (!record) found("a race that is there was not read");
             static_cast<void>(race_text(*record, "hash"));
           });
}

/// A sealed document: its hash is checked over what it says.
void read_prediction(std::string_view input) {
  allow_user_error([&] { static_cast<void>(unsealed(std::string(input), "prediction.json")); });
}

}  // namespace normdescent::fuzz
