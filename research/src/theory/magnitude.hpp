// SPDX-License-Identifier: Apache-2.0
// A non-negative number kept as its natural logarithm: epsilon^4, d^5 and (S/epsilon)^(1/theta) with p near 1 leave the
// range of a double (p = 1.05: the power is 21). Relative error about |log| * 2^-53, below 2e-13 inside that range.
#pragma once

#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>
#include <numbers>

namespace normdescent::theory {

class Magnitude {
 public:
  explicit Magnitude(double value) : log_(std::log(value)) {}
  [[nodiscard]] static Magnitude from_log(double log) {
    Magnitude result(1.0);
    result.log_ = log;
    return result;
  }

  [[nodiscard]] double log() const { return log_; }
  [[nodiscard]] double log10() const { return log_ * std::numbers::log10e; }
  [[nodiscard]] double value() const { return std::exp(log_); }  ///< may be 0 or infinity

  friend Magnitude operator*(Magnitude a, Magnitude b) { return from_log(a.log_ + b.log_); }
  friend Magnitude operator*(double a, Magnitude b) { return Magnitude(a) * b; }
  friend Magnitude operator/(Magnitude a, Magnitude b) { return from_log(a.log_ - b.log_); }
  friend Magnitude operator/(Magnitude a, double b) { return a / Magnitude(b); }
  friend Magnitude operator+(Magnitude a, Magnitude b) {
    const double high = std::max(a.log_, b.log_);
    const double low = std::min(a.log_, b.log_);
    return std::isinf(high) ? from_log(high) : from_log(high + std::log1p(std::exp(low - high)));
  }
  friend auto operator<=>(Magnitude a, Magnitude b) { return a.log_ <=> b.log_; }
  friend bool operator==(Magnitude a, Magnitude b) { return a.log_ == b.log_; }

  [[nodiscard]] friend Magnitude pow(Magnitude a, double exponent) { return from_log(exponent * a.log_); }
  [[nodiscard]] friend Magnitude sqrt(Magnitude a) { return pow(a, 0.5); }

 private:
  double log_;
};

}  // namespace normdescent::theory
