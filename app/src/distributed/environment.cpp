// SPDX-License-Identifier: Apache-2.0
#include "normdescent/distributed/environment.hpp"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "normdescent/base/user_error.hpp"

namespace normdescent {

namespace {

using Variable = std::function<const char*(const char*)>;

/// The names that one launcher uses.
struct Names {
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* local_size;
};
constexpr Names kLaunchers[] = {
    {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"}};

int number(const Variable& variable, const char* name, int low, int high) {
  const char* text = variable(name);
  if (text == nullptr)
    throw UserError(std::string(name) + " is not set, though other variables of its launcher are",
                    "docs/distributed.md says which are needed");
  const std::string_view digits(text);
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < low || value > high)
    throw UserError(std::string(name) + " = " + text + ", must be a whole number in [" + std::to_string(low) + ", " +
                    std::to_string(high) + "]");
  return value;
}

int number_or(const Variable& variable, const char* name, int low, int high, int otherwise) {
  return variable(name) == nullptr ? otherwise : number(variable, name, low, high);
}

}  // namespace

std::optional<ProcessEnvironment> find_process_environment(const Variable& variable) {
  constexpr int kMost = 1 << 20;
  for (const Names& names : kLaunchers) {
    if (variable(names.rank) == nullptr) continue;
    const bool is_slurm = std::string_view(names.rank) == "SLURM_PROCID";
    if (is_slurm && variable("SLURM_STEP_ID") == nullptr) continue;
    ProcessEnvironment found;
    found.size = number(variable, names.size, 1, kMost);
    found.rank = number(variable, names.rank, 0, found.size - 1);
    found.local_size = number_or(variable, names.local_size, 1, found.size, 1);
    found.local_rank = number_or(variable, names.local_rank, 0, found.size - 1, 0);
    const bool is_one_machine = found.local_size == found.size;
    if (const char* address = variable("MASTER_ADDR")) {
      found.address = address;
    } else if (!is_one_machine) {
      throw UserError(
          "MASTER_ADDR is not set, and the " + std::to_string(found.size) + " processes are not all on this machine",
          "export MASTER_ADDR=the name of rank 0's machine, and MASTER_PORT");
    }
    found.port = static_cast<std::uint16_t>(number_or(variable, "MASTER_PORT", 1, 65535, found.port));
    const char* elsewhere = variable("TORCHELASTIC_USE_AGENT_STORE");
    found.is_store_elsewhere = elsewhere != nullptr && std::string_view(elsewhere) == "True";
    if (const char* restart = variable("TORCHELASTIC_RESTART_COUNT")) found.restart = restart;
    return found;
  }
  return std::nullopt;
}

std::optional<ProcessEnvironment> find_process_environment() {
  return find_process_environment([](const char* name) -> const char* { return std::getenv(name); });
}

}  // namespace normdescent
