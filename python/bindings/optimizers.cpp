// SPDX-License-Identifier: Apache-2.0
// The catalog, and its optimizers' steps on torch tensors that Python owns.
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <omp.h>

#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bindings.hpp"
#include "normdescent/base/geometry.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/optimizers/stateless_optimizer.hpp"
#include "tensors.hpp"

namespace nb = nanobind;

namespace normdescent::python {
namespace {

nb::list catalog() {
  nb::list rows;
  for (const OptimizerInfo& info : optimizer_catalog()) {
    nb::list options;
    for (const OptionInfo& option : info.options) {
      nb::dict row;
      row["name"] = option.name;
      row["default"] = option.default_value;
      row["domain"] = option.domain;
      row["meaning"] = option.meaning;
      options.append(row);
    }
    nb::dict row;
    row["name"] = info.name;
    row["title"] = info.title;
    row["summary"] = info.summary;
    row["geometry"] = to_string(info.geometry);
    row["lr"] = info.default_learning_rate;
    row["options"] = options;
    rows.append(row);
  }
  return rows;
}

Role role_of(const std::string& text) {
  for (const Role role : {Role::matrix, Role::embedding, Role::head, Role::vector}) {
    if (text == to_string(role)) return role;
  }
  throw std::invalid_argument("role = " + text + ", must be one of matrix, embedding, head, vector");
}

// Why a step was not taken; nothing was changed.
enum class Trouble {
  parameter = 1,  ///< has another shape or type than at construction
  state = 2,      ///< is missing, or has another shape or type
  staging = 3,    ///< a tensor that must be copied first: strides, types, devices, subclasses
};

template <class T>
constexpr ElementType kElement = sizeof(T) == sizeof(float) ? ElementType::float32 : ElementType::float64;

template <class T>
class TypedStepper {
 public:
  TypedStepper(OptimizerSpec spec, std::vector<ParameterInfo> infos) : optimizer_(std::move(spec), std::move(infos)) {
    const std::size_t count = optimizer_.size();
    list_.resize(count);
    steps_.resize(count);
    writes_.resize(count);
    is_double_.resize(count);
    arrays_.resize(count);
    any_order_.resize(count);
    counts_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      arrays_[i].resize(optimizer_.layout(i).size());
      any_order_[i] = optimizer_.takes_any_order(i) ? 1 : 0;
      counts_[i] = optimizer_.counts_steps(i) ? 1 : 0;
    }
  }

  [[nodiscard]] const StatelessOptimizer<T>& optimizer() const { return optimizer_; }

