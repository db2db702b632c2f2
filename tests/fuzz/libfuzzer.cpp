// SPDX-License-Identifier: Apache-2.0
// A target under libFuzzer:  fuzz_NAME [libFuzzer's options] FOLDER...   The name of the program, a link, says which.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "fuzz/target.hpp"

namespace {
const normdescent::fuzz::Target* target = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** words) {
  const std::string name = std::filesystem::path((*words)[0]).filename().string();
  constexpr std::string_view kPrefix = "fuzz_";
  if (name.starts_with(kPrefix)) target = normdescent::fuzz::find_target(name.substr(kPrefix.size()));
  if (target != nullptr) return 0;
  std::fprintf(stderr, "no target is called %s; call this program by a link fuzz_NAME\n", name.c_str());
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  target->read({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
