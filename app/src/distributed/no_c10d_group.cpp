// SPDX-License-Identifier: Apache-2.0
// c10d_group.hpp in builds without LibTorch or Gloo.
#include "normdescent/base/user_error.hpp"
#include "normdescent/distributed/c10d_group.hpp"

namespace normdescent {

namespace {

[[noreturn]] void refuse() {
  throw UserError("this build cannot train with several processes: LibTorch was not there when it was built",
                  "build with a torch wheel of 2.7 or newer; ./run does it under torchrun");
}

}  // namespace

bool has_c10d() { return false; }
std::unique_ptr<ProcessGroup> make_c10d_group(const ProcessEnvironment&, std::chrono::milliseconds) { refuse(); }
std::unique_ptr<MeetingPoint> open_meeting_point() { refuse(); }

}  // namespace normdescent
