// SPDX-License-Identifier: Apache-2.0
// The version: written here, read by CMake, the command line and result files.
#pragma once

namespace normdescent {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace normdescent
