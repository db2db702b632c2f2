// SPDX-License-Identifier: Apache-2.0
// Who am I among the processes of a run: what torchrun, mpirun or srun say in environment variables.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace normdescent {

struct ProcessEnvironment {
  int rank = 0;
  int size = 1;
  int local_rank = 0;  ///< among the processes of this machine
  int local_size = 1;
  std::string address = "127.0.0.1";  ///< where the processes meet
  std::uint16_t port = 29500;
  bool is_store_elsewhere = false;  ///< the launcher listens at the port, not rank 0
  std::string restart = "0";        ///< torchrun's count of restarts: each has names of its own in the store
};

/// Reads, first match wins,
///   RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE                          torchrun
///   OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK, _LOCAL_SIZE                   mpirun
///   SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID, SLURM_NTASKS_PER_NODE        srun (SLURM_STEP_ID must be there: what
///                                                                           sbatch starts directly is one process)
/// and MASTER_ADDR, MASTER_PORT; these are 127.0.0.1 and 29500 where all processes are on this machine, and asked for
/// otherwise. Empty: none of them is set. UserError for a variable that is missing or no number of its range.
[[nodiscard]] std::optional<ProcessEnvironment> find_process_environment(
    const std::function<const char*(const char*)>& variable);
/// With the variables of this process.
[[nodiscard]] std::optional<ProcessEnvironment> find_process_environment();

}  // namespace normdescent
