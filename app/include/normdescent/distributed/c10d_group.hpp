// SPDX-License-Identifier: Apache-2.0
// Groups of processes by PyTorch's c10d with Gloo. No LibTorch in this header.
#pragma once

#include <memory>

#include "normdescent/distributed/environment.hpp"
#include "normdescent/distributed/process_group.hpp"

namespace normdescent {

/// Whether this build has LibTorch and Gloo.
[[nodiscard]] bool has_c10d();

/// Meets the other processes of `environment` and connects to all of them. The network interface is the one of
/// GLOO_SOCKET_IFNAME, or that of the machine's own name; 127.0.0.1 where that is where the processes meet.
/// ProcessGroupError if they are not all there within `timeout`; UserError where has_c10d() is false.
[[nodiscard]] std::unique_ptr<ProcessGroup> make_c10d_group(const ProcessEnvironment& environment,
                                                            std::chrono::milliseconds timeout);

/// Where processes that somebody is about to start will meet.
class MeetingPoint {
 public:
  virtual ~MeetingPoint() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};
/// Listens at a free port of this machine for as long as it lives. UserError where has_c10d() is false.
[[nodiscard]] std::unique_ptr<MeetingPoint> open_meeting_point();

}  // namespace normdescent
