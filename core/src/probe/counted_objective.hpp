// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "normdescent/probe/report.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent::probe_detail {

/// Counts the examples that go through it in the report.
class CountedObjective final : public Objective {
 public:
  CountedObjective(Objective& inner, ProbeReport& report) : inner_(inner), report_(report) {}
  [[nodiscard]] std::span<const Parameter> parameters() const override { return inner_.parameters(); }
  double gradient(const Batch& batch) override {
    report_.gradient_examples += batch.count;
    return inner_.gradient(batch);
  }
  double loss(const Batch& batch) override {
    report_.loss_examples += batch.count;
    return inner_.loss(batch);
  }
  double validation_loss() override { return inner_.validation_loss(); }
  [[nodiscard]] std::string save() const override { return inner_.save(); }
  void restore(const std::string& saved) override { inner_.restore(saved); }

 private:
  Objective& inner_;
  ProbeReport& report_;
};

}  // namespace normdescent::probe_detail