  /// `gradient_of(i)` and `state_of(i, k)` give borrowed references or null; index layout.size() is the step count.
  template <class GradientOf, class StateOf>
  std::optional<std::pair<Trouble, std::size_t>> gather(PyObject* values, const GradientOf& gradient_of,
                                                        const StateOf& state_of) {
    TensorView value;
    TensorView gradient;
    TensorView state;
    for (std::size_t i = 0; i < list_.size(); ++i) {
      StatelessParameter<T>& p = list_[i];
      p = {};
      writes_[i] = nullptr;
      PyObject* const g = gradient_of(i);
      if (g == nullptr) continue;
      const auto refuse = [&](Trouble trouble) { return std::pair(trouble, i); };
      if (!read_tensor(PyList_GET_ITEM(values, static_cast<Py_ssize_t>(i)), value)) return refuse(Trouble::staging);
      if (!value.has_shape(optimizer_.parameter(i).shape)) return refuse(Trouble::parameter);
      if (value.type != kElement<T> || !read_tensor(g, gradient) || gradient.type != kElement<T> ||
          !gradient.has_layout_of(value) || !(any_order_[i] != 0 ? value.is_dense() : value.is_contiguous())) {
        return refuse(Trouble::staging);
      }
      const auto size = static_cast<std::size_t>(value.size());
      p.value = {static_cast<T*>(value.data), size};
      p.gradient = {static_cast<T*>(gradient.data), size};
      const auto& layout = optimizer_.layout(i);
      for (std::size_t k = 0; k < layout.size(); ++k) {
        PyObject* const s = state_of(i, k);
        if (s == nullptr) return refuse(Trouble::state);
        if (!read_tensor(s, state)) return refuse(Trouble::staging);
        const ElementType wanted = layout[k].format == StateFormat::full ? kElement<T> : ElementType::bfloat16;
        if (state.type != wanted || !state.has_shape(layout[k].shape)) return refuse(Trouble::state);
        const bool is_like_value = state.dimensions == value.dimensions && state.has_shape(optimizer_.parameter(i).shape);
        if (is_like_value ? !state.has_layout_of(value) : !state.is_contiguous()) return refuse(Trouble::staging);
        arrays_[i][k] = state.data;
      }
      p.state = arrays_[i];
      if (counts_[i] == 0) continue;
      PyObject* const s = state_of(i, layout.size());
      if (s == nullptr || !read_tensor(s, state) || state.size() != 1 ||
          (state.type != ElementType::float32 && state.type != ElementType::float64)) {
        return refuse(Trouble::state);
      }
      writes_[i] = state.data;
      is_double_[i] = state.type == ElementType::float64 ? 1 : 0;
      steps_[i] = static_cast<std::int64_t>(is_double_[i] != 0 ? *static_cast<double*>(state.data)
                                                          : static_cast<double>(*static_cast<float*>(state.data)));
      p.steps = &steps_[i];
    }
    return std::nullopt;
  }

  void step(double learning_rate) {
    optimizer_.step(list_, learning_rate);
    for (std::size_t i = 0; i < list_.size(); ++i) {
      if (writes_[i] == nullptr) continue;
      if (list_[i].gradient.empty()) ++steps_[i];  // a tensor without entries counts its steps all the same
      if (is_double_[i] != 0) {
        *static_cast<double*>(writes_[i]) = static_cast<double>(steps_[i]);
      } else {
        *static_cast<float*>(writes_[i]) = static_cast<float>(steps_[i]);
      }
    }
  }

 private:
  StatelessOptimizer<T> optimizer_;
  std::vector<StatelessParameter<T>> list_;
  std::vector<std::int64_t> steps_;
  std::vector<void*> writes_;  // where the step counts go back to
  std::vector<char> is_double_;
  std::vector<std::vector<void*>> arrays_;
  std::vector<char> any_order_;
  std::vector<char> counts_;
};

class Stepper {
 public:
  Stepper(const std::string& name, const std::map<std::string, std::string>& options,
          const std::vector<std::string>& names, const std::vector<std::vector<Index>>& shapes,
          const std::vector<std::string>& roles, const std::string& dtype, const std::map<std::string, std::string>& keys)
      : stepper_(make(name, options, infos_of(names, shapes, roles), dtype)), count_(names.size()) {
    const auto key = [&](const std::string& buffer) {
      const auto found = keys.find(buffer);
      const std::string& text = found == keys.end() ? buffer : found->second;
      return nb::steal(PyUnicode_InternFromString(text.c_str()));
    };
    std::visit(
        [&](const auto& typed) {
          for (std::size_t i = 0; i < typed.optimizer().size(); ++i) {
            auto& own = keys_.emplace_back();
            for (const StateBuffer& buffer : typed.optimizer().layout(i)) own.push_back(key(buffer.name));
            own.push_back(key("step"));
          }
        },
        stepper_);
    grad_ = nb::steal(PyUnicode_InternFromString("grad"));
    gradients_.resize(count_);
  }

