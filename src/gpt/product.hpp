// SPDX-License-Identifier: Apache-2.0
// The GPT kernel's names for linalg's products of fixed shapes.
#pragma once

#include "normdescent/linalg/fixed_product.hpp"

namespace normdescent::gpt {

using fixed::has_bfloat16;
using fixed::has_native_bfloat16;
using fixed::Layout;
using fixed::Product;
using fixed::Type;

}  // namespace normdescent::gpt
