// SPDX-License-Identifier: Apache-2.0
// What an exchange between processes of this machine costs: a hop of the ring, bytes a second, a mean and a vote.
//   torchrun --no-python --nproc-per-node RANKS exchange COORDINATES [ROUNDS]
// prints one line of JSON: the fastest of ROUNDS by rank 0's clock, so that what else the
// machine does counts little.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "distributed/combiner.hpp"
#include "normdescent/distributed/c10d_group.hpp"
#include "normdescent/distributed/environment.hpp"

namespace {

using namespace normdescent;

/// Seconds of the fastest of `rounds` calls of `operation`, which all ranks begin together.
template <class Operation>
double seconds_of(ProcessGroup& group, int rounds, const Operation& operation) {
  double fastest = std::numeric_limits<double>::infinity();
  for (int round = 0; round < rounds; ++round) {
    group.barrier();
    const auto start = std::chrono::steady_clock::now();
    operation();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    fastest = std::min(fastest, taken.count());
  }
  return fastest;
}

void measure(const ProcessEnvironment& place, std::size_t coordinates, int rounds) {
  const auto group = make_c10d_group(place, kDefaultProcessTimeout);
  std::vector<float> one(1, 1.0F);
  std::vector<float> gradient(coordinates);
  for (std::size_t i = 0; i < coordinates; ++i) gradient[i] = i % 3 == 0 ? -1.0F : 1.0F;
  const double small = seconds_of(*group, 20 * rounds, [&] { group->all_reduce(one); });
  std::vector<float> sum = gradient;
  const double mean = seconds_of(*group, rounds, [&] {
    sum = gradient;
    group->all_reduce(sum);
  });
  distributed::VoteCombiner votes(*group);
  votes.begin_step(0, 1.0);
  std::vector<float> bucket(coordinates);
  const double vote = seconds_of(*group, rounds, [&] {
    votes.take(gradient, 0, bucket);
    votes.combine(bucket);
  });
  if (place.rank > 0) return;
  const double ranks = place.size;
  const double sent = 2.0 * (ranks - 1.0) / ranks * sizeof(float) * static_cast<double>(coordinates);
  std::cout << R"({"ranks": )" << place.size << R"(, "coordinates": )" << coordinates << R"(, "hop_us": )"
            << 1e6 * small / (2.0 * (ranks - 1.0)) << R"(, "gigabytes_per_s": )" << 1e-9 * sent / mean
            << R"(, "mean_ms": )" << 1e3 * mean << R"(, "vote_ms": )" << 1e3 * vote << "}\n";
}

}  // namespace

int main(int argc, char** argv) {
  const auto place = find_process_environment();
  if (argc < 2 || std::atoi(argv[1]) < 1 || !place || place->size < 2) {
    std::cerr << "usage: torchrun --no-python --nproc-per-node RANKS exchange COORDINATES [ROUNDS]\n";
    return 2;
  }
  measure(*place, static_cast<std::size_t>(std::atoi(argv[1])), argc > 2 ? std::max(1, std::atoi(argv[2])) : 10);
  return 0;
}
