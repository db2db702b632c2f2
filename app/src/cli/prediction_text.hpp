// SPDX-License-Identifier: Apache-2.0
// What was measured and predicted, as text for a terminal; and the names on the command line as entrants.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "normdescent/predict/predict.hpp"
#include "normdescent/probe/report.hpp"

namespace normdescent::cli {

/// "sgd,muon" as given to --optimizers -> names. UserError for an unknown one (with the nearest), an empty one, a
/// repeated one.
[[nodiscard]] std::vector<std::string> parse_optimizers(const std::string& list);

/// The reverse: names separated by commas.
[[nodiscard]] std::string joined(const std::vector<std::string>& names);

[[nodiscard]] std::vector<Entrant> entrants(const std::vector<std::string>& optimizers);

/// Noise, tails, smoothness and one-step gains at the start.
void print_geometry(std::ostream& out, const ProbeReport& report);
/// A row for each optimizer, then what decided it.
void print_prediction(std::ostream& out, const Prediction& prediction);

/// "1.90 (1.20 - 3.10)"
[[nodiscard]] std::string interval_text(double value, double low, double high);

}  // namespace normdescent::cli
