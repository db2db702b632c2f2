// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "normdescent/probe/report.hpp"

namespace normdescent::probe_detail {

/// Fills in what follows from the rest of the report: critical batches, growth, and the reasons for what is missing.
void derive_measurements(ProbeReport& report);

}  // namespace normdescent::probe_detail
