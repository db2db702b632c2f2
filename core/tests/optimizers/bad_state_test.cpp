// SPDX-License-Identifier: Apache-2.0
// States that must not be loaded: of others, truncated, corrupted, by hand and at random, from memory and from files.
// Whatever is wrong, the error names it, and the optimizer is what it was.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <stdexcept>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/safetensors.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "support/temporary_folder.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

Optimizer<float> trained(const OptimizerSpec& spec, std::uint64_t first, std::uint64_t last,
                         const std::vector<ParameterInfo>& infos = small_model()) {
  ParameterBuffer<float> buffer(infos);
  Optimizer<float> optimizer(spec, infos);
  for (std::uint64_t t = first; t < last; ++t) {
    fill_normal(buffer.gradients(), 23, t);
    optimizer.step(buffer.parameters());
  }
  return optimizer;
}

/// An optimizer that has gone elsewhere, and its promise.
class Target {
 public:
  explicit Target(const OptimizerSpec& spec) : optimizer_(trained(spec, 100, 104)), before_(optimizer_.state()) {}

  /// What loading says; empty if the state was taken over as it is.
  std::string refusal(const StateDict& state) {
    std::string text;
    try {
      optimizer_.load_state(state);
    } catch (const std::invalid_argument& error) {
      text = error.what();
      EXPECT_FALSE(text.empty());
    }
    EXPECT_EQ(optimizer_.state(), text.empty() ? state : before_) << "half loaded; " << text;
    if (text.empty()) optimizer_.load_state(before_);
    return text;
  }
  void expect_refused(const StateDict& state, const std::string& part) {
    const std::string text = refusal(state);
    EXPECT_NE(text.find(part), std::string::npos) << "said \"" << text << "\", must name " << part;
  }

 private:
  Optimizer<float> optimizer_;
  StateDict before_;
};

void for_each_optimizer(const std::function<void(const OptimizerSpec&, Target&, const StateDict&)>& body) {
  for (const auto& info : optimizer_catalog()) {
    SCOPED_TRACE(info.name);
    const OptimizerSpec spec = make_optimizer(info.name);
    Target target(spec);
    const StateDict good = trained(spec, 0, 3).state();
    EXPECT_EQ(target.refusal(good), "");
    body(spec, target, good);
  }
}

TEST(BadState, OfAnyOtherOptimizerIsRefusedByName) {
  for_each_optimizer([](const OptimizerSpec& spec, Target& target, const StateDict&) {
    for (const auto& other : optimizer_catalog()) {
      if (other.name == spec.name) continue;
      target.expect_refused(trained(make_optimizer(other.name), 0, 3).state(),
                            "optimizer = " + other.name + ", must be " + spec.name);
    }
  });
}

TEST(BadState, OfOtherShapesIsRefusedByTheParametersName) {
  auto infos = small_model();
  infos[1].shape = {4, 6};
  for_each_optimizer([&](const OptimizerSpec& spec, Target& target, const StateDict& good) {
    const bool keeps_matrices = std::ranges::any_of(good.tensors, [](const auto& named) {
      return named.first.starts_with("layer.weight/") && named.second.shape.size() > 1;
    });
    if (!keeps_matrices) return;  // signsgd and its kin have nothing that a shape could contradict
    target.expect_refused(trained(spec, 0, 3, infos).state(), "layer.weight/");
  });
}

TEST(BadState, EveryDamagedTensorIsNamed) {
  for_each_optimizer([](const OptimizerSpec&, Target& target, const StateDict& good) {
    for (const auto& [name, tensor] : good.tensors) {
      const auto damaged = [&, key = name](const std::function<void(StateTensor&)>& damage) {
        StateDict bad = good;
        damage(bad.tensors.at(key));
        target.expect_refused(bad, key);
      };
      damaged([](StateTensor& t) { t.bytes.pop_back(); });
      damaged([](StateTensor& t) { t.bytes.clear(); });
      damaged([](StateTensor& t) { t.bytes.push_back(std::byte{0}); });
      damaged([](StateTensor& t) { t.dtype = "BF16"; });
      damaged([](StateTensor& t) { t.shape.push_back(1); });
      StateDict without = good;
      without.tensors.erase(name);
      target.expect_refused(without, name + " is missing");
      StateDict renamed = without;
      renamed.tensors["other/" + name] = tensor;
      target.expect_refused(renamed, name + " is missing");
    }
    StateDict more = good;
    more.tensors["other/momentum"] = {.dtype = "F32", .shape = {1}, .bytes = std::vector<std::byte>(4)};
    target.expect_refused(more, "tensors, must be");
  });
}

