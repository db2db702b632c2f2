// SPDX-License-Identifier: Apache-2.0
// Convolutional classifiers of one-channel images (batch, 1, side, side). initialize() draws the values.
#pragma once

#include <cstdint>
#include <memory>

#include "layers.hpp"

namespace normdescent {

/// Three 3 x 3 convolutions with ReLU, the last two of stride 2, then one linear layer.
[[nodiscard]] std::shared_ptr<Model> make_cnn(std::int64_t side, std::int64_t channels, std::int64_t classes);

/// A stem, two residual blocks of two convolutions each (He et al. 2016), the mean over the pixels, one linear layer.
/// Normalized by groups (Wu & He 2018): with batch norm the loss would be no mean over examples.
[[nodiscard]] std::shared_ptr<Model> make_resnet(std::int64_t channels, std::int64_t classes);

}  // namespace normdescent
