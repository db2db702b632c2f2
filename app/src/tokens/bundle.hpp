// SPDX-License-Identifier: Apache-2.0
// Files that the build took from npm's folder, empty where it had none.
#pragma once

namespace normdescent::tokens::bundle {

/// GPT-2's ranks as the npm package tiktoken has them.
extern const char* const kGptTwoRanks;

}  // namespace normdescent::tokens::bundle
