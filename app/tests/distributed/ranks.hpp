// SPDX-License-Identifier: Apache-2.0
// The same test on both kinds of groups: threads that share memory, and threads that talk by c10d as processes do.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "normdescent/distributed/c10d_group.hpp"
#include "support/local_group.hpp"

namespace normdescent::test {

using Work = std::function<void(ProcessGroup&)>;
using Errors = std::vector<std::exception_ptr>;

inline Errors run_c10d_ranks(int size, const Work& work, std::chrono::milliseconds timeout) {
  const auto meeting_point = open_meeting_point();
  Errors errors(static_cast<std::size_t>(size));
  std::vector<std::jthread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        const auto group = make_c10d_group(
            {.rank = rank, .size = size, .port = meeting_point->port(), .is_store_elsewhere = true}, timeout);
        work(*group);
      } catch (...) {
        errors[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  }
  threads.clear();
  return errors;
}

enum class Kind { local, c10d };

inline Errors run_ranks_of(Kind kind, int size, const Work& work,
                           std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
  return kind == Kind::local ? run_ranks(size, work, timeout) : run_c10d_ranks(size, work, timeout);
}

/// What a rank threw; "" if nothing.
inline std::string text_of(const std::exception_ptr& error) {
  if (!error) return "";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
}

inline void expect_no_errors(const Errors& errors) {
  for (const auto& error : errors) EXPECT_EQ(text_of(error), "");
}

struct GroupCase {
  Kind kind;
  int size;
};

class Groups : public testing::TestWithParam<GroupCase> {
 protected:
  void SetUp() override {
    if (GetParam().kind == Kind::c10d && !has_c10d()) GTEST_SKIP() << "this build has no LibTorch or no Gloo";
  }
  Errors run(const Work& work, std::chrono::milliseconds timeout = std::chrono::seconds(60)) const {
    return run_ranks_of(GetParam().kind, GetParam().size, work, timeout);
  }
};

inline std::string name_of_case(const testing::TestParamInfo<GroupCase>& info) {
  return (info.param.kind == Kind::local ? "Local" : "C10d") + std::to_string(info.param.size);
}

inline auto group_cases() {
  return testing::Values(GroupCase{Kind::local, 2}, GroupCase{Kind::local, 3}, GroupCase{Kind::c10d, 2},
                         GroupCase{Kind::c10d, 3});
}

}  // namespace normdescent::test
