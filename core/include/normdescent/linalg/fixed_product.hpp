// SPDX-License-Identifier: Apache-2.0
// Matrix products of fixed shapes in float32 or bfloat16, by oneDNN's matmul: as a whole, or in pieces of one thread
// each where those are faster. Part of the library only where oneDNN was found at build time (CMake variable
// NORMDESCENT_HAVE_DNNL).
#pragma once

#include <memory>
#include <vector>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/view.hpp"

namespace normdescent::fixed_product {

enum class Type { float32, bfloat16 };

/// True if the processor multiplies bfloat16 natively (AVX-512 BF16 or AMX).
[[nodiscard]] bool has_native_bfloat16();
/// True if oneDNN multiplies bfloat16 at all: from AVX-512 on, without native products slower than float32. The
/// environment variable DNNL_MAX_CPU_ISA lowers what it uses.
[[nodiscard]] bool has_bfloat16();

/// How a matrix (dims {rows, cols}) or a batch of them (leading dims) lies in memory; strides in elements.
struct Layout {
  std::vector<Index> dims;
  std::vector<Index> strides;
  Type type = Type::float32;

  [[nodiscard]] static Layout rows(Index rows, Index cols, Type type) { return {{rows, cols}, {cols, 1}, type}; }
  [[nodiscard]] Layout transposed() const;
};

struct ProductOptions {
  bool has_bias = false;     ///< C = A B + bias, a float32 row
  bool accumulates = false;  ///< C += A B
};

/// C = A B. Shapes and the number of threads (omp_get_max_threads() of
/// the constructing thread) are fixed at construction; run() is const, so one product may be run by several threads.
class Product {
 public:
  Product(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options = {});
  Product(Product&&) noexcept;
  Product& operator=(Product&&) noexcept;
  ~Product();

  void run(const void* a, const void* b, void* c, const float* bias = nullptr) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace normdescent::fixed_product
