// SPDX-License-Identifier: Apache-2.0
// The text of core/data/policy.json, embedded by the build.
#pragma once

namespace normdescent::policy_text {

extern const char* const kPolicy;

}  // namespace normdescent::policy_text
