// SPDX-License-Identifier: Apache-2.0
// Classification of a person's table as a Problem.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "normdescent/data/table.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

struct ClassifyOptions {
  std::string model = "mlp";  ///< linear (softmax regression) or mlp (two hidden layers with ReLU)
  std::int64_t hidden = 64;   ///< width of the mlp's hidden layers
  std::uint32_t batch_size = 32;

  /// std::invalid_argument "field = value, must be ...".
  void validate() const;
};

/// Cross entropy over the classes; columns are standardized on the training rows (sparse tables: as they are).
/// Example e of stream s is a training row drawn with replacement by (s, e); validation is at most 1000 held-out rows.
/// Throws UserError where a mini-batch of dense rows would be larger than 256 MiB, or the training rows are of one
/// class.
[[nodiscard]] std::shared_ptr<const Problem> make_classification(std::shared_ptr<const Table> table,
                                                                 const ClassifyOptions& options);

}  // namespace normdescent
