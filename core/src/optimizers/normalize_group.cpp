// SPDX-License-Identifier: Apache-2.0
#include "blocked_norm.hpp"
#include "stages.hpp"
#include "tensor_group.hpp"

namespace normdescent::optimizers {
namespace {

template <class T, class E>
class NormalizeGroup final : public Group<T> {
 public:
  NormalizeGroup(const Recipe& recipe, E estimator, std::vector<std::size_t> members, Index total)
      : recipe_(recipe),
        scope_(std::get<Normalize>(recipe.direction).scope),
        members_(std::move(members)),
        estimate_(estimator, members_.size(), total),
        norms_of_(members_.size(), total),
        norms_(members_.size()) {
    estimates_.reserve(members_.size());
    tasks_.reserve(members_.size());
  }

  void step(std::span<const Fed<T>> tensors, std::span<Slot<T>> slots, double learning_rate) override {
    estimate_.clear();
    estimates_.clear();
    tasks_.clear();
    for (const std::size_t i : members_) {
      if (!tensors[i].gradient.empty()) estimates_.push_back(estimate_.add(tensors[i].gradient, slots[i]));
    }
    estimate_.run();
    const auto norms = std::span(norms_).first(estimates_.size());
    norms_of_([&](std::size_t k) { return estimates_[k]; }, norms);
    const double all = norm2(std::span<const double>(norms));
    std::size_t k = 0;
    for (const std::size_t i : members_) {
      if (tensors[i].gradient.empty()) continue;
      const rules::Scaled<T> direction{inverse_or_zero(scope_ == Scope::global ? all : norms[k])};
      const auto move = make_step<T>(recipe_, slots[i].info, learning_rate);
      tasks_.push_back(make_apply_task<T>(direction, move, tensors[i].value, estimates_[k].data()));
      ++k;
    }
    rules::run_on_cpu<R>(tasks_);
  }

 private:
  using R = rules::ElementwiseRule<rules::Raw<T>, rules::Scaled<T>>;

  Recipe recipe_;
  Scope scope_;
  std::vector<std::size_t> members_;
  EstimateStage<T, E> estimate_;
  BlockedNorms norms_of_;
  std::vector<std::span<const T>> estimates_;
  std::vector<double> norms_;
  std::vector<rules::Task<R>> tasks_;
};

}  // namespace

template <class T>
std::unique_ptr<Group<T>> make_normalize_group(const Recipe& recipe, std::vector<std::size_t> members,
                                               std::span<const Slot<T>> slots) {
  const Sizes sizes = sizes_of<T>(members, slots);
  return with_estimator<T>(recipe.estimator, [&]<class E>(const E& estimator) -> std::unique_ptr<Group<T>> {
    return std::make_unique<NormalizeGroup<T, E>>(recipe, estimator, std::move(members), sizes.total);
  });
}

template std::unique_ptr<Group<float>> make_normalize_group(const Recipe&, std::vector<std::size_t>,
                                                            std::span<const Slot<float>>);
template std::unique_ptr<Group<double>> make_normalize_group(const Recipe&, std::vector<std::size_t>,
                                                             std::span<const Slot<double>>);

}  // namespace normdescent::optimizers
