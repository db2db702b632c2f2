// SPDX-License-Identifier: Apache-2.0
// The probe over a model that lives in Python: tensors by address, gradients and losses by two callables.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "normdescent/probe/probe.hpp"

namespace nb = nanobind;

namespace normdescent::python {
namespace {

Role role_of(const std::string& text) {
  for (const Role role : {Role::matrix, Role::embedding, Role::head, Role::vector}) {
    if (text == to_string(role)) return role;
  }
  throw std::invalid_argument("role = " + text + ", must be matrix, embedding, head or vector");
}

/// Values and gradients stay Python's; it fills the gradients when it is called.
class PythonObjective final : public Objective {
 public:
  PythonObjective(nb::callable gradient, nb::callable loss) : gradient_(std::move(gradient)), loss_(std::move(loss)) {}

  void add(const nb::dict& row) {
    BasicParameter<float>& p = parameters_.emplace_back();
    p.info.name = nb::cast<std::string>(row["name"]);
    p.info.shape = nb::cast<std::vector<Index>>(row["shape"]);
    p.info.role = role_of(nb::cast<std::string>(row["role"]));
    const auto size = static_cast<std::size_t>(p.info.size());
    p.value = {address(row["value"]), size};
    p.gradient = {address(row["gradient"]), size};
  }

  [[nodiscard]] std::span<const Parameter> parameters() const override { return parameters_; }
  double gradient(const Batch& batch) override { return call(gradient_, batch); }
  double loss(const Batch& batch) override { return call(loss_, batch); }
  // The probe judges by streams of its own.
  double validation_loss() override { throw std::logic_error("the probe asks for no validation"); }

 private:
  static float* address(const nb::handle& value) {
    return reinterpret_cast<float*>(nb::cast<std::uintptr_t>(value));  // NOLINT(performance-no-int-to-ptr)
  }
  static double call(const nb::callable& function, const Batch& batch) {
    return nb::cast<double>(function(batch.stream, batch.first, batch.count));
  }

  std::vector<Parameter> parameters_;
  nb::callable gradient_;
  nb::callable loss_;
};

std::string run_probe(const nb::list& parameters, nb::callable gradient, nb::callable loss, const nb::dict& options,
                      const nb::object& progress) {
  PythonObjective objective(std::move(gradient), std::move(loss));
  for (const nb::handle row : parameters) objective.add(nb::cast<nb::dict>(row));
  ProbeOptions chosen;
  chosen.micro_batches = nb::cast<int>(options["micro_batches"]);
  chosen.micro_batch_size = nb::cast<std::uint32_t>(options["micro_batch_size"]);
  chosen.pilot_steps = nb::cast<int>(options["pilot_steps"]);
  chosen.seed = nb::cast<std::uint64_t>(options["seed"]);
  ProbeProgress shown;
  if (!progress.is_none()) {
    shown = [&progress](double fraction, std::string_view phase) {
      progress(fraction, nb::str(phase.data(), phase.size()));
    };
  }
  // The lock stays held: the model is Python's, and the core's own threads never call it.
  return probe(objective, nb::cast<std::uint32_t>(options["batch_size"]), chosen, shown).to_json();
}

}  // namespace

void bind_probe(nb::module_& m) {
  m.def("probe", &run_probe, nb::arg("parameters"), nb::arg("gradient"), nb::arg("loss"), nb::arg("options"),
        nb::arg("progress").none(),
        "Measures the geometry of a problem and returns the report as JSON. parameters: dicts of name, shape, role, "
        "value and gradient (addresses of float32); gradient(stream, first, count) and loss(stream, first, count) "
        "return the mean loss of micro-batches first .. first + count - 1 of an endless stream, the former fills the "
        "gradients.");
}

}  // namespace normdescent::python
