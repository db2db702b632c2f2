// SPDX-License-Identifier: Apache-2.0
// LionMuon's alternation: two groups on the same parameters and the same momentum, of which each step takes one.
#include <algorithm>

#include "tensor_group.hpp"

namespace normdescent::optimizers {
namespace {

template <class T>
class AlternatingGroup final : public Group<T> {
 public:
  AlternatingGroup(const Recipe& recipe, const std::vector<std::size_t>& members, std::span<const Slot<T>> slots)
      : alternate_(std::get<Alternate>(recipe.direction)), members_(members) {
    Recipe with_msign = recipe;
    with_msign.direction = alternate_.msign;
    msign_ = make_group<T>(with_msign, members, slots);
    Recipe with_sign = recipe;
    with_sign.direction = Sign{};
    with_sign.shape_scale = ShapeScale::none;
    sign_ = make_group<T>(with_sign, members, slots);
  }

  void step(std::span<const Fed<T>> tensors, std::span<Slot<T>> slots, double learning_rate) override {
    // The longest-serving member counts, so that a parameter without gradient delays nobody.
    std::int64_t t = 0;
    for (const std::size_t i : members_) t = std::max(t, slots[i].steps);
    if (t % alternate_.period == 0) {
      msign_->step(tensors, slots, learning_rate);
    } else {
      sign_->step(tensors, slots, learning_rate * alternate_.sign_rate);
    }
  }

 private:
  Alternate alternate_;
  std::vector<std::size_t> members_;
  std::unique_ptr<Group<T>> msign_;
  std::unique_ptr<Group<T>> sign_;
};

}  // namespace

template <class T>
std::unique_ptr<Group<T>> make_alternating_group(const Recipe& recipe, std::vector<std::size_t> members,
                                                 std::span<const Slot<T>> slots) {
  return std::make_unique<AlternatingGroup<T>>(recipe, members, slots);
}

template std::unique_ptr<Group<float>> make_alternating_group(const Recipe&, std::vector<std::size_t>,
                                                              std::span<const Slot<float>>);
template std::unique_ptr<Group<double>> make_alternating_group(const Recipe&, std::vector<std::size_t>,
                                                               std::span<const Slot<double>>);

}  // namespace normdescent::optimizers
