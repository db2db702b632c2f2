// SPDX-License-Identifier: Apache-2.0
#include "normdescent/zoo/zoo.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "families.hpp"
#include "normdescent/base/nearest_name.hpp"
#include "normdescent/base/user_error.hpp"

namespace normdescent {

std::span<const ZooProblem> zoo() {
  static const std::vector<ZooProblem> all = [] {
    std::vector<ZooProblem> list;
    for (const auto family : {gpt_problems, language_problems, image_problems, vector_problems, fine_tuning_problems})
      std::ranges::move(family(), std::back_inserter(list));
    return list;
  }();
  return all;
}

const ZooProblem& zoo_problem(std::string_view name) {
  const auto problem = std::ranges::find(zoo(), name, &ZooProblem::name);
  if (problem != zoo().end()) return *problem;
  std::vector<std::string> names;
  for (const ZooProblem& known : zoo()) names.push_back(known.name);
  const auto nearest = nearest_name(name, names);
  throw UserError("the zoo has no problem '" + std::string(name) + "'",
                  nearest ? "did you mean " + *nearest + "?" : "docs/zoo.md lists them");
}

}  // namespace normdescent
