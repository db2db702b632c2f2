// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/distributions.hpp"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <stdexcept>
#include <string>

#include "normdescent/base/numbers.hpp"

namespace normdescent {
namespace {

[[noreturn]] void refuse(const char* field, double value, const char* constraint) {
  throw std::invalid_argument(std::string(field) + " = " + std::to_string(value) + ", must be " + constraint);
}

}  // namespace

double normal_cdf(double x) { return boost::math::cdf(boost::math::normal(), x); }

double normal_quantile(double probability) {
  if (!(probability >= 0.0 && probability <= 1.0)) refuse("probability", probability, "in [0, 1]");
  if (probability == 0.0) return -kInfinity;
  if (probability == 1.0) return kInfinity;
  return boost::math::quantile(boost::math::normal(), probability);
}

double student_t_quantile(double probability, double degrees) {
  if (!(probability > 0.0 && probability < 1.0)) refuse("probability", probability, "in (0, 1)");
  if (!(degrees > 0.0)) return kNaN;
  return boost::math::quantile(boost::math::students_t(degrees), probability);
}

double binomial_tail(std::int64_t trials, double probability, std::int64_t count) {
  if (count >= trials || probability <= 0.0) return 0.0;
  if (count < 0 || probability >= 1.0) return 1.0;
  const boost::math::binomial law(static_cast<double>(trials), probability);
  return boost::math::cdf(boost::math::complement(law, static_cast<double>(count)));
}

double binomial_p_value(std::int64_t successes, std::int64_t trials, double probability) {
  const double at_least = binomial_tail(trials, probability, successes - 1);
  const double at_most = 1.0 - binomial_tail(trials, probability, successes);
  return std::min(1.0, 2.0 * std::min(at_least, at_most));
}

}  // namespace normdescent
