// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/first_failure.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>

namespace normdescent {
namespace {

TEST(FirstFailure, NothingIsRethrownWhereNothingWasThrown) {
  FirstFailure failure;
  EXPECT_TRUE(failure.guard([] {}));
  EXPECT_NO_THROW(failure.rethrow());
}

TEST(FirstFailure, TheFirstIsRethrownAndLaterOnesAreNot) {
  FirstFailure failure;
  EXPECT_FALSE(failure.guard([] { throw std::runtime_error("first"); }));
  EXPECT_FALSE(failure.guard([] { throw std::logic_error("second"); }));
  EXPECT_TRUE(failure.guard([] {}));
  try {
    failure.rethrow();
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), std::string("first"));
  }
}

TEST(FirstFailure, LeavesAParallelRegionWhole) {
  FirstFailure failure;
  std::atomic<int> done = 0;
#pragma omp parallel for num_threads(3)
  for (int i = 0; i < 30; ++i) {
    failure.guard([&] {
      if (i % 2 == 1) throw std::runtime_error("odd");
      ++done;
    });
  }
  EXPECT_EQ(done, 15);
  EXPECT_THROW(failure.rethrow(), std::runtime_error);
}

}  // namespace
}  // namespace normdescent
