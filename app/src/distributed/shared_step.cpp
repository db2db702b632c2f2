// SPDX-License-Identifier: Apache-2.0
#include "normdescent/distributed/shared_step.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <utility>

#include "state_bytes.hpp"

namespace normdescent {

namespace {

struct Load {
  std::size_t parameter;
  double cost;
};

/// Largest first, each to the rank with the least so far; equal ones in their order.
void spread(std::vector<Load> loads, std::vector<double> sums, std::vector<int>& owners) {
  std::ranges::stable_sort(loads, std::greater{}, &Load::cost);
  for (const auto& [parameter, cost] : loads) {
    const auto least = std::ranges::min_element(sums) - sums.begin();
    sums[static_cast<std::size_t>(least)] += cost;
    owners[parameter] = static_cast<int>(least);
  }
}

double flops_of(const Recipe& recipe, const ParameterInfo& info) {
  const MatrixShape shape = matrix_shape(recipe.layout, info);
  const auto r = static_cast<double>(std::min(shape.rows, shape.cols));
  const auto q = static_cast<double>(std::max(shape.rows, shape.cols));
  return 2.0 * static_cast<double>(shape.count) * r * r * q;
}

class SharedStep final : public StepSharing {
 public:
  SharedStep(ProcessGroup& group, const std::vector<ParameterInfo>& parameters, std::vector<int> owners)
      : group_(group), owners_(std::move(owners)) {
    bytes_.resize(static_cast<std::size_t>(group.size()));
    for (std::size_t i = 0; i < owners_.size(); ++i) {
      if (owners_[i] == kEveryRank) {
        common_.insert(parameters[i].name);
      } else {
        bytes_[static_cast<std::size_t>(owners_[i])] += static_cast<std::size_t>(parameters[i].size()) * sizeof(float);
      }
    }
    largest_ = *std::ranges::max_element(bytes_);
    std::size_t total = 0;
    for (const std::size_t bytes : bytes_) total += bytes;
    is_even_ = largest_ * bytes_.size() <= 2 * total;
    all_.resize(is_even_ ? largest_ * bytes_.size() : largest_);
    if (is_even_) mine_.resize(largest_);
  }

  [[nodiscard]] bool is_mine(std::size_t parameter) const override {
    return owners_[parameter] == kEveryRank || owners_[parameter] == group_.rank();
  }

  void exchange(std::span<const std::span<std::byte>> values) override {
    if (is_even_) {
      pack(values, mine_);
      group_.all_gather(mine_, all_);
      for (int rank = 0; rank < group_.size(); ++rank)
        unpack(values, rank, std::span(all_).subspan(static_cast<std::size_t>(rank) * largest_));
      return;
    }
    for (int rank = 0; rank < group_.size(); ++rank) {
      const auto message = std::span(all_).first(bytes_[static_cast<std::size_t>(rank)]);
      if (rank == group_.rank()) pack(values, message);
      group_.broadcast(message, rank);
      unpack(values, rank, message);
    }
  }

  [[nodiscard]] StateDict complete(StateDict mine) override {
    StateDict sent = mine;
    std::erase_if(sent.tensors, [&](const auto& entry) { return is_common(entry.first); });
    for (int rank = 1; rank < group_.size(); ++rank) {
      std::vector<std::byte> message;
      if (rank == group_.rank()) message = distributed::to_bytes(sent);
      std::uint64_t size = message.size();
      group_.broadcast(std::as_writable_bytes(std::span(&size, 1)), rank);
      message.resize(size);
      group_.broadcast(message, rank);
      if (group_.rank() == 0) distributed::add_tensors(message, mine);
    }
    return mine;
  }

 private:
  /// "<parameter>/<buffer>" of a parameter that every rank has.
  [[nodiscard]] bool is_common(const std::string& tensor) const {
    return common_.contains(tensor.substr(0, tensor.rfind('/')));
  }

  void pack(std::span<const std::span<std::byte>> values, std::span<std::byte> message) const {
    auto out = message.begin();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (owners_[i] == group_.rank()) out = std::ranges::copy(values[i], out).out;
    }
  }
  void unpack(std::span<const std::span<std::byte>> values, int rank, std::span<const std::byte> message) const {
    if (rank == group_.rank()) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (owners_[i] != rank) continue;
      std::memcpy(values[i].data(), message.data(), values[i].size());
      message = message.subspan(values[i].size());
    }
  }

  ProcessGroup& group_;
  std::vector<int> owners_;
  std::vector<std::size_t> bytes_;  // of each rank's parameters
  std::size_t largest_ = 0;
  bool is_even_ = false;  // an all_gather is padded to less than twice what there is
  std::set<std::string> common_;
  std::vector<std::byte> mine_, all_;
};

}  // namespace

std::vector<int> plan_owners(const OptimizerSpec& spec, const std::vector<ParameterInfo>& parameters, int ranks,
                             SharedWork work) {
  std::vector<int> owners(parameters.size(), kEveryRank);
  const bool is_corrected = std::ranges::any_of(parameters, [&](const ParameterInfo& info) {
    return !std::holds_alternative<Uncorrected>(spec.recipe_for(info).correction);
  });
  if (ranks == 1 || is_corrected) return owners;

  std::vector<double> sums(static_cast<std::size_t>(ranks));
  std::vector<Load> spectral;
  std::vector<Load> others;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Recipe& recipe = spec.recipe_for(parameters[i]);
    if (looks_at_all_tensors(recipe)) continue;
    if (has_matrix_products(recipe)) {
      spectral.push_back({i, flops_of(recipe, parameters[i])});
    } else {
      others.push_back({i, static_cast<double>(parameters[i].size())});
    }
  }
  spread(spectral, sums, owners);
  if (work == SharedWork::matrices) return owners;
  for (const Load& load : spectral)
    sums[static_cast<std::size_t>(owners[load.parameter])] += static_cast<double>(parameters[load.parameter].size());
  spread(others, sums, owners);
  return owners;
}

std::shared_ptr<StepSharing> make_step_sharing(ProcessGroup& group, const std::vector<ParameterInfo>& parameters,
                                               std::vector<int> owners) {
  if (std::ranges::all_of(owners, [](int owner) { return owner == kEveryRank; })) return nullptr;
  return std::make_shared<SharedStep>(group, parameters, std::move(owners));
}

}  // namespace normdescent
