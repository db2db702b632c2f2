// SPDX-License-Identifier: Apache-2.0
// A run folder's result.json (docs/architecture.md) becomes report.html: one file that needs no network and no server.
// Text, tables and the prediction chart are made here; curves are drawn in the browser by the chart library (dygraphs)
// that is bundled, and are left out, with a word on how to get them, where it was not there at build time.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace normdescent {

/// The page for the text of a result.json. Keys that are missing leave their section out, so results of an interrupted
/// run and of single commands make a page too. Everything that comes from data is escaped.
/// Throws UserError if the text is not a JSON object.
[[nodiscard]] std::string report_page(std::string_view result_json);

/// Reads `run_folder`/result.json and writes `run_folder`/report.html; returns its path.
/// Throws UserError if the folder or the file is missing, unreadable or not JSON, or the page cannot be written.
std::filesystem::path write_report(const std::filesystem::path& run_folder);

/// Whether this build carries the chart library.
[[nodiscard]] bool has_bundled_charts();

}  // namespace normdescent
