// SPDX-License-Identifier: Apache-2.0
// Short names for the rules that the lab inlines.
#pragma once

#include "normdescent/rules/rule.hpp"

namespace normdescent::lab {

template <class T>
using SgdRule = rules::ElementwiseRule<rules::Raw<T>, rules::Identity<T>>;
template <class T>
using SignSgdRule = rules::ElementwiseRule<rules::Raw<T>, rules::Sign<T>>;
template <class T>
using SignumRule = rules::ElementwiseRule<rules::Ema<T>, rules::Sign<T>>;
template <class T>
using LionRule = rules::ElementwiseRule<rules::DoubleEma<T>, rules::Sign<T>>;
template <class T>
using MomentumRule = rules::ElementwiseRule<rules::HeavyBall<T>, rules::Identity<T>>;
template <class T>
using AdaGradRule = rules::ElementwiseRule<rules::Raw<T>, rules::AdaGradScale<T>>;

template <class T>
SgdRule<T> sgd_rule(double learning_rate) {
  return {rules::Raw<T>{}, rules::Identity<T>{}, rules::Step<T>(learning_rate, 0.0)};
}
template <class T>
SignSgdRule<T> signsgd_rule(double learning_rate) {
  return {rules::Raw<T>{}, rules::Sign<T>{}, rules::Step<T>(learning_rate, 0.0)};
}
template <class T>
SignumRule<T> signum_rule(double learning_rate, double beta) {
  return {rules::Ema<T>(beta), rules::Sign<T>{}, rules::Step<T>(learning_rate, 0.0)};
}
template <class T>
LionRule<T> lion_rule(double learning_rate, double beta1, double beta2) {
  return {rules::DoubleEma<T>(beta1, beta2), rules::Sign<T>{}, rules::Step<T>(learning_rate, 0.0)};
}
/// AdaGrad with kNoDelta is AdaGrad with delta = 0 and 0/0 = 0: as theory 5.7 wants it, whose first samples may be 0.
inline constexpr double kNoDelta = 1e-300;
template <class T>
AdaGradRule<T> adagrad_rule(double learning_rate, double delta) {
  return {rules::Raw<T>{}, rules::AdaGradScale<T>(delta), rules::Step<T>(learning_rate, 0.0)};
}

}  // namespace normdescent::lab
