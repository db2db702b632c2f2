// SPDX-License-Identifier: Apache-2.0
// The trained state of one problem of the zoo as the start of another.
#include <string>
#include <string_view>

#include "families.hpp"
#include "fine_tune.hpp"

namespace normdescent {
namespace {

std::function<std::shared_ptr<const Problem>()> fine_tuning(std::string name, std::string before, std::string after,
                                                            bool has_new_head) {
  return [=] {
    const ZooProblem& first = zoo_problem(before);
    return make_fine_tuning({.name = name,
                             .before = first.make(),
                             .steps = first.steps,
                             .after = zoo_problem(after).make(),
                             .has_new_head = has_new_head});
  };
}

}  // namespace

std::vector<ZooProblem> fine_tuning_problems() {
  return {
      {"finetune-gpt-prose", "fine-tuning", "gpt-prose-bytes from the end of gpt-code-bytes: far from a random start",
       16, 150, true, fine_tuning("finetune-gpt-prose", "gpt-code-bytes", "gpt-prose-bytes", false)},
      {"finetune-cnn-digits", "fine-tuning", "cnn-digits-zipf from the end of cnn-shapes, with a new head", 32, 120,
       false, fine_tuning("finetune-cnn-digits", "cnn-shapes", "cnn-digits-zipf", true)},
  };
}

}  // namespace normdescent
