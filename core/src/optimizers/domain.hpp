// SPDX-License-Identifier: Apache-2.0
// Domains of numeric options: one value both checks and prints, so that messages, catalog and checks cannot drift
// apart.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "normdescent/base/numbers.hpp"

namespace normdescent::optimizers {

/// Shortest text that reads back as the same number.
[[nodiscard]] std::string to_text(double value);
/// "a, b, c"
[[nodiscard]] std::string join(const std::vector<std::string>& names);

/// An interval; infinite ends and NaN are outside.
struct Domain {
  double low = 0.0;
  double high = 0.0;
  bool is_low_open = false;
  bool is_high_open = false;

  [[nodiscard]] bool contains(double value) const;
  [[nodiscard]] std::string text() const;  ///< "[0, 1)"
};

inline constexpr Domain kMomentum{.low = 0.0, .high = 1.0, .is_high_open = true};
inline constexpr Domain kUnit{.low = 0.0, .high = 1.0};
inline constexpr Domain kNonNegative{.low = 0.0, .high = kInfinity, .is_high_open = true};
inline constexpr Domain kPositive{.low = 0.0, .high = kInfinity, .is_low_open = true, .is_high_open = true};

/// Collects every violated constraint and throws them together.
class Problems {
 public:
  explicit Problems(std::string subject) : subject_(std::move(subject)) {}

  void add(std::string problem) { problems_.push_back(std::move(problem)); }
  void check(const char* field, double value, const Domain& domain);
  /// std::invalid_argument "subject: field = value, must be ...; field = ..."
  void throw_if_any() const;

 private:
  std::string subject_;
  std::vector<std::string> problems_;
};

}  // namespace normdescent::optimizers
