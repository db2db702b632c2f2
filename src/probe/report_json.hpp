// SPDX-License-Identifier: Apache-2.0
// JSON of measurements that reports share; null where nothing was measured.
#pragma once

#include <nlohmann/json.hpp>

#include "normdescent/probe/affine_fit.hpp"
#include "normdescent/probe/sample_statistics.hpp"
#include "normdescent/probe/spectral_watch.hpp"
#include "normdescent/probe/tail_comparison.hpp"

namespace normdescent::probe_detail {

using Json = nlohmann::ordered_json;

[[nodiscard]] Json number(double value);
[[nodiscard]] Json estimate_json(const Estimate& estimate);  ///< {"value", "se"}
[[nodiscard]] Json noise_json(const SampledNoise& noise);
[[nodiscard]] Json spectral_json(const MatrixNoise& noise);  ///< null where nothing was measured
[[nodiscard]] Json spectral_json(const SpectralNoise& noise);
[[nodiscard]] Json invariance_json(const BatchInvariance& invariance);
[[nodiscard]] Json tails_json(const TailComparison& tails);
[[nodiscard]] Json fit_json(const AffineFit& fit);

}  // namespace normdescent::probe_detail
