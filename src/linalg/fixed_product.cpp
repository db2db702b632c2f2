// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/fixed_product.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <utility>
#include <variant>

#include "packed_product.hpp"

namespace normdescent::fixed {

namespace {

dnnl::engine& engine() {
  static dnnl::engine instance(dnnl::engine::kind::cpu, 0);  // stateless on a CPU; creation is not free
  return instance;
}

dnnl::memory::desc describe(const Layout& layout) {
  const auto type = layout.type == Type::float32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
  return {layout.dims, type, layout.strides};
}

dnnl::matmul::primitive_desc plan(const dnnl::memory::desc& a, const dnnl::memory::desc& b,
                                  const dnnl::memory::desc& bias, const dnnl::memory::desc& c,
                                  const ProductOptions& options) {
  dnnl::primitive_attr attributes;
  // The library's own scratchpad would belong to the thread that created the primitive.
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (options.accumulates) {
    dnnl::post_ops sum;
    sum.append_sum();
    attributes.set_post_ops(sum);
  }
#if DNNL_VERSION_MAJOR >= 3
  if (options.has_bias) return {engine(), a, b, bias, c, attributes};
  return {engine(), a, b, c, attributes};
#else
  const auto operation = options.has_bias ? dnnl::matmul::desc(a, b, bias, c) : dnnl::matmul::desc(a, b, c);
  return {operation, attributes, engine()};
#endif
}

bool has(dnnl::cpu_isa wanted) {
  const auto mask = static_cast<unsigned>(wanted);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & mask) == mask;
}

void* writable(const void* data) { return const_cast<void*>(data); }  // oneDNN has no memory of constants

class DnnlProduct {
 public:
  DnnlProduct(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options);
  void run(const void* a, const void* b, void* c, const float* bias) const;

 private:
  dnnl::memory::desc a_, b_, bias_, c_, scratchpad_;
  bool has_bias_;
  dnnl::matmul primitive_;
};

DnnlProduct::DnnlProduct(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options)
    : a_(describe(a)),
      b_(describe(b)),
      bias_(describe(Layout::rows(1, c.dims.back(), Type::float32))),
      c_(describe(c)),
      has_bias_(options.has_bias) {
  const auto description = plan(a_, b_, bias_, c_, options);
  scratchpad_ = description.scratchpad_desc();
  primitive_ = dnnl::matmul(description);
}

void DnnlProduct::run(const void* a, const void* b, void* c, const float* bias) const {
  static thread_local dnnl::stream stream(engine());
  static thread_local std::vector<std::uint64_t> scratch;
  scratch.resize(std::max(scratch.size(), scratchpad_.get_size() / sizeof(std::uint64_t) + 1));
  std::unordered_map<int, dnnl::memory> arguments{
      {DNNL_ARG_SRC, {a_, engine(), writable(a)}},
      {DNNL_ARG_WEIGHTS, {b_, engine(), writable(b)}},
      {DNNL_ARG_DST, {c_, engine(), c}},
      {DNNL_ARG_SCRATCHPAD, {scratchpad_, engine(), scratch.data()}},
  };
  if (has_bias_) arguments.emplace(DNNL_ARG_BIAS, dnnl::memory(bias_, engine(), writable(bias)));
  primitive_.execute(stream, arguments);
  stream.wait();
}

constexpr Index kUpperRows = 96;  // of C at a time, so that little below the diagonal is multiplied

/// The rows of C at `first` and below, from column `first` on.
class DnnlRows {
 public:
  DnnlRows(const Layout& a, const Layout& b, const Layout& c, Index first, Index count, const ProductOptions& options)
      : a_(first * a.strides[0] * size(a)),
        b_(first * b.strides[1] * size(b)),
        c_(first * (c.strides[0] + c.strides[1]) * size(c)),
        product_(sized(a, count, a.dims[1]), sized(b, b.dims[0], b.dims[1] - first), sized(c, count, c.dims[1] - first),
                 options) {}
  void run(const void* a, const void* b, void* c) const {
    product_.run(static_cast<const std::byte*>(a) + a_, static_cast<const std::byte*>(b) + b_,
                 static_cast<std::byte*>(c) + c_, nullptr);
  }

