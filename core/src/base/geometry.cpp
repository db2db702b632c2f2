// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/geometry.hpp"

namespace normdescent {

const char* to_string(Geometry geometry) {
  switch (geometry) {
    case Geometry::euclidean: return "euclidean";
    case Geometry::sign: return "sign";
    case Geometry::spectral: return "spectral";
    case Geometry::row_wise: return "row-wise";
  }
  return "unknown";
}

}  // namespace normdescent
