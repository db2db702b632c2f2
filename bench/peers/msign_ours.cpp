// SPDX-License-Identifier: Apache-2.0
// Our side of msign.py: reads float32 matrices, orthogonalizes them, writes the results, then serves timed runs.
//   msign_ours METHOD full|bfloat16 ROWS COLS COUNT IN OUT
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "normdescent/linalg/polar_solver.hpp"
#include "timed_runs.hpp"

int main(int argc, char** argv) {
  using namespace normdescent;
  if (argc != 8) return 2;
  const Index rows = std::atoll(argv[3]);
  const Index cols = std::atoll(argv[4]);
  const auto count = static_cast<std::size_t>(std::atoll(argv[5]));
  const auto size = static_cast<std::size_t>(rows * cols);
  std::vector<float> g(count * size);
  std::vector<float> out(count * size);
  std::ifstream(argv[6], std::ios::binary)
      .read(reinterpret_cast<char*>(g.data()), static_cast<std::streamsize>(g.size() * sizeof(float)));
  const auto precision = std::string(argv[2]) == "full" ? ProductPrecision::full : ProductPrecision::bfloat16;
  PolarSolver<float> solver({.method = argv[1], .precision = precision});
  std::vector<PolarTask<float>> tasks;
  for (std::size_t k = 0; k < count; ++k) {
    tasks.push_back({{g.data() + k * size, rows, cols}, {out.data() + k * size, rows, cols}});
  }
  solver.run(tasks);
  std::ofstream(argv[7], std::ios::binary)
      .write(reinterpret_cast<const char*>(out.data()), static_cast<std::streamsize>(out.size() * sizeof(float)));
  bench::serve_timed_runs([&] { solver.run(tasks); });
}
