// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/fixed_product.hpp"

#include <omp.h>

#include <cstddef>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <utility>

#include "matmul.hpp"
#include "normdescent/base/first_failure.hpp"
#include "normdescent/base/threads.hpp"

namespace normdescent::fixed_product {

namespace {

bool has(dnnl::cpu_isa wanted) {
  const auto mask = static_cast<unsigned>(wanted);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & mask) == mask;
}

/// Rows or columns of C by one thread's matmul.
struct Piece {
  Index a, b, c;  ///< where its operands begin, bytes
  Index column;
  Matmul product;

  void run(const void* a_data, const void* b_data, void* c_data, const float* bias) const {
    product.run(static_cast<const std::byte*>(a_data) + a, static_cast<const std::byte*>(b_data) + b,
                static_cast<std::byte*>(c_data) + c, bias == nullptr ? nullptr : bias + column);
  }
};

constexpr Index kLargestPiece = 384;  // rows or columns
constexpr Index kSmallestPiece = 64;  // smaller ones leave the processor's rate unused
constexpr Index kAligned = 32;        // entries where pieces may begin: a cache line of Bfloat16
constexpr Index kLongInner = 16;      // times C's columns

/// Where pieces begin, the same number for each thread, and `whole` as the end of the last.
std::vector<Index> cuts(Index whole) {
  const Index threads = omp_get_max_threads();
  const Index turns = (whole + kLargestPiece * threads - 1) / (kLargestPiece * threads);
  const Index count = turns * threads;
  std::vector<Index> begins;
  for (Index i = 0; i < count; ++i) begins.push_back(i * whole / count / kAligned * kAligned);
  begins.push_back(whole);
  return begins;
}

Index bytes(const Layout& x, std::size_t dim, Index count) {
  return x.strides[dim] * count * (x.type == Type::float32 ? 4 : 2);
}

Layout resized(Layout x, std::size_t dim, Index size) {
  x.dims[dim] = size;
  return x;
}

bool is_worth_cutting(Index whole) { return whole >= kSmallestPiece * omp_get_max_threads(); }

/// oneDNN's own division between threads is as good as these pieces except where A is read by columns (gradients of
/// weights) and where sums are much longer than C is wide: docs/performance.md. Empty: leave it to oneDNN.
std::vector<Piece> pieces(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options) {
  std::vector<Piece> result;
  if (c.dims.size() != 2) return result;
  const bool by_rows = a.strides[0] == 1 && a.strides[1] != 1 && is_worth_cutting(c.dims[0]);
  const bool by_columns = !by_rows && a.dims[1] >= kLongInner * c.dims[1] && is_worth_cutting(c.dims[1]);
  if (!by_rows && !by_columns) return result;
  const std::vector<Index> begins = cuts(c.dims[by_rows ? 0 : 1]);
  const WithThreads one(1);
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    const Index first = begins[i];
    const Index count = begins[i + 1] - first;
    if (by_rows) {
      result.push_back({bytes(a, 0, first), 0, bytes(c, 0, first), 0,
                        Matmul(resized(a, 0, count), b, resized(c, 0, count), options)});
    } else {
      result.push_back({0, bytes(b, 1, first), bytes(c, 1, first), first,
                        Matmul(a, resized(b, 1, count), resized(c, 1, count), options)});
    }
  }
  return result;
}

}  // namespace

bool has_native_bfloat16() { return has(dnnl::cpu_isa::avx512_core_bf16); }

bool has_bfloat16() { return has(dnnl::cpu_isa::avx512_core); }

Layout Layout::transposed() const {
  Layout result = *this;
  const std::size_t last = dims.size() - 1;
  std::swap(result.dims[last - 1], result.dims[last]);
  std::swap(result.strides[last - 1], result.strides[last]);
  return result;
}

struct Product::Impl {
  std::optional<Matmul> whole;
  std::vector<Piece> pieces;
  int threads = omp_get_max_threads();
};

Product::Product(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options)
    : impl_(std::make_unique<Impl>()) {
  impl_->pieces = pieces(a, b, c, options);
  if (impl_->pieces.empty()) impl_->whole.emplace(a, b, c, options);
}

Product::Product(Product&&) noexcept = default;
Product& Product::operator=(Product&&) noexcept = default;
Product::~Product() = default;

void Product::run(const void* a, const void* b, void* c, const float* bias) const {
  if (impl_->whole) return impl_->whole->run(a, b, c, bias);
  FirstFailure failure;
#pragma omp parallel num_threads(impl_->threads)
  {
    const WithThreads one(1);
#pragma omp for schedule(dynamic, 1)
    for (const Piece& piece : impl_->pieces) failure.guard([&] { piece.run(a, b, c, bias); });
  }
  failure.rethrow();
}

}  // namespace normdescent::fixed_product
