// SPDX-License-Identifier: Apache-2.0
// Images that need no download: digits and shapes drawn with strokes. Each is a function of the random numbers alone.
#pragma once

#include <cstdint>
#include <span>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/view.hpp"

namespace normdescent {

enum class Drawing { digits, shapes };

inline constexpr Index kDrawingSide = 16;     ///< pixels
inline constexpr Index kDrawingClasses = 10;  ///< of either kind

/// Draws class `label` in [0, kDrawingClasses): its strokes turned, scaled, sheared, shifted, bent and thickened at
/// random, one grey value a pixel in [0, 1], then uniform noise in [-noise/2, noise/2] on every pixel.
/// pixels    kDrawingSide^2, row by row. Cost about 10 microseconds.
void draw_image(Drawing kind, Index label, double noise, Philox& random, std::span<float> pixels);

}  // namespace normdescent
