// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/routing.hpp"

#include <string_view>
#include <utility>

namespace normdescent {
namespace {

// Glob with * (any text, also empty) and ? (one character): on a mismatch after a star, the star takes one more.
bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_end = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_end = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++star_end;
    } else {
      return false;
    }
  }
  return glob.substr(g).find_first_not_of('*') == std::string_view::npos;
}

}  // namespace

const char* to_string(Bfloat16Rounding rounding) {
  switch (rounding) {
    case Bfloat16Rounding::master: return "master";
    case Bfloat16Rounding::stochastic: return "stochastic";
  }
  return "unknown";
}

const char* to_string(NonFinitePolicy policy) {
  switch (policy) {
    case NonFinitePolicy::skip: return "skip";
    case NonFinitePolicy::stop: return "stop";
  }
  return "unknown";
}

bool Route::matches(const ParameterInfo& parameter) const {
  return (!role || *role == parameter.role) && glob_matches(name_glob, parameter.name);
}

const Recipe& OptimizerSpec::recipe_for(const ParameterInfo& parameter) const {
  for (const auto& route : routes) {
    if (route.matches(parameter)) return route.recipe;
  }
  return fallback;
}

OptimizerSpec OptimizerSpec::with_layout(const std::string& name_glob, const MatrixLayout& layout) const {
  OptimizerSpec result = *this;
  result.routes.clear();
  for (const Route& route : routes) {
    if (route.name_glob == "*") {
      Route named = route;
      named.name_glob = name_glob;
      named.recipe.layout = layout;
      result.routes.push_back(std::move(named));
    }
    result.routes.push_back(route);
  }
  return result;
}

OptimizerSpec OptimizerSpec::with_learning_rate_scaled(double factor) const {
  OptimizerSpec scaled = *this;
  for (auto& route : scaled.routes) route.recipe.learning_rate *= factor;
  scaled.fallback.learning_rate *= factor;
  return scaled;
}

}  // namespace normdescent
