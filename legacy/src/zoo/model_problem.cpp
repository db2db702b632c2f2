// SPDX-License-Identifier: Apache-2.0
#include "model_problem.hpp"

#include <utility>

#include "normdescent/base/hash.hpp"
#include "normdescent/libtorch/module_objective.hpp"
#include "normdescent/libtorch/thread_count.hpp"

namespace normdescent {
namespace {

class ModelProblemImpl final : public Problem {
 public:
  explicit ModelProblemImpl(ModelProblem parts) : parts_(std::make_shared<const ModelProblem>(std::move(parts))) {}

  [[nodiscard]] std::string name() const override { return name_with_hash(parts_->name, parts_->examples.hash); }
  [[nodiscard]] std::uint32_t batch_size() const override { return parts_->batch_size; }
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    keep_thread_count();
    auto model = parts_->make();
    initialize(*model, parts_->initialization, seed);
    ModuleObjective::Functions functions;
    functions.loss = [model, parts = parts_](const Batch& batch) { return model->loss(parts->examples.draw(batch)); };
    functions.validation_loss = [model, parts = parts_] { return model->loss(parts->examples.held_out); };
    return std::make_unique<ModuleObjective>(model, std::move(functions), parts_->roles);
  }

 private:
  std::shared_ptr<const ModelProblem> parts_;
};

}  // namespace

std::string name_with_hash(const std::string& name, std::uint64_t hash) { return name + " (" + hash_text(hash) + ")"; }

std::shared_ptr<const Problem> make_model_problem(ModelProblem parts) {
  return std::make_shared<const ModelProblemImpl>(std::move(parts));
}

}  // namespace normdescent
