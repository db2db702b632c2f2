// SPDX-License-Identifier: Apache-2.0
// How often the tail's verdict is wrong: laws whose tails are known, with a share of exact zeros, as a probe or a
// monitor sees them. Prints the table of docs/statistics.md.
//
//   build/dev/bench/tail_verdicts [repetitions]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <string>

#include "normdescent/base/philox.hpp"
#include "normdescent/statistics/tail_comparison.hpp"

namespace {

using namespace normdescent;

double student(Philox& random, double degrees) {
  // A Gamma(degrees / 2) variate by Marsaglia and Tsang's method, with its boost for shapes below 1.
  const double shape = 0.5 * degrees;
  const double a = (shape < 1.0 ? shape + 1.0 : shape) - 1.0 / 3.0;
  double gamma = 0.0;
  for (;;) {
    const double z = random.normal();
    const double v = std::pow(1.0 + z / std::sqrt(9.0 * a), 3);
    if (v > 0.0 && std::log(random.uniform()) < 0.5 * z * z + a - a * v + a * std::log(v)) {
      gamma = a * v;
      break;
    }
  }
  if (shape < 1.0) gamma *= std::pow(random.uniform(), 1.0 / shape);
  return random.normal() / std::sqrt(2.0 * gamma / degrees);
}

struct Law {
  const char* name;
  bool is_heavy;
  std::function<double(Philox&)> draw;
};

struct Tally {
  int right = 0, wrong = 0, undecided = 0, not_measured = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::atoi(argv[1]) : 200;
  constexpr std::size_t kSeries = 256;  // as the probe reads
  const Law laws[] = {
      {"bounded (+-1)", false, [](Philox& r) { return r.uniform() < 0.5 ? -1.0 : 1.0; }},
      {"bounded (uniform)", false, [](Philox& r) { return 2.0 * r.uniform() - 1.0; }},
      {"Gaussian", false, [](Philox& r) { return r.normal(); }},
      {"Student, 5 degrees", false, [](Philox& r) { return student(r, 5.0); }},
      {"Student, 2.5 degrees", false, [](Philox& r) { return student(r, 2.5); }},
      {"Student, 1.5 degrees", true, [](Philox& r) { return student(r, 1.5); }},
  };
  std::printf(
      "| law | micro-batches | zeros | wrong | right | undecided | not measured |\n|---|--:|--:|--:|--:|--:|--:|\n");
  for (const std::size_t count : {std::size_t{64}, std::size_t{512}}) {
    const int runs = count > 64 ? std::max(1, repetitions / 4) : repetitions;
    for (const Law& law : laws) {
      for (const double zeros : {0.0, 0.5, 0.9, 0.99}) {
        Tally tally;
        for (int i = 0; i < runs; ++i) {
          Philox random(static_cast<std::uint64_t>(i) + 1, count);
          ScalarSamples samples{.series = kSeries, .values = {}};
          for (std::size_t k = 0; k < count * kSeries; ++k) {
            const double scale = std::ldexp(1.0, static_cast<int>(k % kSeries % 8));  // coordinates differ
            samples.values.push_back(random.uniform() < zeros ? 0.0 : scale * law.draw(random));
          }
          const TailComparison tails = compare_tails(samples, estimate_tail_index(samples));
          if (i == 0 && std::getenv("VERBOSE") != nullptr) std::printf("# %s\n", tails.sentence.c_str());
          const TailVerdict right = law.is_heavy ? TailVerdict::heavy : TailVerdict::finite_variance;
          if (tails.verdict == right)
            ++tally.right;
          else if (tails.verdict == TailVerdict::undecided)
            ++tally.undecided;
          else if (tails.verdict == TailVerdict::not_measured)
            ++tally.not_measured;
          else
            ++tally.wrong;
        }
        const auto percent = [&](int n) { return 100.0 * n / runs; };
        std::printf("| %s | %zu | %g %% | %.3g %% | %.3g %% | %.3g %% | %.3g %% |\n", law.name, count, 100.0 * zeros,
                    percent(tally.wrong), percent(tally.right), percent(tally.undecided), percent(tally.not_measured));
        std::fflush(stdout);
      }
    }
  }
}
