// SPDX-License-Identifier: Apache-2.0
// The catalog, and its optimizers' steps on torch tensors that Python owns.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
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
#include "normdescent/norms/geometry.hpp"
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
    row["geometry"] = info.geometry.name();
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

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

nb::dict direction_dict(const Direction& direction) {
  nb::dict d;
  const auto msign = [&](const Orthogonalize& o) {
    d["method"] = o.method;
    d["steps"] = o.steps;
    d["precision"] = to_string(o.precision);
  };
  std::visit(Overloaded{
                 [&](const Identity&) { d["kind"] = "identity"; },
                 [&](const Sign&) { d["kind"] = "sign"; },
                 [&](const Normalize& n) {
                   d["kind"] = "normalize";
                   d["scope"] = to_string(n.scope);
                 },
                 [&](const RowNormalize&) { d["kind"] = "rows"; },
                 [&](const ColumnNormalize&) { d["kind"] = "columns"; },
                 [&](const Orthogonalize& o) {
                   d["kind"] = "msign";
                   msign(o);
                 },
                 [&](const AdamScale& a) {
                   d["kind"] = "adam";
                   d["beta2"] = a.beta2;
                   d["eps"] = a.epsilon;
                 },
                 [&](const AdaGradScale& a) {
                   d["kind"] = "adagrad";
                   d["eps"] = a.delta;
                 },
                 [&](const AdaGradNorm& a) {
                   d["kind"] = "adagrad-norm";
                   d["eps"] = a.delta;
                   d["scope"] = to_string(a.scope);
                 },
                 [&](const Alternate& a) {
                   d["kind"] = "alternate";
                   d["period"] = a.period;
                   d["sign_rate"] = a.sign_rate;
                   msign(a.msign);
                 },
                 [&](const Shampoo& s) {
                   d["kind"] = "shampoo";
                   d["sides"] = to_string(s.sides);
                   d["beta2"] = s.beta2;
                   d["delta"] = s.delta;
                   d["damping"] = to_string(s.damping);
                   d["interval"] = s.interval;
                   d["block_size"] = s.block_size;
                   d["graft"] = to_string(s.graft);
                 },
                 [&](const MapTensor& m) {
                   d["kind"] = "map";
                   d["name"] = m.name;
                 },
             },
             direction);
  return d;
}

nb::dict estimator_dict(const Estimator& estimator) {
  nb::dict e;
  std::visit(Overloaded{
                 [&](const Raw&) { e["kind"] = "raw"; },
                 [&](const Ema& x) {
                   e["kind"] = "ema";
                   e["beta"] = x.beta;
                   e["nesterov"] = x.nesterov;
                   e["start"] = to_string(x.start);
                 },
                 [&](const HeavyBall& x) {
                   e["kind"] = "heavy-ball";
                   e["beta"] = x.beta;
                   e["nesterov"] = x.nesterov;
                 },
                 [&](const DoubleEma& x) {
                   e["kind"] = "double-ema";
                   e["beta1"] = x.beta1;
                   e["beta2"] = x.beta2;
                 },
             },
             estimator);
  return e;
}

