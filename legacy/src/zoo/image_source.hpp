// SPDX-License-Identifier: Apache-2.0
// Drawn images with their classes as examples.
#pragma once

#include "examples.hpp"
#include "normdescent/data/drawn_images.hpp"
#include "zipf.hpp"

namespace normdescent {

struct ImageSource {
  Drawing kind = Drawing::shapes;
  double class_exponent = 0.0;  ///< class k has probability ~ 1 / (k + 1)^this
  double label_noise = 0.0;     ///< this share of labels is drawn anew from all classes
};

/// Inputs (batch, 1, kDrawingSide, kDrawingSide), targets (batch). Held out are 256 images of the same distribution.
[[nodiscard]] inline ExampleSource image_source(const ImageSource& options) {
  const auto draw = [options, classes = Zipf(kDrawingClasses, options.class_exponent)](Philox& random,
                                                                                       std::span<float> pixels) {
    constexpr double kPixelNoise = 0.3;
    const std::int64_t label = classes(random.uniform());
    draw_image(options.kind, label, kPixelNoise, random, pixels);
    const bool is_wrong = random.uniform() < options.label_noise;
    return is_wrong ? static_cast<std::int64_t>(random.below(kDrawingClasses)) : label;
  };
  return drawn_classes({1, kDrawingSide, kDrawingSide}, draw, 256);
}

}  // namespace normdescent
