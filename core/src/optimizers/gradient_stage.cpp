// SPDX-License-Identifier: Apache-2.0
#include "gradient_stage.hpp"

#include <algorithm>
#include <functional>

#include "normdescent/rules/pieces.hpp"
#include "tensor_group.hpp"

namespace normdescent::optimizers {
namespace {

// A point that is no multiple of anything: the previous one itself, bit for bit.
constexpr double kPreviousPoint = -1.0;

const VarianceReduction* reduction_of(const Recipe& recipe, GradientReference reference) {
  const auto* reduction = std::get_if<VarianceReduction>(&recipe.correction);
  return reduction != nullptr && reduction->reference == reference ? reduction : nullptr;
}

int index_of(const std::vector<StateBuffer>& layout, const char* name) {
  const auto found = std::ranges::find_if(layout, [&](const StateBuffer& buffer) { return buffer.name == name; });
  return found == layout.end() ? -1 : static_cast<int>(found - layout.begin());
}

template <class T>
std::span<const T> previous(const Slot<T>& slot, int index) {
  return slot.state[static_cast<std::size_t>(index)];
}

template <class T>
void copy(std::span<const T> from, std::span<T> to) {
  std::copy(from.begin(), from.end(), to.begin());
}

// The gradient of what is minimized.
template <class T>
void copy_signed(const Recipe& recipe, std::span<const T> from, std::span<T> to) {
  recipe.maximize ? void(std::ranges::transform(from, to.begin(), std::negate{})) : copy(from, to);
}

template <class Rule, class T>
void add_task(std::vector<rules::Task<Rule>>& tasks, const Rule& rule, std::span<T> x, std::span<const T> y) {
  tasks.push_back({.rule = rule, .x = x.data(), .g = y.data(), .size = static_cast<Index>(x.size())});
}

template <class Rule>
void run(std::vector<rules::Task<Rule>>& tasks) {
  rules::run_on_cpu<Rule>(tasks);
  tasks.clear();
}

template <class T>
Index total_of(std::span<const Slot<T>> slots) {
  Index total = 0;
  for (const auto& slot : slots) total += slot.info.size();
  return total;
}

}  // namespace

std::vector<StateBuffer> correction_buffers(const Recipe& recipe, const ParameterInfo& parameter, bool has_closure) {
  std::vector<StateBuffer> buffers;
  if (has_closure) buffers.push_back({"previous_value", parameter.shape});
  if (reduction_of(recipe, GradientReference::previous_batch) != nullptr) {
    buffers.push_back({"previous_gradient", parameter.shape});
  }
  return buffers;
}

template <class T>
GradientStage<T>::GradientStage(const OptimizerSpec& spec, const std::vector<const Recipe*>& recipes,
                                std::span<const Slot<T>> slots)
    : clip_norm_(spec.clip_norm), clips_(spec.clip_norm > 0.0), norms_of_(slots.size(), total_of(slots)) {
  has_closure_ = std::ranges::any_of(recipes, [](const Recipe* recipe) { return needs_closure(*recipe); });
  bool needs_current = false;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Recipe& recipe = *recipes[i];
    const auto size = static_cast<std::size_t>(slots[i].info.size());
    Feed& feed = feeds_.emplace_back();
    feed.recipe = &recipe;
    feed.has_old_gradient = reduction_of(recipe, GradientReference::previous_point) != nullptr;
    feed.previous_value = index_of(slots[i].layout, "previous_value");
    feed.previous_gradient = index_of(slots[i].layout, "previous_gradient");
    if (std::holds_alternative<Extrapolation>(recipe.correction)) feed.point = correction_ratio(recipe);
    needs_current = needs_current || feed.point == 0.0;
    clips_ = clips_ || recipe.clip_norm > 0.0;
    if (feed.point != 0.0) points_.push_back(feed.point);
    if (feed.has_old_gradient) points_.push_back(kPreviousPoint);
    if (feed.has_old_gradient || feed.previous_gradient >= 0) feed.old_gradient.resize(size);
    if (has_closure_) feed.value.resize(size);
    feed.is_fused = optimizers::is_fused(recipe);
    feed.is_elsewhere = slots[i].is_elsewhere;
    feed.is_copied = recipe.l2_penalty > 0.0 ||
                     (recipe.maximize && (!feed.is_fused || !std::holds_alternative<Uncorrected>(recipe.correction)));
    const bool is_rescaled = !feed.is_fused && (recipe.clip_norm > 0.0 || clip_norm_ > 0.0);
    if (has_closure_ || feed.is_copied || is_rescaled) {
      feed.gradient.resize(size);
    }
    names_.push_back(slots[i].info.name);
  }
  std::ranges::sort(points_);
  points_.erase(std::unique(points_.begin(), points_.end()), points_.end());
  if (needs_current) points_.push_back(0.0);
  fed_.resize(slots.size());
  factors_.resize(slots.size());
  norms_.resize(slots.size());
  extrapolations_.reserve(slots.size());
  additions_.reserve(slots.size());
  rescalings_.reserve(slots.size());
}

