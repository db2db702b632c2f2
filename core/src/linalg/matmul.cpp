// SPDX-License-Identifier: Apache-2.0
#include "matmul.hpp"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace normdescent::fixed_product {

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

void* writable(const void* data) { return const_cast<void*>(data); }  // oneDNN has no memory of constants

}  // namespace

Matmul::Matmul(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options)
    : a_(describe(a)),
      b_(describe(b)),
      bias_(describe(Layout::rows(1, c.dims.back(), Type::float32))),
      c_(describe(c)),
      has_bias_(options.has_bias) {
  const auto description = plan(a_, b_, bias_, c_, options);
  scratchpad_ = description.scratchpad_desc();
  primitive_ = dnnl::matmul(description);
}

void Matmul::run(const void* a, const void* b, void* c, const float* bias) const {
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

}  // namespace normdescent::fixed_product
