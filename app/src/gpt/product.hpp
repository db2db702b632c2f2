// SPDX-License-Identifier: Apache-2.0
// The GPT kernel's names for linalg's products of fixed shapes.
#pragma once

#include "normdescent/linalg/fixed_product.hpp"

namespace normdescent::gpt {

using fixed_product::has_bfloat16;
using fixed_product::has_native_bfloat16;
using fixed_product::Layout;
using fixed_product::Product;
using fixed_product::Type;

}  // namespace normdescent::gpt
