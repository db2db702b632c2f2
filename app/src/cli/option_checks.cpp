// SPDX-License-Identifier: Apache-2.0
#include "option_checks.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>

#include "normdescent/base/user_error.hpp"

#include <omp.h>

namespace normdescent::cli {
namespace {

template <class T>
bool parse(const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

std::string quoted(const std::string& text) { return "'" + text + "'"; }

}  // namespace

CLI::Validator integer(std::int64_t low, std::int64_t high) {
  std::string expected = high == INT64_MAX ? "of at least " + std::to_string(low)
                                           : "from " + std::to_string(low) + " to " + std::to_string(high);
  if (low == 1 && high == INT64_MAX) expected = "above 0";
  return {[low, high, expected](const std::string& text) {
            std::int64_t value = 0;
            const bool is_good = parse(text, value) && value >= low && value <= high;
            return is_good ? std::string() : quoted(text) + " is not an integer " + expected;
          },
          ""};
}

CLI::Validator positive_number() {
  return {[](const std::string& text) {
            double value = 0.0;
            const bool is_good = parse(text, value) && std::isfinite(value) && value > 0.0;
            return is_good ? std::string() : quoted(text) + " is not a number above 0";
          },
          ""};
}

CLI::Validator non_negative_number() {
  return {[](const std::string& text) {
            double value = 0.0;
            const bool is_good = parse(text, value) && std::isfinite(value) && value >= 0.0;
            return is_good ? std::string() : quoted(text) + " is not a number of at least 0";
          },
          ""};
}

CLI::Option* add_json(CLI::App& command, bool& json) {
  return command.add_flag("--json", json, "One JSON document on standard output, nothing else");
}

CLI::Option* add_seed(CLI::App& command, std::uint64_t& seed) {
  return command.add_option("--seed", seed, "Random seed")->check(integer(0))->capture_default_str()->type_name("N");
}

CLI::Option* add_threads(CLI::App& command, int& threads) {
  threads = available_threads();
  return command.add_option("--threads", threads, "CPU threads; default: all")->check(integer(1, 1024))->type_name("N");
}

CLI::Option* add_out(CLI::App& command, std::string& folder, const std::string& what) {
  return command.add_option("--out", folder, what)->type_name("DIR");
}

CLI::Option* add_settings(CLI::App& command, std::vector<std::string>& settings) {
  return command.add_option("--set", settings, "An option of the optimizer (see `optimizers list`); repeatable")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

std::map<std::string, std::string> parse_settings(const std::vector<std::string>& settings) {
  std::map<std::string, std::string> out;
  for (const auto& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UserError("--set " + setting + " has no value", "write --set NAME=VALUE, e.g. --set beta=0.95");
    }
    const std::string name = setting.substr(0, equals);
    if (!out.emplace(name, setting.substr(equals + 1)).second) throw UserError("--set " + name + " is given twice");
  }
  return out;
}

int available_threads() { return omp_get_num_procs(); }

}  // namespace normdescent::cli
