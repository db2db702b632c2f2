// SPDX-License-Identifier: Apache-2.0
// A norm of one's own as an optimizer. The norms of the catalog have faster ones with state that can be saved.
//
// Legend   G gradient   M momentum   W parameter   eta learning rate   lambda decoupled decay
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/norms/norm.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/rules/executors.hpp"

namespace normdescent {

struct NormDescentOptions {
  double learning_rate = 1e-3;
  double beta = 0.0;  ///< momentum in [0, 1)
  double decoupled_decay = 0.0;
};

/// Steepest descent in a norm, tensor by tensor:
///   M <- beta M + (1 - beta) G ;  W <- (1 - eta lambda) W - eta dual_unit(M)
/// Norm      is asked in double about rows() x cols() of each parameter, whatever T is.
/// Throws    std::invalid_argument, with nothing changed, for options outside their domain and for tensors of other
///           sizes than at construction. A non-finite gradient changes nothing; tensors without gradient are skipped.
template <class T, NormOver<double> N>
class NormDescent {
 public:
  NormDescent(N norm, const std::vector<ParameterInfo>& parameters, const NormDescentOptions& options = {})
      : norm_(std::move(norm)),
        beta_(options.beta),
        step_(sgd({.learning_rate = options.learning_rate, .decoupled_decay = options.decoupled_decay}), parameters) {
    (void)signum({.beta = options.beta});  // throws for a beta outside its domain
    for (const ParameterInfo& info : parameters) {
      const auto size = static_cast<std::size_t>(info.size());
      momenta_.emplace_back(size);
      directions_.push_back({info, std::vector<double>(size), std::vector<T>(size)});
    }
  }

  StepReport step(std::span<const BasicParameter<T>> parameters, double learning_rate_scale = 1.0) {
    if (parameters.size() != momenta_.size()) {
      throw std::invalid_argument("parameters: " + std::to_string(parameters.size()) + " tensors, must be the " +
                                  std::to_string(momenta_.size()) + " of the construction");
    }
    for (std::size_t i = 0; i < momenta_.size(); ++i) {
      const auto& g = parameters[i].gradient;
      if (!g.empty() && g.size() != momenta_[i].size()) {
        throw std::invalid_argument("parameter " + parameters[i].info.name + ": gradient has " +
                                    std::to_string(g.size()) + " entries, must have " +
                                    std::to_string(momenta_[i].size()));
      }
      if (!rules::all_finite(std::span<const T>(g)))
        return {.finite = false, .first_nonfinite_parameter = parameters[i].info.name};
    }
    std::vector<BasicParameter<T>> steps;
    for (std::size_t i = 0; i < momenta_.size(); ++i) {
      const auto& p = parameters[i];
      steps.push_back({p.info, p.value, {}});
      if (p.gradient.empty()) continue;
      auto& [info, unit, direction] = directions_[i];
      std::vector<double>& m = momenta_[i];
      for (std::size_t k = 0; k < m.size(); ++k)
        m[k] = beta_ * m[k] + (1.0 - beta_) * static_cast<double>(p.gradient[k]);
      norm_.dual_unit({m.data(), info.rows(), info.cols()}, {unit.data(), info.rows(), info.cols()});
      for (std::size_t k = 0; k < m.size(); ++k) direction[k] = static_cast<T>(unit[k]);
      steps.back().gradient = direction;
    }
    return step_.step(steps, learning_rate_scale);
  }

 private:
  struct Direction {
    ParameterInfo info;
    std::vector<double> unit;
    std::vector<T> rounded;
  };

  N norm_;
  double beta_;
  Optimizer<T> step_;
  std::vector<std::vector<double>> momenta_;
  std::vector<Direction> directions_;
};

}  // namespace normdescent