  /// Finds all arrays of the next run(). None, or (trouble, index) with the first tensor that cannot be taken as it is.
  nb::object prepare(nb::list values, nb::object gradients, nb::object states) {
    is_prepared_ = false;
    if (static_cast<std::size_t>(PyList_GET_SIZE(values.ptr())) != count_) {
      return nb::make_tuple(static_cast<int>(Trouble::parameter), 0);
    }
    const bool has_list = PyList_Check(gradients.ptr());
    const bool is_dict = PyDict_Check(states.ptr());
    if ((has_list && static_cast<std::size_t>(PyList_GET_SIZE(gradients.ptr())) != count_) ||
        (!is_dict && (!PyList_Check(states.ptr()) || static_cast<std::size_t>(PyList_GET_SIZE(states.ptr())) != count_))) {
      throw std::invalid_argument("gradients or states: another number than of values");
    }
    const auto gradient_of = [&](std::size_t i) -> PyObject* {
      PyObject* g = nullptr;
      if (has_list) {
        g = PyList_GET_ITEM(gradients.ptr(), static_cast<Py_ssize_t>(i));
        Py_INCREF(g);
      } else {
        g = PyObject_GetAttr(PyList_GET_ITEM(values.ptr(), static_cast<Py_ssize_t>(i)), grad_.ptr());
        if (g == nullptr) nb::raise_python_error();
      }
      gradients_[i] = nb::steal(g);  // held until run() is over
      return g == Py_None ? nullptr : g;
    };
    PyObject* state = nullptr;
    std::size_t state_index = count_;
    const auto state_of = [&](std::size_t i, std::size_t k) -> PyObject* {
      if (state_index != i) {
        state_index = i;
        const auto at = static_cast<Py_ssize_t>(i);
        state = is_dict ? PyDict_GetItemWithError(states.ptr(), PyList_GET_ITEM(values.ptr(), at))
                        : PyList_GET_ITEM(states.ptr(), at);
        if (state == nullptr && PyErr_Occurred() != nullptr) nb::raise_python_error();
      }
      if (state == nullptr || !PyDict_Check(state)) return nullptr;
      PyObject* const item = PyDict_GetItemWithError(state, keys_[i][k].ptr());
      if (item == nullptr && PyErr_Occurred() != nullptr) nb::raise_python_error();
      return item == Py_None ? nullptr : item;
    };
    return std::visit(
        [&](auto& typed) -> nb::object {
          if (const auto trouble = typed.gather(values.ptr(), gradient_of, state_of)) {
            for (auto& g : gradients_) g.reset();
            return nb::make_tuple(static_cast<int>(trouble->first), trouble->second);
          }
          is_prepared_ = true;
          return nb::none();
        },
        stepper_);
  }

  /// The step on what prepare() found.
  void run(double learning_rate, int threads) {
    if (!std::exchange(is_prepared_, false)) throw std::logic_error("run: prepare() must have succeeded before");
    {
      const nb::gil_scoped_release release;
      if (threads > 0) omp_set_num_threads(threads);
      std::visit([&](auto& typed) { typed.step(learning_rate); }, stepper_);
    }
    for (auto& g : gradients_) g.reset();
  }

  /// [(key, shape, format, may be negative)] of one parameter.
  [[nodiscard]] nb::list layout(std::size_t i) const {
    nb::list rows;
    std::visit(
        [&](const auto& typed) {
          std::size_t k = 0;
          for (const StateBuffer& buffer : typed.optimizer().layout(i)) {
            rows.append(nb::make_tuple(keys_.at(i)[k++], nb::cast(buffer.shape), to_string(buffer.format),
                                       !buffer.is_nonnegative));
          }
        },
        stepper_);
    return rows;
  }
  [[nodiscard]] bool counts_steps(std::size_t i) const {
    return std::visit([&](const auto& typed) { return typed.optimizer().counts_steps(i); }, stepper_);
  }
  [[nodiscard]] bool takes_any_order(std::size_t i) const {
    return std::visit([&](const auto& typed) { return typed.optimizer().takes_any_order(i); }, stepper_);
  }

