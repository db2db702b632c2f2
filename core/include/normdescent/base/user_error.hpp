// SPDX-License-Identifier: Apache-2.0
// Bad input of a person: what is wrong, where, what was expected, and a hint. The command line prints it as one line.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace normdescent {

class UserError : public std::runtime_error {
 public:
  explicit UserError(const std::string& message, std::string hint = {})
      : std::runtime_error(message), hint_(std::move(hint)) {}
  [[nodiscard]] const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

}  // namespace normdescent
