// SPDX-License-Identifier: Apache-2.0
#include "normdescent/distributed/c10d_group.hpp"

#include <ATen/ATen.h>

#include <csignal>
#include <cstdlib>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace normdescent {

namespace {

constexpr const char* kThisMachine = "127.0.0.1";

/// A tensor over somebody else's bytes. c10d takes no const; what it only reads stays as it is.
at::Tensor view(const void* data, std::size_t count, at::ScalarType type) {
  return at::from_blob(const_cast<void*>(data), {static_cast<std::int64_t>(count)}, at::TensorOptions(type));
}
at::Tensor view(std::span<const std::byte> bytes) { return view(bytes.data(), bytes.size(), at::kByte); }

/// What happened, and in brackets how Gloo puts it: the first line, behind which LibTorch appends a stack trace.
std::string describe(const std::exception& error, std::chrono::milliseconds timeout) {
  const std::string text = error.what();
  const std::string line = text.substr(0, text.find('\n'));
  const bool is_late = line.find("imed out") != std::string::npos || line.find("imeout") != std::string::npos;
  const std::string what = is_late ? "a rank did not answer within " + std::to_string(timeout.count() / 1000) + " s"
                                   : std::string("another rank has ended");
  return what + " (" + line + ")";
}

class C10dGroup final : public ProcessGroup {
 public:
  C10dGroup(const ProcessEnvironment& environment, std::chrono::milliseconds timeout)
      : ProcessGroup(environment.rank, environment.size), timeout_(timeout) {
    // A rank that has ended is an error that is reported, not the end of those that still write to it; Python does the
    // same.
    std::signal(SIGPIPE, SIG_IGN);
    attempt("meeting the other processes", [&] {
      c10d::TCPStoreOptions store_options;
      store_options.port = environment.port;
      store_options.isServer = environment.rank == 0 && !environment.is_store_elsewhere;
      store_options.waitWorkers = false;
      store_options.timeout = timeout;
      store_options.useLibUV = false;  // not in every build of torch
      auto store = c10::make_intrusive<c10d::TCPStore>(environment.address, store_options);
      store_ = c10::make_intrusive<c10d::PrefixStore>("normdescent/" + environment.restart, store);
      store_->setTimeout(timeout);
      auto options = c10d::ProcessGroupGloo::Options::create(timeout);
      options->threads = 1;  // one operation runs at a time
      const bool is_local = environment.address == kThisMachine || environment.address == "localhost";
      const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
      options->devices.push_back(interface != nullptr ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                 : is_local           ? c10d::ProcessGroupGloo::createDeviceForHostname(kThisMachine)
                                                      : c10d::ProcessGroupGloo::createDefaultDevice());
      group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, rank(), size(), options);
      group_->barrier()->wait();  // a rank that is done early must not hang up on those that still connect
    });
  }

 private:
  void do_all_reduce(std::span<float> values) override {
    std::vector<at::Tensor> tensors{view(values.data(), values.size(), at::kFloat)};
    attempt("all_reduce", [&] { group_->allreduce(tensors)->wait(); });
  }
  void do_all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    std::vector<at::Tensor> input{view(mine)};
    std::vector<std::vector<at::Tensor>> output(1);
    for (std::size_t r = 0; r < static_cast<std::size_t>(size()); ++r)
      output[0].push_back(view(all.subspan(r * mine.size(), mine.size())));
    attempt("all_gather", [&] { group_->allgather(output, input)->wait(); });
  }
  void do_all_to_all(std::span<const std::byte> mine, std::span<std::byte> theirs) override {
    at::Tensor output = view(theirs);
    at::Tensor input = view(mine);
    std::vector<std::int64_t> even;
    attempt("all_to_all", [&] { group_->alltoall_base(output, input, even, even)->wait(); });
  }
  void do_broadcast(std::span<std::byte> bytes, int root) override {
    std::vector<at::Tensor> tensors{view(bytes)};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    attempt("broadcast", [&] { group_->broadcast(tensors, options)->wait(); });
  }
  void do_barrier() override {
    attempt("barrier", [&] { group_->barrier()->wait(); });
  }

  template <class Work>
  void attempt(const char* operation, const Work& work) {
    try {
      work();
    } catch (const std::exception& error) {
      throw ProcessGroupError("rank " + std::to_string(rank()) + " of " + std::to_string(size()) + ": " + operation +
                              ": " + describe(error, timeout_));
    }
  }

  std::chrono::milliseconds timeout_;
  c10::intrusive_ptr<c10d::Store> store_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

class StoreMeetingPoint final : public MeetingPoint {
 public:
  StoreMeetingPoint() : store_(kThisMachine, options()) {}
  [[nodiscard]] std::uint16_t port() const override { return store_.getPort(); }

 private:
  static c10d::TCPStoreOptions options() {
    c10d::TCPStoreOptions options;
    options.port = 0;
    options.isServer = true;
    options.waitWorkers = false;
    return options;
  }
  c10d::TCPStore store_;
};

}  // namespace

bool has_c10d() { return true; }

std::unique_ptr<ProcessGroup> make_c10d_group(const ProcessEnvironment& environment,
                                              std::chrono::milliseconds timeout) {
  return std::make_unique<C10dGroup>(environment, timeout);
}

std::unique_ptr<MeetingPoint> open_meeting_point() { return std::make_unique<StoreMeetingPoint>(); }

}  // namespace normdescent
