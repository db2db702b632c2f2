// SPDX-License-Identifier: Apache-2.0
#include "html.hpp"

#include <limits>

namespace normdescent::report {

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string script_json(const nlohmann::json& value) {
  // Strings hold the only places where these three can occur, so replacing them everywhere keeps the JSON valid.
  std::string out;
  for (const char c : value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)) {
    switch (c) {
      case '<': out += "\\u003c"; break;
      case '>': out += "\\u003e"; break;
      case '&': out += "\\u0026"; break;
      default: out += c;
    }
  }
  return out;
}

std::string table(std::string_view caption, const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return {};
  const auto opening = [&](const char* tag, std::size_t column, const char* more) {
    return std::string("<") + tag + (columns[column].is_number ? " class=\"number\"" : "") + more + ">";
  };
  std::string out = "<div class=\"scroll\"><table><caption>" + escaped(caption) + "</caption><thead><tr>";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    out += opening("th", i, " scope=\"col\"") + escaped(columns[i].title) + "</th>";
  }
  out += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    out += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const char* tag = i == 0 ? "th" : "td";
      out += opening(tag, i, i == 0 ? " scope=\"row\"" : "") + row[i] + "</" + tag + ">";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string section(std::string_view id, std::string_view title, const std::string& body) {
  if (body.empty()) return {};
  return "<section id=\"" + std::string(id) + "\">\n<h2>" + escaped(title) + "</h2>\n" + body + "</section>\n";
}

std::string details(std::string_view summary, const std::string& body) {
  if (body.empty()) return {};
  return "<details><summary>" + escaped(summary) + "</summary>\n" + body + "</details>\n";
}

double number(const nlohmann::json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end() || !found->is_number()) return std::numeric_limits<double>::quiet_NaN();
  return found->get<double>();
}

std::string text(const nlohmann::json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const nlohmann::json& list(const nlohmann::json& object, const char* key) {
  static const nlohmann::json kEmpty = nlohmann::json::array();
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_array() ? *found : kEmpty;
}

bool flag(const nlohmann::json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

}  // namespace normdescent::report
