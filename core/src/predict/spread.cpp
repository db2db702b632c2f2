// SPDX-License-Identifier: Apache-2.0
#include "normdescent/predict/spread.hpp"

#include <algorithm>
#include <cmath>

#include "normdescent/base/philox.hpp"
#include "normdescent/predict/predict.hpp"

namespace normdescent {

double conformal_half_width(std::span<const double> errors) {
  std::vector<double> sizes;
  for (const double error : errors) {
    if (!std::isnan(error)) sizes.push_back(std::abs(error));
  }
  if (sizes.size() < kFewestErrors) return kNormalQuantile90 * kIgnoranceError;
  std::ranges::sort(sizes);
  // (n + 1) level is compared as a number of problems: 0.8 x 10 is 8, whatever the last bit says.
  const auto rank =
      static_cast<std::size_t>(std::ceil(kIntervalLevel * static_cast<double>(sizes.size() + 1) * (1.0 - 1e-12)));
  return sizes[std::min(rank, sizes.size()) - 1];
}

std::vector<double> probabilities_of_best(std::span<const double> centres, const std::vector<bool>& exact,
                                          const ErrorTable& errors, int draws, std::uint64_t seed) {
  const std::size_t entrants = centres.size();
  if (entrants == 0) return {};
  std::vector<std::vector<double>> columns(entrants);
  std::vector<double> jitter(entrants, 0.0);
  for (std::size_t j = 0; j < entrants; ++j) {
    double squares = 0.0;
    for (const auto& row : errors) {
      if (std::isnan(row[j])) continue;
      columns[j].push_back(row[j]);
      squares += row[j] * row[j];
    }
    if (!columns[j].empty()) jitter[j] = kJitter * std::sqrt(squares / static_cast<double>(columns[j].size()));
  }
  const auto pick = [](Philox& random, std::size_t count) {
    return std::min(count - 1, static_cast<std::size_t>(random.uniform() * static_cast<double>(count)));
  };
  std::vector<double> wins(entrants, 0.0);
  for (int draw = 0; draw < draws; ++draw) {
    Philox random(seed, static_cast<std::uint64_t>(draw));
    const std::vector<double>* row = errors.empty() ? nullptr : &errors[pick(random, errors.size())];
    std::size_t best = 0;
    double best_value = 0.0;
    for (std::size_t j = 0; j < entrants; ++j) {
      double value = centres[j];
      if (!exact[j]) {
        if (columns[j].empty()) {
          value += kIgnoranceError * random.normal();
        } else {
          const double error = (*row)[j];
          value += std::isnan(error) ? columns[j][pick(random, columns[j].size())] : error;
          value += jitter[j] * random.normal();
        }
      }
      if (j == 0 || value > best_value) {
        best = j;
        best_value = value;
      }
    }
    wins[best] += 1.0;
  }
  const auto problems = static_cast<double>(errors.size());
  for (double& win : wins) {
    win = (problems * win / draws + 1.0 / static_cast<double>(entrants)) / (problems + 1.0);
  }
  return wins;
}

}  // namespace normdescent
