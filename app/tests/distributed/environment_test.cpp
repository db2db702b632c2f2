// SPDX-License-Identifier: Apache-2.0
#include "normdescent/distributed/environment.hpp"

#include <gtest/gtest.h>

#include <map>

#include "normdescent/base/user_error.hpp"

namespace normdescent {
namespace {

using Variables = std::map<std::string, std::string>;

std::optional<ProcessEnvironment> find_in(const Variables& variables) {
  return find_process_environment([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Environment, WithoutVariablesThereIsOneProcess) { EXPECT_FALSE(find_in({{"MASTER_ADDR", "node0"}})); }

TEST(Environment, TorchrunsVariables) {
  const auto found = find_in({{"RANK", "5"},
                              {"WORLD_SIZE", "8"},
                              {"LOCAL_RANK", "1"},
                              {"LOCAL_WORLD_SIZE", "4"},
                              {"MASTER_ADDR", "node0"},
                              {"MASTER_PORT", "1234"},
                              {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                              {"TORCHELASTIC_RESTART_COUNT", "2"}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 5);
  EXPECT_EQ(found->size, 8);
  EXPECT_EQ(found->local_rank, 1);
  EXPECT_EQ(found->local_size, 4);
  EXPECT_EQ(found->address, "node0");
  EXPECT_EQ(found->port, 1234);
  EXPECT_TRUE(found->is_store_elsewhere);
  EXPECT_EQ(found->restart, "2");
}

TEST(Environment, MpirunsVariablesOnOneMachineNeedNoAddress) {
  const auto found = find_in({{"OMPI_COMM_WORLD_RANK", "1"},
                              {"OMPI_COMM_WORLD_SIZE", "2"},
                              {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                              {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 1);
  EXPECT_EQ(found->address, "127.0.0.1");
  EXPECT_FALSE(found->is_store_elsewhere);
}

TEST(Environment, SrunsVariablesCountInsideAStepOnly) {
  Variables variables = {{"SLURM_PROCID", "3"}, {"SLURM_NTASKS", "4"}, {"MASTER_ADDR", "node0"}};
  EXPECT_FALSE(find_in(variables)) << "a batch script is one process";
  variables["SLURM_STEP_ID"] = "0";
  const auto found = find_in(variables);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 3);
  EXPECT_EQ(found->size, 4);
}

TEST(Environment, WhatIsMissingOrWrongIsNamed) {
  const auto message = [](const Variables& variables) -> std::string {
    try {
      (void)find_in(variables);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message({{"RANK", "0"}}).find("WORLD_SIZE is not set"), std::string::npos);
  EXPECT_NE(message({{"RANK", "2"}, {"WORLD_SIZE", "2"}}).find("RANK = 2, must be"), std::string::npos);
  EXPECT_NE(message({{"RANK", "one"}, {"WORLD_SIZE", "2"}}).find("RANK = one"), std::string::npos);
  EXPECT_NE(message({{"RANK", "0"}, {"WORLD_SIZE", "2"}}).find("MASTER_ADDR is not set"), std::string::npos);
  EXPECT_NE(
      message({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "70000"}}).find("MASTER_PORT"),
      std::string::npos);
}

}  // namespace
}  // namespace normdescent
