// SPDX-License-Identifier: Apache-2.0
// The geometries that index everything here: norms, optimizers, bounds, probes and predictions (docs/geometry.md).
#pragma once

namespace normdescent {

/// The norm on the step. Stationarity is measured in its dual.
enum class Geometry {
  euclidean,  ///< l2; dual l2; direction g / ||g||_2; SGD, normalized SGD
  sign,       ///< l-infinity; dual l1; direction sign(g); SignSGD, Signum, Lion, Adam
  spectral,   ///< spectral; dual nuclear; direction msign(G); Muon, Muonlight, Shampoo
  row_wise,   ///< largest row l2; dual sum of row l2 norms; row-normalized G
};

[[nodiscard]] const char* to_string(Geometry geometry);

}  // namespace normdescent