template <class T>
void GradientStage<T>::move_to(double point, std::span<const BasicParameter<T>> parameters,
                               std::span<const Slot<T>> slots) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Feed& feed = feeds_[i];
    const std::span<const T> before = previous(slots[i], feed.previous_value);
    copy(std::span<const T>(parameters[i].value), std::span<T>(feed.value));
    copy(before, parameters[i].value);
    if (point != kPreviousPoint) {
      add_task(extrapolations_, rules::ExtrapolateRule<T>(point), parameters[i].value, std::span<const T>(feed.value));
    }
  }
  run(extrapolations_);
}

template <class T>
void GradientStage<T>::move_back(std::span<const BasicParameter<T>> parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) copy(std::span<const T>(feeds_[i].value), parameters[i].value);
}

// The penalty's gradient belongs to the point where the gradient was taken.
template <class T>
void GradientStage<T>::collect(double point, std::span<const BasicParameter<T>> parameters, bool is_first_step) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Feed& feed = feeds_[i];
    const auto& p = parameters[i];
    if (p.gradient.empty()) continue;
    const auto take = [&](std::span<T> target) {
      copy_signed(*feed.recipe, std::span<const T>(p.gradient), target);
      if (feed.recipe->l2_penalty > 0.0) {
        add_task(additions_, rules::AddScaledRule<T>(feed.recipe->l2_penalty), target, std::span<const T>(p.value));
      }
    };
    if (is_first_step || feed.point == point) take(feed.gradient);
    if (feed.has_old_gradient && (is_first_step || point == kPreviousPoint)) take(feed.old_gradient);
    run(additions_);
  }
}

template <class T>
void GradientStage<T>::evaluate(std::span<const BasicParameter<T>> parameters, std::span<const Slot<T>> slots,
                                bool is_first_step, const std::function<void()>& compute_gradients) {
  is_evaluated_ = true;
  if (is_first_step) {  // all points are the current one
    compute_gradients();
    collect(0.0, parameters, true);
    return;
  }
  for (const double point : points_) {
    if (point == 0.0) {
      compute_gradients();
      collect(point, parameters, false);
      continue;
    }
    move_to(point, parameters, slots);
    try {
      compute_gradients();
    } catch (...) {
      move_back(parameters);
      throw;
    }
    collect(point, parameters, false);
    move_back(parameters);
  }
}

template <class T>
void GradientStage<T>::penalize(std::span<const BasicParameter<T>> parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Feed& feed = feeds_[i];
    feed.current =
        is_evaluated_ && !parameters[i].gradient.empty() ? std::span<T>(feed.gradient) : parameters[i].gradient;
    if (is_evaluated_ || feed.current.empty() || !feed.is_copied) continue;
    copy_signed(*feed.recipe, std::span<const T>(feed.current), std::span<T>(feed.gradient));
    feed.current = feed.gradient;
    if (feed.recipe->l2_penalty == 0.0) continue;
    add_task(additions_, rules::AddScaledRule<T>(feed.recipe->l2_penalty), feed.current,
             std::span<const T>(parameters[i].value));
  }
  run(additions_);
}

template <class T>
void GradientStage<T>::correct(std::span<const BasicParameter<T>> parameters, std::span<const Slot<T>> slots) {
  penalize(parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Feed& feed = feeds_[i];
    fed_[i] = {.value = parameters[i].value, .gradient = feed.current};
    if (feed.recipe->maximize && !feed.is_copied && !is_evaluated_) fed_[i].factor = -1.0;
    const bool has_batch_before = feed.previous_gradient >= 0 && slots[i].steps > 0;
    if (feed.current.empty() || !(feed.has_old_gradient || has_batch_before)) continue;
    if (has_batch_before) copy(previous(slots[i], feed.previous_gradient), std::span<T>(feed.old_gradient));
    add_task(extrapolations_, rules::ExtrapolateRule<T>(correction_ratio(*feed.recipe)),
             std::span<T>(feed.old_gradient), std::span<const T>(feed.current));
    fed_[i].gradient = feed.old_gradient;
  }
  run(extrapolations_);
  is_evaluated_ = false;
}

