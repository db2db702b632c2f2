// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/fixed_product.hpp"

#include <algorithm>
#include <cstdint>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <utility>

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
  dnnl::memory::desc a, b, bias, c, scratchpad;
  bool has_bias = false;
  dnnl::matmul primitive;
};

Product::Product(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options)
    : impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  impl.a = describe(a);
  impl.b = describe(b);
  impl.c = describe(c);
  impl.bias = describe(Layout::rows(1, c.dims.back(), Type::float32));
  impl.has_bias = options.has_bias;
  const auto description = plan(impl.a, impl.b, impl.bias, impl.c, options);
  impl.scratchpad = description.scratchpad_desc();
  impl.primitive = dnnl::matmul(description);
}

Product::Product(Product&&) noexcept = default;
Product& Product::operator=(Product&&) noexcept = default;
Product::~Product() = default;

void Product::run(const void* a, const void* b, void* c, const float* bias) const {
  static thread_local dnnl::stream stream(engine());
  static thread_local std::vector<std::uint64_t> scratch;
  const Impl& impl = *impl_;
  scratch.resize(std::max(scratch.size(), impl.scratchpad.get_size() / sizeof(std::uint64_t) + 1));
  std::unordered_map<int, dnnl::memory> arguments{
      {DNNL_ARG_SRC, {impl.a, engine(), writable(a)}},
      {DNNL_ARG_WEIGHTS, {impl.b, engine(), writable(b)}},
      {DNNL_ARG_DST, {impl.c, engine(), c}},
      {DNNL_ARG_SCRATCHPAD, {impl.scratchpad, engine(), scratch.data()}},
  };
  if (impl.has_bias) arguments.emplace(DNNL_ARG_BIAS, dnnl::memory(impl.bias, engine(), writable(bias)));
  impl.primitive.execute(stream, arguments);
  stream.wait();
}

}  // namespace normdescent::fixed
