// SPDX-License-Identifier: Apache-2.0
// A fuzz target without libFuzzer:  fuzz_test NAME [--mutations N] [--seed S] FOLDER|FILE...
// Reads every file (seed* must be accepted, refused-* be a UserError), then N mutations of them, the same for the same
// seed. An input that crashes, takes longer than kSeconds or more memory than allowed_bytes() ends the program, and is
// left in
// ./crash-NAME.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <vector>

#include "fuzz/mutate.hpp"
#include "fuzz/scratch.hpp"
#include "fuzz/target.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace {

constexpr unsigned kSeconds = 60;
const normdescent::fuzz::Target* target = nullptr;
std::string input;
std::string crash_file;
std::atomic<std::size_t> bytes_in_use{0};
std::atomic<std::size_t> bytes_allowed{~std::size_t{0}};

/// A parsed JSON value takes up to about 60 bytes a character ("[],"), a table's cells 40.
std::size_t allowed_bytes(std::size_t input_bytes) { return (std::size_t{16} << 20U) + 128 * input_bytes; }

void save_and_die(int signal) {
  const int file = ::open(crash_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const auto written = ::write(file, input.data(), input.size());
  static_cast<void>(written);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void catch_crashes() {
  static std::vector<char> stack(std::size_t{1} << 16U);  // the reader's own may be what is used up
  const stack_t alternative{.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
  ::sigaltstack(&alternative, nullptr);
  struct sigaction action {};
  action.sa_handler = save_and_die;
  action.sa_flags = SA_ONSTACK;
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGALRM}) ::sigaction(signal, &action, nullptr);
}

void run(const std::string& text) {
  input = text;
  ::alarm(kSeconds);
  bytes_allowed = bytes_in_use + allowed_bytes(text.size());
  target->read(input);
  bytes_allowed = ~std::size_t{0};
  ::alarm(0);
}

std::vector<std::filesystem::path> files_of(const std::vector<std::filesystem::path>& paths) {
  std::vector<std::filesystem::path> files;
  for (const auto& path : paths) {
    if (std::filesystem::is_directory(path)) {
      for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
    } else {
      files.push_back(path);
    }
  }
  std::ranges::sort(files);  // the mutations are to be the same on every machine
  return files;
}

}  // namespace

void* operator new(std::size_t size) {
  if (bytes_in_use + size > bytes_allowed) {
    std::fprintf(stderr, "bug: more than %zu bytes for an input of %zu\n", allowed_bytes(input.size()), input.size());
    std::abort();
  }
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  bytes_in_use += ::malloc_usable_size(memory);
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept {
  bytes_in_use -= ::malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

int main(int count, char** words) {
  std::uint64_t mutations = 0;
  std::uint64_t seed = 1;
  std::vector<std::filesystem::path> paths;
  if (count > 1) target = normdescent::fuzz::find_target(words[1]);
  for (int i = 2; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--mutations" && i + 1 < count)
      mutations = std::strtoull(words[++i], nullptr, 10);
    else if (word == "--seed" && i + 1 < count)
      seed = std::strtoull(words[++i], nullptr, 10);
    else
      paths.emplace_back(word);
  }
  const auto files = files_of(paths);
  if (target == nullptr || files.empty()) {
    std::fprintf(stderr, "usage: %s NAME [--mutations N] [--seed S] FOLDER|FILE...\n", words[0]);
    return 2;
  }
  crash_file = "crash-" + std::string(target->name);
  catch_crashes();
  std::vector<std::string> inputs;
  for (const auto& file : files) {
    inputs.push_back(normdescent::read_text(file));
    run(inputs.back());
    const std::string name = file.filename().string();
    const std::string& refusal = normdescent::fuzz::refusal;
    if (refusal.empty() ? name.starts_with("refused") : name.starts_with("seed")) {
      std::fprintf(stderr, "bug: %s is %s\n", file.c_str(), refusal.empty() ? "accepted" : refusal.c_str());
      return 1;
    }
    normdescent::fuzz::refusal.clear();
  }
  for (std::uint64_t i = 0; i < mutations; ++i) {
    normdescent::Philox random(seed, i);
    const auto& other = inputs[random.below(inputs.size())];
    run(normdescent::fuzz::mutated(inputs[random.below(inputs.size())], other, random));
  }
  std::printf("%zu files and %llu mutations\n", inputs.size(), static_cast<unsigned long long>(mutations));
  return 0;
}