nb::dict recipe_dict(const Recipe& recipe, const ParameterInfo& info) {
  nb::dict row;
  row["name"] = recipe.name;
  row["maximize"] = recipe.maximize;
  row["l2_penalty"] = recipe.l2_penalty;
  row["clip_norm"] = recipe.clip_norm;
  row["correction_ratio"] = correction_ratio(recipe);
  row["estimator"] = estimator_dict(recipe.estimator);
  row["direction"] = direction_dict(recipe.direction);
  row["lr"] = recipe.learning_rate;
  row["decay"] = recipe.decoupled_decay;
  row["decay_form"] = to_string(recipe.decay_form);
  row["step_scale"] = info.size() > 0 ? step_scale(recipe, info) : 1.0;
  row["is_transposed"] = recipe.orientation == Orientation::in_out;
  row["state_format"] = to_string(recipe.state_format);
  const MatrixShape shape = info.size() > 0 ? matrix_shape(recipe.layout, info) : MatrixShape{};
  row["matrix"] = nb::make_tuple(shape.count, shape.rows, shape.cols);
  return row;
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
  TypedStepper(OptimizerSpec spec, std::vector<ParameterInfo> infos, bool counts_always)
      : optimizer_(std::move(spec), std::move(infos)) {
    const std::size_t count = optimizer_.size();
    list_.resize(count);
    steps_.resize(count);
    writes_.resize(count);
    is_double_.resize(count);
    arrays_.resize(count);
    any_order_.resize(count);
    counts_.resize(count);
    wants_state_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      arrays_[i].resize(optimizer_.layout(i).size());
      any_order_[i] = optimizer_.takes_any_order(i) ? 1 : 0;
      counts_[i] = counts_always || optimizer_.counts_steps(i) ? 1 : 0;
      wants_state_[i] = optimizer_.always_wants_state(i) ? 1 : 0;
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
      if (g == nullptr) {
        if (wants_state_[i] != 0) gather_left_out(i, state_of);
        continue;
      }
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
        const bool is_like_value =
            state.dimensions == value.dimensions && state.has_shape(optimizer_.parameter(i).shape);
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

  template <class StateOf>
  void gather_left_out(std::size_t i, const StateOf& state_of) {
    TensorView state;
    const auto& layout = optimizer_.layout(i);
    for (std::size_t k = 0; k < layout.size(); ++k) {
      PyObject* const s = state_of(i, k);
      const bool is_good = s != nullptr && read_tensor(s, state) && state.type == kElement<T> &&
                           state.has_shape(layout[k].shape) && state.is_contiguous();
      arrays_[i][k] = is_good ? state.data : nullptr;
    }
    list_[i].state = arrays_[i];
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
  std::vector<char> wants_state_;
};

class Stepper {
 public:
  Stepper(const std::string& name, const std::map<std::string, std::string>& options,
          const std::vector<std::string>& names, const std::vector<std::vector<Index>>& shapes,
          const std::vector<std::string>& roles, const std::string& dtype,
          const std::map<std::string, std::string>& keys, bool counts_always)
      : stepper_(make(name, options, infos_of(names, shapes, roles), dtype, counts_always)),
        count_(names.size()),
        counts_always_(counts_always) {
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
        (!is_dict &&
         (!PyList_Check(states.ptr()) || static_cast<std::size_t>(PyList_GET_SIZE(states.ptr())) != count_))) {
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
        state =
            is_dict ? tensor_item(states.ptr(), PyList_GET_ITEM(values.ptr(), at)) : PyList_GET_ITEM(states.ptr(), at);
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

  /// The step on what prepare() found. Whether all tensors had gradients.
  bool run(double learning_rate, int threads) {
    if (!std::exchange(is_prepared_, false)) throw std::logic_error("run: prepare() must have succeeded before");
    {
      const nb::gil_scoped_release release;
      if (threads > 0) omp_set_num_threads(threads);
      std::visit([&](auto& typed) { typed.step(learning_rate); }, stepper_);
    }
    bool has_all = true;
    for (auto& g : gradients_) {
      has_all = has_all && !g.is_none();
      g.reset();
    }
    return has_all;
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
    return counts_always_ || std::visit([&](const auto& typed) { return typed.optimizer().counts_steps(i); }, stepper_);
  }
  [[nodiscard]] bool takes_any_order(std::size_t i) const {
    return std::visit([&](const auto& typed) { return typed.optimizer().takes_any_order(i); }, stepper_);
  }

  /// A parameter's recipe as numbers and names, for executors of other devices.
  [[nodiscard]] nb::dict recipe(std::size_t i) const {
    return std::visit(
        [&](const auto& typed) { return recipe_dict(typed.optimizer().recipe(i), typed.optimizer().parameter(i)); },
        stepper_);
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
                    std::vector<ParameterInfo> infos, const std::string& dtype, bool counts_always) {
    OptimizerSpec spec = make_optimizer(name, options);
    if (dtype == "float64") return Typed(std::in_place_index<1>, std::move(spec), std::move(infos), counts_always);
    return Typed(std::in_place_index<0>, std::move(spec), std::move(infos), counts_always);
  }

  Typed stepper_;
  std::size_t count_;
  bool counts_always_;
  std::vector<std::vector<nb::object>> keys_;
  nb::object grad_;
  std::vector<nb::object> gradients_;
  bool is_prepared_ = false;
};

using Values = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

/// Optimizer<float>, which owns its state, over a list of steps: what tests hold every other way of stepping to.
void reference_steps(const std::string& name, const std::map<std::string, std::string>& options,
                     const std::vector<std::string>& names, const std::vector<std::vector<Index>>& shapes,
                     const std::vector<std::string>& roles, const std::vector<Values>& values,
                     const std::vector<std::vector<Values>>& gradients, const std::vector<double>& learning_rates) {
  std::vector<ParameterInfo> infos;
  for (std::size_t i = 0; i < names.size(); ++i) {
    infos.push_back({.name = names.at(i), .shape = shapes.at(i), .role = role_of(roles.at(i))});
  }
  Optimizer<float> optimizer(make_optimizer(name, options), infos);
  for (std::size_t t = 0; t < gradients.size(); ++t) {
    std::vector<Parameter> parameters;
    for (std::size_t i = 0; i < infos.size(); ++i) {
      const Values& g = gradients[t].at(i);
      parameters.push_back(
          {.info = infos[i], .value = {values.at(i).data(), values.at(i).size()}, .gradient = {g.data(), g.size()}});
    }
    optimizer.step(parameters, learning_rates.at(t));
  }
}

}  // namespace

void bind_optimizers(nb::module_& m) {
  m.def("catalog", &catalog, "The optimizers by name, with their options: name, default, domain, meaning.");
  m.def(
      "check_options",
      [](const std::string& name, const std::map<std::string, std::string>& options) {
        static_cast<void>(make_optimizer(name, options));
      },
      nb::arg("name"), nb::arg("options"), "ValueError for an option or a value that the optimizer does not have.");
  m.def("reference_steps", &reference_steps, nb::arg("name"), nb::arg("options"), nb::arg("names"), nb::arg("shapes"),
        nb::arg("roles"), nb::arg("values"), nb::arg("gradients"), nb::arg("lrs"),
        "Steps of the core's own optimizer on float32 arrays, in place; a gradient of length 0 leaves its tensor out.");
  nb::class_<Stepper>(m, "Stepper", "The steps of one optimizer on a list of tensors; keeps no state.")
      .def(nb::init<const std::string&, const std::map<std::string, std::string>&, const std::vector<std::string>&,
                    const std::vector<std::vector<Index>>&, const std::vector<std::string>&, const std::string&,
                    const std::map<std::string, std::string>&, bool>(),
           nb::arg("name"), nb::arg("options"), nb::arg("names"), nb::arg("shapes"), nb::arg("roles"), nb::arg("dtype"),
           nb::arg("keys"), nb::arg("counts_always") = false)
      .def("prepare", &Stepper::prepare, nb::arg("values"), nb::arg("gradients").none(), nb::arg("states"),
           "Finds the arrays of the next run(). None, or (trouble, index): 1 parameter, 2 state, 3 staging.")
      .def("run", &Stepper::run, nb::arg("lr"), nb::arg("threads"), "One step on what prepare() found.")
      .def("layout", &Stepper::layout, nb::arg("index"))
      .def("counts_steps", &Stepper::counts_steps, nb::arg("index"))
      .def("takes_any_order", &Stepper::takes_any_order, nb::arg("index"))
      .def("recipe", &Stepper::recipe, nb::arg("index"))
      .def("explain", &Stepper::explain, nb::arg("lr"));
}

}  // namespace normdescent::python
