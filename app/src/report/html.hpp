// SPDX-License-Identifier: Apache-2.0
// Small pieces of HTML. Text from data enters a page only through escaped() or script_json().
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace normdescent::report {

/// Text for element content and quoted attributes: & < > " ' as entities.
[[nodiscard]] std::string escaped(std::string_view text);

/// JSON that may stand inside <script>: "<", ">" and "&" as \u escapes, so that no data can end the element.
[[nodiscard]] std::string script_json(const nlohmann::json& value);

struct Column {
  std::string title;
  bool is_number = false;
};

/// A table with a caption. Cells are HTML already (escaped by the caller).
[[nodiscard]] std::string table(std::string_view caption, const std::vector<Column>& columns,
                                const std::vector<std::vector<std::string>>& rows);

/// A <section> with a heading; empty if the body is.
[[nodiscard]] std::string section(std::string_view id, std::string_view title, const std::string& body);

/// A closed <details> element.
[[nodiscard]] std::string details(std::string_view summary, const std::string& body);

// ---- reading a result that may lack anything ----

/// NaN where the key is missing or not a number.
[[nodiscard]] double number(const nlohmann::json& object, const char* key);
/// Empty where the key is missing or not a string.
[[nodiscard]] std::string text(const nlohmann::json& object, const char* key);
/// An empty array where the key is missing or not an array.
[[nodiscard]] const nlohmann::json& list(const nlohmann::json& object, const char* key);
[[nodiscard]] bool flag(const nlohmann::json& object, const char* key);

}  // namespace normdescent::report
