// SPDX-License-Identifier: Apache-2.0
// Output head and loss, some rows at a time: logits of all rows never exist at once.
//
// Letters   N rows  C width  V vocabulary
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "product.hpp"

namespace normdescent::gpt {

template <class S>
class Head {
 public:
  Head(Index c, Index v) : c_(c), v_(v) {}

  /// Where the gradients go: dh (N, C) and dweight (V, C), both overwritten.
  struct Gradient {
    float* dh;
    float* dweight;
  };
  /// Mean over rows of -log softmax(h weight^T)[target] in nats; its gradients unless `gradient` is nullptr.
  /// h (N, C), weight (V, C), targets (N).
  double loss(const S* h, const S* weight, const std::int64_t* targets, Index n, const Gradient* gradient);

 private:
  struct Plan;
  const Plan& plan(Index rows);

  Index c_;
  Index v_;
  std::map<Index, std::shared_ptr<const Plan>> plans_;  ///< by number of rows
  std::vector<float> logits_;
  std::vector<S> dlogits_;
  std::vector<double> row_losses_;
};

}  // namespace normdescent::gpt