 private:
  static Index size(const Layout& x) { return x.type == Type::float32 ? 4 : 2; }
  static Layout sized(const Layout& x, Index rows, Index columns) { return {{rows, columns}, x.strides, x.type}; }

  Index a_, b_, c_;  // bytes
  DnnlProduct product_;
};

class DnnlUpper {
 public:
  DnnlUpper(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options) {
    for (Index first = 0; first < c.dims[0]; first += kUpperRows) {
      rows_.emplace_back(a, b, c, first, std::min(kUpperRows, c.dims[0] - first), options);
    }
  }
  void run(const void* a, const void* b, void* c, const float* /*bias*/) const {
    for (const DnnlRows& rows : rows_) rows.run(a, b, c);
  }

 private:
  std::vector<DnnlRows> rows_;
};

template <class S>
class PackedProduct {
 public:
  PackedProduct(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options)
      : product_({.rows = c.dims[0],
                  .columns = c.dims[1],
                  .inner = a.dims[1],
                  .a = {a.strides[0], a.strides[1]},
                  .b = {b.strides[0], b.strides[1]},
                  .c_row = c.strides[0],
                  .is_narrow = c.type == Type::bfloat16,
                  .adds = options.accumulates,
                  .upper_only = options.upper_only}) {}
  void run(const void* a, const void* b, void* c, const float* bias) const {
    product_.run(static_cast<const S*>(a), static_cast<const S*>(b), c, bias);
  }

 private:
  packed::Product<S> product_;
};

bool has_neighbours(const Layout& x) { return x.dims.size() == 2 && (x.strides[0] == 1 || x.strides[1] == 1); }

bool can_pack(const Layout& a, const Layout& b, const Layout& c) {
  if (!has_neighbours(a) || !has_neighbours(b) || c.strides.back() != 1 || a.type != b.type) return false;
  return a.type == Type::bfloat16 ? has_packed(Type::bfloat16) : has_packed(Type::float32) && c.type == Type::float32;
}

}  // namespace

bool has_native_bfloat16() { return has(dnnl::cpu_isa::avx512_core_bf16); }

bool has_bfloat16() { return has(dnnl::cpu_isa::avx512_core); }

bool has_packed(Type type) {
  if (type == Type::float32) return has(dnnl::cpu_isa::avx512_core) && packed::has_tiles<float>();
  return has_native_bfloat16() && packed::has_tiles<Bfloat16>() && !has(dnnl::cpu_isa::avx512_core_amx);
}

Layout Layout::transposed() const {
  Layout result = *this;
  const std::size_t last = dims.size() - 1;
  std::swap(result.dims[last - 1], result.dims[last]);
  std::swap(result.strides[last - 1], result.strides[last]);
  return result;
}

struct Product::Impl {
  std::variant<DnnlProduct, DnnlUpper, PackedProduct<float>, PackedProduct<Bfloat16>> product;
};

Product::Product(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options) {
  if (options.engine == Engine::automatic && can_pack(a, b, c)) {
    impl_ = std::make_unique<Impl>(a.type == Type::bfloat16 ? Impl{PackedProduct<Bfloat16>(a, b, c, options)}
                                                            : Impl{PackedProduct<float>(a, b, c, options)});
  } else {
    impl_ = std::make_unique<Impl>(options.upper_only ? Impl{DnnlUpper(a, b, c, options)}
                                                      : Impl{DnnlProduct(a, b, c, options)});
  }
}

Product::Product(Product&&) noexcept = default;
Product& Product::operator=(Product&&) noexcept = default;
Product::~Product() = default;

void Product::run(const void* a, const void* b, void* c, const float* bias) const {
  std::visit([&](const auto& product) { product.run(a, b, c, bias); }, impl_->product);
}

}  // namespace normdescent::fixed
