// SPDX-License-Identifier: Apache-2.0
// What `bounds --json` prints and what Python's nd.bounds holds: one document, its keys are stable.
#pragma once

#include <string>

#include "normdescent/theory/evaluate.hpp"

namespace normdescent {

/// Numbers beyond fp64 are null; their log10 stands beside them.
[[nodiscard]] std::string to_json(const BoundsQuery& query, const BoundsReport& report);

}  // namespace normdescent
