// SPDX-License-Identifier: Apache-2.0
// The interface between "what is trained" and everything that trains, measures, predicts or races.
// A GPT on text, a quadratic with known constants and a user's own module look the same through it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/parameter.hpp"

namespace normdescent {

/// Examples first .. first + count - 1 of an endless i.i.d. stream. The same batch is always the same examples, so the
/// position in the data is part of the step index and nothing else has to be saved to resume.
struct Batch {
  std::uint64_t stream = 0;
  std::uint64_t first = 0;
  std::uint32_t count = 1;
  std::uint64_t step = 0;  ///< of the run that it is for: what else an objective draws (dropout) is keyed by it

  /// Mini-batch number `index` of `count` examples of a stream.
  [[nodiscard]] static constexpr Batch number(std::uint64_t stream, std::uint64_t index, std::uint32_t count) {
    return {stream, index * count, count, index};
  }
};

/// f(x) = E loss(x; example) at the current point x = values of parameters(). Not thread-safe; one per thread.
class Objective {
 public:
  Objective() = default;
  Objective(const Objective&) = delete;
  Objective& operator=(const Objective&) = delete;
  virtual ~Objective() = default;

  /// The tensors; values and gradients stay at the same addresses for the life of the object.
  [[nodiscard]] virtual std::span<const Parameter> parameters() const = 0;
  /// Overwrites the gradients with the mean gradient over `batch` and returns its mean loss.
  virtual double gradient(const Batch& batch) = 0;
  /// Mean loss over `batch`; gradients keep their content.
  virtual double loss(const Batch& batch) = 0;
  /// Mean loss on a fixed held-out set, the same for every instance of the problem.
  virtual double validation_loss() = 0;

  /// What training changes besides parameters (running means, random states), as the objective's own text; empty: there
  /// is nothing. Whoever moves the parameters back to where they were moves this back, too.
  [[nodiscard]] virtual std::string save() const { return {}; }
  /// std::invalid_argument for a text that is none of save()'s of such an objective.
  virtual void restore(const std::string& saved) {
    if (!saved.empty()) throw std::invalid_argument("state of the objective: it has none, must be empty");
  }

  /// Values of parameters() in bfloat16 that the objective computes with, an array a parameter, at the same addresses
  /// for the life of the object; empty: it keeps none. It rounds the values anew in each call, unless it is told that a
  /// step has written them (StepOptions::rounded_values).
  [[nodiscard]] virtual std::span<Bfloat16* const> rounded_values() { return {}; }
  /// The caller's word that rounded_values() are those of the values now. Good for the next gradient(), loss() or
  /// validation_loss().
  virtual void trust_rounded_values() {}

  /// Told during gradient(), from its thread, that parameters first .. last - 1 have their final gradients, each at
  /// most once a call. What has not been announced is final when gradient() returns.
  using GradientListener = std::function<void(std::size_t first, std::size_t last)>;
  /// Objectives that know nothing before the end need not care.
  virtual void set_gradient_listener(GradientListener listener) { (void)listener; }
};

/// Creates independent, reproducible instances of one training problem. Thread-safe.
class Problem {
 public:
  Problem() = default;
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;
  virtual ~Problem() = default;

  [[nodiscard]] virtual std::string name() const = 0;
  /// Examples in one training mini-batch.
  [[nodiscard]] virtual std::uint32_t batch_size() const = 0;
  /// New instance with its own parameters, initialised from `seed`.
  [[nodiscard]] virtual std::unique_ptr<Objective> instantiate(std::uint64_t seed) const = 0;
};

/// A problem from a function that makes its instances; it is called from several threads.
class ProblemFrom final : public Problem {
 public:
  using Make = std::function<std::unique_ptr<Objective>(std::uint64_t seed)>;
  ProblemFrom(std::string name, std::uint32_t batch_size, Make make)
      : name_(std::move(name)), batch_size_(batch_size), make_(std::move(make)) {}
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::uint32_t batch_size() const override { return batch_size_; }
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override { return make_(seed); }

 private:
  std::string name_;
  std::uint32_t batch_size_;
  Make make_;
};

}  // namespace normdescent
