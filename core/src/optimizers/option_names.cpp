// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/catalog.hpp"

namespace normdescent {

const char* to_string(MomentumForm form) { return form == MomentumForm::ema ? "ema" : "heavy-ball"; }

const char* to_string(Axis axis) { return axis == Axis::rows ? "rows" : "columns"; }

const char* to_string(CorrectionKind kind) {
  switch (kind) {
    case CorrectionKind::none: return "none";
    case CorrectionKind::extrapolation: return "extrapolation";
    case CorrectionKind::variance_reduction: return "variance-reduction";
    case CorrectionKind::mars: return "mars";
  }
  return "unknown";
}

const char* to_string(ScionBall ball) {
  switch (ball) {
    case ScionBall::spectral: return "spectral";
    case ScionBall::sign: return "sign";
    case ScionBall::rows: return "rows";
    case ScionBall::columns: return "columns";
  }
  return "unknown";
}

}  // namespace normdescent