TEST(BadState, EveryDamagedWordOfMetadataIsNamed) {
  for_each_optimizer([](const OptimizerSpec&, Target& target, const StateDict& good) {
    for (const auto& [key, value] : good.metadata) {
      StateDict bad = good;
      bad.metadata.erase(key);
      target.expect_refused(bad, key);
      for (const std::string& other : {std::string{}, value + "x", std::string("-1"), std::string(1000, '9')}) {
        bad.metadata[key] = other;
        target.expect_refused(bad, key);
      }
    }
  });
}

// A step can write neither: the first NaN would spread over the parameter, a negative second moment would make one.
TEST(BadState, NaNAndNegativeSquaresAreNamedWithTheirEntry) {
  for_each_optimizer([](const OptimizerSpec&, Target& target, const StateDict& good) {
    for (const auto& [name, tensor] : good.tensors) {
      if (tensor.dtype != "F32") continue;
      const auto with_last = [&, key = name](float value) {
        StateDict bad = good;
        auto& bytes = bad.tensors.at(key).bytes;
        std::memcpy(bytes.data() + bytes.size() - sizeof(float), &value, sizeof(float));
        return bad;
      };
      const std::string entry = name + "[" + std::to_string(tensor.bytes.size() / sizeof(float) - 1) + "] = ";
      target.expect_refused(with_last(std::numeric_limits<float>::quiet_NaN()), entry + "nan");
      const bool is_square =
          name.ends_with("/second_moment") || name.ends_with("/sum_of_squares") || name.ends_with("/gradient_norm");
      if (is_square) {
        target.expect_refused(with_last(-0.5F), entry + "-0.5, must be >= 0");
      } else {
        EXPECT_EQ(target.refusal(with_last(-0.5F)), "");
      }
    }
  });
}

TEST(BadState, StepCountsOfParametersAreWithinTheOptimizers) {
  Target target(adamw());
  const StateDict good = trained(adamw(), 0, 3).state();
  for (const std::int64_t steps : {std::int64_t{-1}, std::int64_t{4}, std::numeric_limits<std::int64_t>::max()}) {
    StateDict bad = good;
    std::memcpy(bad.tensors.at("head/steps").bytes.data(), &steps, sizeof(steps));
    target.expect_refused(bad, "head/steps = " + std::to_string(steps));
  }
}

// Any byte may be anything. Either the state is a possible one and is taken over as it is, or it is refused whole.
TEST(BadState, RandomBytesAreTakenWholeOrRefusedWhole) {
  int refused = 0;
  for_each_optimizer([&](const OptimizerSpec&, Target& target, const StateDict& good) {
    if (good.tensors.empty()) return;
    Philox random(29);
    for (int trial = 0; trial < 60; ++trial) {
      StateDict bad = good;
      for (int k = 0; k < 3; ++k) {
        const auto pick = [&](std::size_t count) {
          return std::min(count - 1, static_cast<std::size_t>(random.uniform() * static_cast<double>(count)));
        };
        auto& [name, tensor] = *std::next(bad.tensors.begin(), static_cast<std::ptrdiff_t>(pick(bad.tensors.size())));
        tensor.bytes[pick(tensor.bytes.size())] = static_cast<std::byte>(pick(256));
      }
      const std::string text = target.refusal(bad);
      if (text.empty()) continue;
      ++refused;
      EXPECT_TRUE(std::ranges::any_of(good.tensors, [&](const auto& named) {
        return text.find(named.first) != std::string::npos;
      })) << text;
    }
  });
  EXPECT_GT(refused, 0) << "nothing was tested";
}

TEST(BadState, FilesCutOrDamagedAnywhereLeaveTheOptimizerAsItWas) {
  const test::TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  write_safetensors(path, trained(adamw(), 0, 3).state());
  const std::string good = read_text(path);
  Target target(adamw());
  const auto load = [&](const std::string& content) {
    write_text_atomically(path, content);
    try {
      return target.refusal(read_safetensors(path));
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
      return std::string(error.what());
    }
  };
  EXPECT_EQ(load(good), "");
  for (std::size_t length = 0; length < good.size(); length += 97) EXPECT_NE(load(good.substr(0, length)), "");
  EXPECT_NE(load(good + "x"), "");
  Philox random(31);
  for (int trial = 0; trial < 300; ++trial) {
    std::string bad = good;
    const auto at = static_cast<std::size_t>(random.uniform() * static_cast<double>(bad.size()));
    bad[at] = static_cast<char>(bad[at] ^ (1 << (trial % 8)));
    (void)load(bad);  // refusal() has checked that nothing is half loaded
  }
}

}  // namespace
}  // namespace normdescent
