// SPDX-License-Identifier: Apache-2.0
// AdaGrad-Norm: b^2 <- b^2 + ||g||_2^2 ; d = u / (b + delta). Every parameter keeps b of its own gradients, rounded to
// T; with global scope the b of all are combined, which is the b of all gradients together.
#include "blocked_norm.hpp"
#include "stages.hpp"
#include "tensor_group.hpp"

namespace normdescent::optimizers {
namespace {

template <class T, class E>
class AdaGradNormGroup final : public Group<T> {
 public:
  AdaGradNormGroup(const Recipe& recipe, E estimator, std::vector<std::size_t> members, Index total)
      : recipe_(recipe),
        direction_(std::get<AdaGradNorm>(recipe.direction)),
        members_(std::move(members)),
        estimate_(estimator, members_.size(), total),
        norms_of_(members_.size(), total),
        sizes_(members_.size()) {
    estimates_.reserve(members_.size());
    tasks_.reserve(members_.size());
  }

  void step(std::span<const Fed<T>> tensors, std::span<Slot<T>> slots, double learning_rate) override {
    estimate_.clear();
    estimates_.clear();
    tasks_.clear();
    norms_of_([&](std::size_t k) { return std::span<const T>(tensors[members_[k]].gradient); }, sizes_);
    for (std::size_t k = 0; k < members_.size(); ++k) {
      const std::size_t i = members_[k];
      T& b = slots[i].state[kStateIndex].front();
      if (!tensors[i].gradient.empty()) {
        estimates_.push_back(estimate_.add(tensors[i].gradient, slots[i]));
        b = static_cast<T>(std::hypot(static_cast<double>(b), sizes_[k]));
      }
      sizes_[k] = static_cast<double>(b);
    }
    estimate_.run();
    const double all = norm2(std::span<const double>(sizes_));
    std::size_t estimate = 0;
    for (std::size_t k = 0; k < members_.size(); ++k) {
      const std::size_t i = members_[k];
      if (tensors[i].gradient.empty()) continue;
      const double b = direction_.scope == Scope::global ? all : sizes_[k];
      tasks_.push_back(make_apply_task<T>(rules::Scaled<T>{1.0 / (b + direction_.delta)},
                                          make_step<T>(recipe_, slots[i].info, learning_rate), tensors[i].value,
                                          estimates_[estimate++].data()));
    }
    rules::run_on_cpu<R>(tasks_);
  }

 private:
  using R = rules::ElementwiseRule<rules::Raw<T>, rules::Scaled<T>>;
  static constexpr std::size_t kStateIndex = EstimateStage<T, E>::kIsRaw ? 0 : 1;  // after the estimator's

  Recipe recipe_;
  AdaGradNorm direction_;
  std::vector<std::size_t> members_;
  EstimateStage<T, E> estimate_;
  BlockedNorms norms_of_;
  std::vector<std::span<const T>> estimates_;
  std::vector<double> sizes_;  // norms of the gradients, then each b
  std::vector<rules::Task<R>> tasks_;
};

}  // namespace

template <class T>
std::unique_ptr<Group<T>> make_adagrad_norm_group(const Recipe& recipe, std::vector<std::size_t> members,
                                                  std::span<const Slot<T>> slots) {
  const Sizes sizes = sizes_of<T>(members, slots);
  return with_estimator<T>(recipe.estimator, [&]<class E>(const E& estimator) -> std::unique_ptr<Group<T>> {
    return std::make_unique<AdaGradNormGroup<T, E>>(recipe, estimator, std::move(members), sizes.total);
  });
}

template std::unique_ptr<Group<float>> make_adagrad_norm_group(const Recipe&, std::vector<std::size_t>,
                                                               std::span<const Slot<float>>);
template std::unique_ptr<Group<double>> make_adagrad_norm_group(const Recipe&, std::vector<std::size_t>,
                                                                std::span<const Slot<double>>);

}  // namespace normdescent::optimizers
