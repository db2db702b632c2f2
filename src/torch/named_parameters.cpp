// SPDX-License-Identifier: Apache-2.0
#include "named_parameters.hpp"

#include <stdexcept>

namespace normdescent {

namespace {

Role role_of(const std::string& parameter, const std::string& text) {
  std::string known;
  for (const Role role : {Role::matrix, Role::embedding, Role::head, Role::vector}) {
    if (text == to_string(role)) return role;
    known += (known.empty() ? "" : ", ") + std::string(to_string(role));
  }
  throw std::invalid_argument("parameter '" + parameter + "': role = " + text + ", must be one of " + known);
}

}  // namespace

std::vector<ModuleParameter> named_parameters(const std::vector<std::string>& names,
                                              const std::vector<std::string>& roles,
                                              const std::vector<at::Tensor>& tensors) {
  if (names.size() != tensors.size() || roles.size() != tensors.size()) {
    throw std::invalid_argument("" + std::to_string(names.size()) + " names and " + std::to_string(roles.size()) +
                                " roles, must be one for each of " + std::to_string(tensors.size()) + " tensors");
  }
  std::vector<ModuleParameter> parameters;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    parameters.push_back({{names[i], tensors[i].sizes().vec(), role_of(names[i], roles[i])}, tensors[i]});
  }
  return parameters;
}

}  // namespace normdescent
