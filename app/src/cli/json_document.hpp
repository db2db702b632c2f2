// SPDX-License-Identifier: Apache-2.0
// What --json prints.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>

namespace normdescent::cli {

/// One document, whole or not at all: what cannot stand in JSON is found before the first byte is written. Strings from
/// outside (paths, names in files) go through utf8_text first.
template <class Json>
void print_document(std::ostream& out, const Json& json) {
  out << json.dump() + "\n";
}

}  // namespace normdescent::cli
