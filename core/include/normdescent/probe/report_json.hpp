// SPDX-License-Identifier: Apache-2.0
// JSON of measurements that reports share; null where nothing was measured.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "normdescent/probe/matrix_noise.hpp"
#include "normdescent/probe/sample_statistics.hpp"
#include "normdescent/statistics/affine_fit.hpp"
#include "normdescent/statistics/tail_comparison.hpp"

namespace normdescent::probe_detail {

using OrderedJson = nlohmann::ordered_json;

[[nodiscard]] OrderedJson number(double value);
[[nodiscard]] OrderedJson because(const std::string& reason);       ///< null if empty
[[nodiscard]] OrderedJson estimate_json(const Estimate& estimate);  ///< {"value", "se"}
[[nodiscard]] OrderedJson noise_json(const SampledNoise& noise);
[[nodiscard]] OrderedJson spectral_json(const MatrixNoise& noise);  ///< null where nothing was measured
[[nodiscard]] OrderedJson invariance_json(const BatchInvariance& invariance);
[[nodiscard]] OrderedJson tails_json(const TailComparison& tails);
[[nodiscard]] OrderedJson fit_json(const AffineFit& fit);

}  // namespace normdescent::probe_detail
