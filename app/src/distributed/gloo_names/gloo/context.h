// SPDX-License-Identifier: Apache-2.0
// Torch's wheels have c10d's header of Gloo, but not Gloo's own headers, which it includes. Gloo itself is inside LibTorch,
// and c10d_group.cpp only hands pointers to it on, so names are all that is needed; nothing here is ever an object, and nothing is called.
#pragma once

#include <chrono>

namespace gloo {
class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
  [[nodiscard]] std::chrono::milliseconds getTimeout() const;
};
}  // namespace gloo
