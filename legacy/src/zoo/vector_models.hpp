// SPDX-License-Identifier: Apache-2.0
// Models of vectors: linear ones, perceptrons, an autoencoder, factorizations. initialize() draws the values.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "layers.hpp"

namespace normdescent {

/// Linear layers of these widths with ReLU between them; cross entropy with targets (batch). Two widths: softmax
/// regression, whose only weight is a matrix; otherwise the last one is the head.
[[nodiscard]] std::shared_ptr<Model> make_classifier(const std::vector<std::int64_t>& widths);

/// The same with tanh and half the squared error against float targets (batch); the last width is 1.
[[nodiscard]] std::shared_ptr<Model> make_regression(const std::vector<std::int64_t>& widths);

/// Encoder of these widths with tanh and a decoder that mirrors it; the inputs (batch, ...), in [0, 1] but for noise,
/// are to come out again: half the squared error, summed over a row.
[[nodiscard]] std::shared_ptr<Model> make_autoencoder(const std::vector<std::int64_t>& widths);

/// target ~ <u_i, v_j>: inputs (i, j) as floats, half the squared error. `roles` say what the factors are.
[[nodiscard]] std::shared_ptr<Model> make_factorization(std::int64_t rows, std::int64_t columns, std::int64_t rank);

/// target ~ a^T U V^T b: inputs a and b one after the other. U (rank, rows), V (rank, columns).
[[nodiscard]] std::shared_ptr<Model> make_bilinear(std::int64_t rows, std::int64_t columns, std::int64_t rank);

}  // namespace normdescent
