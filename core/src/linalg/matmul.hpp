// SPDX-License-Identifier: Apache-2.0
// One matmul of oneDNN.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include "normdescent/linalg/fixed_product.hpp"

namespace normdescent::fixed_product {

/// C = A B for the omp_get_max_threads() of the construction; run() is const and may be called by several threads.
class Matmul {
 public:
  Matmul(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options);

  void run(const void* a, const void* b, void* c, const float* bias) const;

 private:
  dnnl::memory::desc a_, b_, bias_, c_, scratchpad_;
  bool has_bias_;
  dnnl::matmul primitive_;
};

}  // namespace normdescent::fixed_product
