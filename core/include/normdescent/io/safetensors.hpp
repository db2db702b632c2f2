// SPDX-License-Identifier: Apache-2.0
// The safetensors format: 8 bytes little-endian header length, a JSON header, then the tensors' bytes without gaps.
#pragma once

#include <filesystem>

#include "normdescent/base/state_dict.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace normdescent {

/// Writes all tensors (sorted by name, 8-byte aligned header) and metadata ("__metadata__"), atomically.
/// std::invalid_argument if a tensor's bytes do not fit its dtype and shape or its dtype is unknown;
/// UserError with the path if the file cannot be written.
FileDigest write_safetensors(const std::filesystem::path& path, const StateDict& state);

/// Reads a whole file. Every defect (truncated, corrupt header, overlapping or missing ranges, sizes that do not fit
/// the shape, lengths beyond the file) is a UserError that names the path and the defect; nothing is allocated beyond
/// the file's own size.
[[nodiscard]] StateDict read_safetensors(const std::filesystem::path& path);

}  // namespace normdescent