template <class T>
bool GradientStage<T>::is_callers(std::size_t i) const {
  const T* const fed = fed_[i].gradient.data();
  return fed != feeds_[i].gradient.data() && fed != feeds_[i].old_gradient.data();
}

template <class T>
void GradientStage<T>::take_norms() {
  if (clips_) norms_of_([&](std::size_t i) { return std::span<const T>(fed_[i].gradient); }, norms_);
}

template <class T>
std::string GradientStage<T>::first_nonfinite(bool is_vouched) {
  if (clips_) {
    take_norms();
    if (std::ranges::all_of(norms_, [](double norm) { return std::isfinite(norm); })) return {};
  }
  bool is_finite = true;
  const auto is_read = [&](std::size_t i) { return !is_vouched || clips_ || !is_callers(i); };
  rules::for_each_piece(
      fed_.size(), [&](std::size_t i) { return is_read(i) ? static_cast<Index>(fed_[i].gradient.size()) : 0; },
      [&](std::size_t i, Index first, Index count) {
        const std::span<const T> piece =
            fed_[i].gradient.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
        if (!rules::all_finite(piece)) {
#pragma omp atomic write
          is_finite = false;
        }
      });
  if (is_finite) return {};
  const auto bad =
      std::ranges::find_if(fed_, [](const auto& p) { return !rules::all_finite(std::span<const T>(p.gradient)); });
  return names_[static_cast<std::size_t>(bad - fed_.begin())];
}

template <class T>
void GradientStage<T>::remember(std::span<const BasicParameter<T>> parameters, std::span<Slot<T>> slots) const {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Feed& feed = feeds_[i];
    const auto keep = [&](int index, std::span<const T> what) {
      if (index >= 0 && !what.empty()) copy(what, std::span<T>(slots[i].state[static_cast<std::size_t>(index)]));
    };
    keep(feed.previous_value, parameters[i].value);
    keep(feed.previous_gradient, feed.current);
  }
}

template <class T>
double GradientStage<T>::clip() {
  if (!clips_) return 1.0;
  const auto factor = [](double limit, double norm) { return limit > 0.0 && norm > limit ? limit / norm : 1.0; };
  for (std::size_t i = 0; i < fed_.size(); ++i) {
    factors_[i] = factor(feeds_[i].recipe->clip_norm, norms_[i]);
    norms_[i] *= factors_[i];
  }
  const double all = factor(clip_norm_, norm2(std::span<const double>(norms_)));
  double smallest = 1.0;
  for (std::size_t i = 0; i < fed_.size(); ++i) {
    if (fed_[i].gradient.empty()) continue;
    const double total = factors_[i] * all;
    smallest = std::min(smallest, total);
    if (total == 1.0) continue;
    Feed& feed = feeds_[i];
    if (feed.is_fused) {
      fed_[i].factor *= total;
      continue;
    }
    if (is_callers(i)) {
      copy(std::span<const T>(fed_[i].gradient), std::span<T>(feed.gradient));
      fed_[i].gradient = feed.gradient;
    }
    // The rule does not read its second array; the values are one of the right size that does not overlap.
    add_task(rescalings_, rules::RescaleRule<T>(total), fed_[i].gradient, std::span<const T>(fed_[i].value));
  }
  run(rescalings_);
  return smallest;
}

template <class T>
std::span<const Fed<T>> GradientStage<T>::fed(const StepOptions& options) {
  for (std::size_t i = 0; i < fed_.size(); ++i) {
    const bool is_one_pass = feeds_[i].is_fused && !feeds_[i].is_elsewhere && !fed_[i].gradient.empty();
    fed_[i].is_cleared = options.zero_gradients && is_one_pass && is_callers(i);
    fed_[i].rounded = is_one_pass && !options.rounded_values.empty() ? options.rounded_values[i] : nullptr;
  }
  return fed_;
}

template <class T>
void GradientStage<T>::zero(std::span<const BasicParameter<T>> parameters) {
  rules::for_each_piece(
      fed_.size(),
      [&](std::size_t i) { return fed_[i].is_cleared ? 0 : static_cast<Index>(parameters[i].gradient.size()); },
      [&](std::size_t i, Index first, Index count) {
        const auto piece =
            parameters[i].gradient.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
        std::ranges::fill(piece, T(0));
      });
  for (auto& fed : fed_) fed.is_cleared = false;
}

template class GradientStage<float>;
template class GradientStage<double>;

}  // namespace normdescent::optimizers