  [[nodiscard]] nb::list explain(double learning_rate) const {
    nb::list rows;
    std::visit(
        [&](const auto& typed) {
          for (const ParameterPlan& plan : typed.optimizer().explain()) {
            nb::dict row;
            row["parameter"] = plan.parameter.name;
            row["shape"] = nb::tuple(nb::cast(plan.parameter.shape));
            row["role"] = to_string(plan.parameter.role);
            row["recipe"] = plan.recipe;
            row["correction"] = plan.correction;
            row["estimator"] = plan.estimator;
            row["direction"] = plan.direction;
            row["shape_scale"] = plan.shape_scale;
            row["radius"] = plan.radius;
            row["lr"] = plan.learning_rate * learning_rate;
            row["decay"] = plan.decay;
            row["state_entries"] = plan.state_entries;
            row["state_format"] = plan.state_format;
            rows.append(row);
          }
        },
        stepper_);
    return rows;
  }

 private:
  using Typed = std::variant<TypedStepper<float>, TypedStepper<double>>;

  static std::vector<ParameterInfo> infos_of(const std::vector<std::string>& names,
                                             const std::vector<std::vector<Index>>& shapes,
                                             const std::vector<std::string>& roles) {
    if (shapes.size() != names.size() || roles.size() != names.size()) {
      throw std::invalid_argument("names, shapes and roles must be of one length");
    }
    std::vector<ParameterInfo> infos;
    for (std::size_t i = 0; i < names.size(); ++i) {
      infos.push_back({.name = names[i], .shape = shapes[i], .role = role_of(roles[i])});
    }
    return infos;
  }

  static Typed make(const std::string& name, const std::map<std::string, std::string>& options,
                    std::vector<ParameterInfo> infos, const std::string& dtype) {
    OptimizerSpec spec = make_optimizer(name, options);
    if (dtype == "float64") return Typed(std::in_place_index<1>, std::move(spec), std::move(infos));
    return Typed(std::in_place_index<0>, std::move(spec), std::move(infos));
  }

  Typed stepper_;
  std::size_t count_;
  std::vector<std::vector<nb::object>> keys_;
  nb::object grad_;
  std::vector<nb::object> gradients_;
  bool is_prepared_ = false;
};

}  // namespace

void bind_optimizers(nb::module_& m) {
  m.def("catalog", &catalog, "The optimizers by name, with their options: name, default, domain, meaning.");
  m.def(
      "check_options",
      [](const std::string& name, const std::map<std::string, std::string>& options) {
        static_cast<void>(make_optimizer(name, options));
      },
      nb::arg("name"), nb::arg("options"), "ValueError for an option or a value that the optimizer does not have.");
  nb::class_<Stepper>(m, "Stepper", "The steps of one optimizer on a list of tensors; keeps no state.")
      .def(nb::init<const std::string&, const std::map<std::string, std::string>&, const std::vector<std::string>&,
                    const std::vector<std::vector<Index>>&, const std::vector<std::string>&, const std::string&,
                    const std::map<std::string, std::string>&>(),
           nb::arg("name"), nb::arg("options"), nb::arg("names"), nb::arg("shapes"), nb::arg("roles"), nb::arg("dtype"),
           nb::arg("keys"))
      .def("prepare", &Stepper::prepare, nb::arg("values"), nb::arg("gradients").none(), nb::arg("states"),
           "Finds the arrays of the next run(). None, or (trouble, index): 1 parameter, 2 state, 3 staging.")
      .def("run", &Stepper::run, nb::arg("lr"), nb::arg("threads"), "One step on what prepare() found.")
      .def("layout", &Stepper::layout, nb::arg("index"))
      .def("counts_steps", &Stepper::counts_steps, nb::arg("index"))
      .def("takes_any_order", &Stepper::takes_any_order, nb::arg("index"))
      .def("explain", &Stepper::explain, nb::arg("lr"));
}

}  // namespace normdescent::python
