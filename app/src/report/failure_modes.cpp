// SPDX-License-Identifier: Apache-2.0
#include "failure_modes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "html.hpp"
#include "normdescent/base/text.hpp"

namespace normdescent::report {
namespace {

std::string at_rate(double rate) { return " at learning rate " + significant(rate); }

double best_final_loss(const nlohmann::json& measured) {
  double best = std::numeric_limits<double>::infinity();
  for (const auto& contestant : measured) {
    const double loss = number(contestant, "final_loss");
    if (std::isfinite(loss)) best = std::min(best, loss);
  }
  return best;
}

void note_divergence(const nlohmann::json& contestant, std::vector<std::string>& out) {
  const std::string name = text(contestant, "optimizer");
  if (flag(contestant, "diverged")) {
    const auto& rates = list(contestant, "learning_rates");
    const bool some_rate_worked = std::any_of(rates.begin(), rates.end(), [](const auto& rate) {
      const auto& losses = list(rate, "final_losses");
      return std::any_of(losses.begin(), losses.end(), [](const auto& loss) { return loss.is_number(); });
    });
    out.push_back(name + (some_rate_worked
                              ? " diverged in a final run" + at_rate(number(contestant, "learning_rate")) + "."
                              : " diverged at every learning rate that was tried."));
    return;
  }
  std::string rates;
  for (const auto& rate : list(contestant, "learning_rates")) {
    if (number(rate, "diverged") > 0.0)
      rates += (rates.empty() ? "" : ", ") + significant(number(rate, "learning_rate"));
  }
  if (!rates.empty()) out.push_back(name + " diverged in the learning-rate search at " + rates + ".");
}

void note_seed_spread(const nlohmann::json& contestant, std::vector<std::string>& out) {
  for (const auto& rate : list(contestant, "learning_rates")) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const auto& loss : list(rate, "final_losses")) {
      if (!loss.is_number()) continue;
      low = std::min(low, loss.get<double>());
      high = std::max(high, loss.get<double>());
    }
    if (high - low > kSeedSpread * std::abs(low)) {
      out.push_back(text(contestant, "optimizer") + at_rate(number(rate, "learning_rate")) +
                    ": the seeds disagree (final losses from " + significant(low) + " to " + significant(high) +
                    "), the edge of what works.");
    }
  }
}

void note_plateau(const nlohmann::json& contestant, double best, std::vector<std::string>& out) {
  for (const auto& curve : list(contestant, "curves")) {
    const auto& points = list(curve, "points");
    if (points.size() < 4) continue;
    const double end = number(points.back(), "validation_loss");
    const double middle = number(points[points.size() / 2], "validation_loss");
    if (end > (1.0 + kPlateauGap) * best && middle - end < kPlateauProgress * std::abs(middle)) {
      out.push_back(text(contestant, "optimizer") + at_rate(number(contestant, "learning_rate")) + ", seed " +
                    fixed(number(curve, "seed"), 0) + ", is stuck on a plateau at loss " + significant(end) +
                    " (best of the race: " + significant(best) + ").");
    }
  }
}

}  // namespace

std::vector<std::string> failure_modes(const nlohmann::json& measured) {
  std::vector<std::string> out;
  const double best = best_final_loss(measured);
  for (const auto& contestant : measured) {
    note_divergence(contestant, out);
    note_seed_spread(contestant, out);
    note_plateau(contestant, best, out);
    if (contestant.contains("best_rate_is_interior") && !flag(contestant, "best_rate_is_interior") &&
        !flag(contestant, "diverged")) {
      out.push_back(text(contestant, "optimizer") + ": the best learning rate " +
                    significant(number(contestant, "learning_rate")) +
                    " lies at the end of the grid; a better one may lie beyond.");
    }
  }
  return out;
}

}  // namespace normdescent::report
