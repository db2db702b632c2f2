// SPDX-License-Identifier: Apache-2.0
// Legend   x value   g gradient   c what the estimator is fed   m momentum   u estimate   d direction   v squares
#include "optimizers/plain_optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "optimizers/plain_directions.hpp"

namespace normdescent::conformance {
namespace {

class Ours final : public Subject {
 public:
  Ours(const OptimizerSpec& spec, const std::vector<ParameterInfo>& infos) : optimizer_(spec, infos) {}
  bool step(std::span<const BasicParameter<double>> parameters, double scale) override {
    return optimizer_.step(parameters, scale).finite;
  }
  [[nodiscard]] StateDict state() const override { return optimizer_.state(); }
  void load_state(const StateDict& state) override { optimizer_.load_state(state); }

 private:
  Optimizer<double> optimizer_;
};

struct Tensor {
  ParameterInfo info;
  Recipe recipe;
  Numbers m;       // momentum
  Numbers before;  // gradient of the previous step
  Numbers first;   // of the first step
  Squares squares;
  std::int64_t steps = 0;
};

double factor_to(double limit, double norm) { return limit > 0.0 && norm > limit ? limit / norm : 1.0; }

class Plain final : public Subject {
 public:
  Plain(const OptimizerSpec& spec, const std::vector<ParameterInfo>& infos, Bug bug) : spec_(spec), bug_(bug) {
    for (const auto& info : infos) {
      const Recipe& recipe = spec.recipe_for(info);
      if (needs_closure(recipe) || recipe.layout != MatrixLayout{}) throw std::logic_error("not known to Plain");
      const auto size = static_cast<std::size_t>(info.size());
      tensors_.push_back({.info = info,
                          .recipe = bugged(recipe),
                          .m = Numbers(size, 0.0),
                          .before = Numbers(size, 0.0),
                          .first = {},
                          .squares = {.entries = Numbers(size, 0.0)}});
    }
  }

  bool step(std::span<const BasicParameter<double>> parameters, double scale) override {
    std::vector<Numbers> fed = gradients(parameters);
    const bool is_finite = std::ranges::all_of(
        fed, [](const Numbers& g) { return std::ranges::all_of(g, [](double v) { return std::isfinite(v); }); });
    if (!is_finite && bug_ != Bug::overflow_in_momentum) return false;
    for (std::size_t i = 0; i < fed.size(); ++i) feed(tensors_[i], parameters[i], fed[i]);
    clip(fed);
    std::vector<Numbers> estimates(fed.size());
    for (std::size_t i = 0; i < fed.size(); ++i) {
      if (fed[i].empty()) continue;
      ++tensors_[i].steps;
      estimates[i] = estimate(tensors_[i], parameters[i], fed[i]);
    }
    if (!is_finite) return false;
    std::vector<Numbers> directions(fed.size());
    for (std::size_t i = 0; i < fed.size(); ++i) {
      if (!fed[i].empty()) directions[i] = direction(tensors_[i], estimates[i], fed[i]);
    }
    normalize(fed, estimates, directions);
    for (std::size_t i = 0; i < fed.size(); ++i) {
      if (!fed[i].empty()) move(tensors_[i], parameters[i], directions[i], scale);
    }
    ++steps_;
    return true;
  }

  void after_micro_batch(std::span<const BasicParameter<double>> parameters) override {
    if (bug_ != Bug::msign_of_micro_batches) return;
    // The hook of the bug: what one micro-batch added is orthogonalized before the next one comes.
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (!std::holds_alternative<Orthogonalize>(tensors_[i].recipe.direction)) continue;
      Numbers added(parameters[i].gradient.begin(), parameters[i].gradient.end());
      Numbers& sum = tensors_[i].first;
      sum.resize(added.size(), 0.0);
      for (std::size_t k = 0; k < sum.size(); ++k) added[k] -= sum[k];
      const Numbers msign = plain_msign(added, parameters[i].info.rows(), parameters[i].info.cols());
      for (std::size_t k = 0; k < sum.size(); ++k) parameters[i].gradient[k] = sum[k] = sum[k] + msign[k];
    }
  }

  [[nodiscard]] StateDict state() const override {
    StateDict state;
    state.metadata["steps"] = std::to_string(steps_);
    const auto put = [&](const std::string& name, const Numbers& values) {
      StateTensor& tensor = state.tensors[name];
      tensor.bytes.resize(values.size() * sizeof(double));
      std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
    };
    for (const Tensor& t : tensors_) {
      if (bug_ != Bug::resumes_without_momentum) put(t.info.name + "/momentum", t.m);
      put(t.info.name + "/before", t.before);
      put(t.info.name + "/squares", t.squares.entries);
      put(t.info.name + "/norm", {t.squares.norm});
      if (bug_ != Bug::resumes_without_steps) put(t.info.name + "/steps", {static_cast<double>(t.steps)});
    }
    return state;
  }
  void load_state(const StateDict& state) override {
    const auto take = [&](const std::string& name, Numbers& values) {
      const auto found = state.tensors.find(name);
      if (found == state.tensors.end()) return;
      values.resize(found->second.bytes.size() / sizeof(double));
      std::memcpy(values.data(), found->second.bytes.data(), found->second.bytes.size());
    };
    for (Tensor& t : tensors_) {
      Numbers norm{0.0};
      Numbers steps{0.0};
      take(t.info.name + "/momentum", t.m);
      take(t.info.name + "/before", t.before);
      take(t.info.name + "/squares", t.squares.entries);
      take(t.info.name + "/norm", norm);
      take(t.info.name + "/steps", steps);
      t.squares.norm = norm[0];
      t.steps = static_cast<std::int64_t>(steps[0]);
    }
    steps_ = std::stoll(state.metadata.at("steps"));
  }

 private:
  [[nodiscard]] Recipe bugged(Recipe recipe) const {
    if (bug_ == Bug::decay_ignored) recipe.decoupled_decay = 0.0;
    if (bug_ == Bug::decay_coupled) recipe.l2_penalty = std::exchange(recipe.decoupled_decay, 0.0);
    if (bug_ == Bug::orientation_ignored) recipe.orientation = Orientation::out_in;
    if (bug_ == Bug::scale_inverted) {
      recipe.shape_scale =
          recipe.shape_scale == ShapeScale::sqrt_max_one ? ShapeScale::match_adamw_rms : ShapeScale::sqrt_max_one;
    }
    if (bug_ == Bug::replaced_by_adamw) {
      recipe.estimator = Ema{};
      recipe.direction = AdamScale{};
    }
    if (auto* lion = std::get_if<DoubleEma>(&recipe.estimator); lion != nullptr && bug_ == Bug::lion_betas_swapped) {
      std::swap(lion->beta1, lion->beta2);
    }
    return recipe;
  }

  std::vector<Numbers> gradients(std::span<const BasicParameter<double>> parameters) {
    std::vector<Numbers> all;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      Numbers g(parameters[i].gradient.begin(), parameters[i].gradient.end());
      Tensor& t = tensors_[i];
      if (bug_ == Bug::gradient_frozen) {
        if (t.first.empty()) t.first = g;
        g = t.first;
      }
      if (bug_ == Bug::gradient_late) {
        t.first.resize(g.size(), 0.0);
        std::swap(g, t.first);
      }
      all.push_back(std::move(g));
    }
    return all;
  }

  // c = g + penalty x + gamma r (g - g_before), r = beta/(1 - beta)
  void feed(Tensor& t, const BasicParameter<double>& p, Numbers& g) const {
    const bool has_before = t.steps > 0;
    const double ratio = correction_ratio(t.recipe);
    for (std::size_t k = 0; k < g.size(); ++k) {
      g[k] += t.recipe.l2_penalty * p.value[k];
      const double before = has_before ? t.before[k] : g[k];
      t.before[k] = g[k];
      g[k] += ratio * (g[k] - before);
    }
  }

  void clip(std::vector<Numbers>& fed) const {
    double square = 0.0;
    for (std::size_t i = 0; i < fed.size(); ++i) {
      const double factor = factor_to(tensors_[i].recipe.clip_norm, plain_norm(fed[i]));
      for (double& c : fed[i]) {
        c *= factor;
        square += c * c;
      }
    }
    for (auto& g : fed) {
      const double norm = bug_ == Bug::norm_of_tensors ? plain_norm(g) : std::sqrt(square);
      const double factor = factor_to(spec_.clip_norm, norm);
      for (double& c : g) c *= factor;
    }
  }

  [[nodiscard]] Numbers estimate(Tensor& t, const BasicParameter<double>& p, const Numbers& c) const {
    Numbers u = c;
    Numbers& m = t.m;
    if (bug_ == Bug::momentum_reset) m.assign(m.size(), 0.0);
    if (bug_ == Bug::momentum_from_weights && t.steps == 1) m.assign(p.value.begin(), p.value.end());
    if (bug_ == Bug::momentum_written_by_correction && correction_ratio(t.recipe) > 0.0) m = c;
    if (const auto* e = std::get_if<Ema>(&t.recipe.estimator)) {
      if (t.steps == 1 && e->start == Start::first_gradient) m = c;
      for (std::size_t k = 0; k < c.size(); ++k) {
        const double old = m[k];
        m[k] = e->beta * m[k] + (1.0 - e->beta) * c[k];
        const double base = bug_ == Bug::nesterov_old_momentum ? old : m[k];
        u[k] = e->nesterov ? e->beta * base + (1.0 - e->beta) * c[k] : m[k];
      }
    } else if (const auto* b = std::get_if<HeavyBall>(&t.recipe.estimator)) {
      for (std::size_t k = 0; k < c.size(); ++k) {
        const double old = m[k];
        m[k] = bug_ == Bug::momentum_fused ? std::fma(b->beta, m[k], c[k]) : b->beta * m[k] + c[k];
        u[k] = b->nesterov ? c[k] + b->beta * (bug_ == Bug::nesterov_old_momentum ? old : m[k]) : m[k];
      }
    } else if (const auto* d = std::get_if<DoubleEma>(&t.recipe.estimator)) {
      for (std::size_t k = 0; k < c.size(); ++k) {
        u[k] = d->beta1 * m[k] + (1.0 - d->beta1) * c[k];
        m[k] = d->beta2 * m[k] + (1.0 - d->beta2) * c[k];
      }
    }
    if (bug_ == Bug::nesterov_in_gradient) std::copy(u.begin(), u.end(), p.gradient.begin());
    return u;
  }

  [[nodiscard]] Numbers direction(Tensor& t, const Numbers& u, const Numbers& c) const {
    const PlainShape shape{.rows = t.info.rows(), .cols = t.info.cols(), .steps = t.steps};
    Numbers d = plain_direction(t.recipe, shape, u, c, t.squares);
    if (bug_ == Bug::msign_of_shards && std::holds_alternative<Orthogonalize>(t.recipe.direction)) {
      d = plain_msign_of_halves(u, shape.rows, shape.cols);
    }
    if (bug_ == Bug::momentum_written_by_msign) t.m = d;
    return d;
  }

  // Directions that look at all tensors of a recipe together.
  void normalize(const std::vector<Numbers>& fed, const std::vector<Numbers>& estimates,
                 std::vector<Numbers>& directions) {
    for (std::size_t i = 0; i < fed.size(); ++i) {
      Tensor& t = tensors_[i];
      if (fed[i].empty()) continue;
      if (std::holds_alternative<AdaGradNorm>(t.recipe.direction)) {
        t.squares.norm = std::hypot(t.squares.norm, plain_norm(fed[i]));
      }
    }
    for (std::size_t i = 0; i < fed.size(); ++i) {
      const Tensor& t = tensors_[i];
      const auto over = [&](Scope scope, const auto& size) {
        if (scope == Scope::per_tensor || bug_ == Bug::norm_of_tensors) return size(i);
        double square = 0.0;
        for (std::size_t k = 0; k < fed.size(); ++k) {
          if (tensors_[k].recipe == t.recipe) square += size(k) * size(k);
        }
        return std::sqrt(square);
      };
      if (const auto* n = std::get_if<Normalize>(&t.recipe.direction)) {
        const double norm = over(n->scope, [&](std::size_t k) { return plain_norm(estimates[k]); });
        const bool is_zero = norm == 0.0 && bug_ != Bug::zero_over_zero;
        for (double& d : directions[i]) d = is_zero ? 0.0 : d / norm;
      } else if (const auto* a = std::get_if<AdaGradNorm>(&t.recipe.direction)) {
        const double b = over(a->scope, [&](std::size_t k) { return tensors_[k].squares.norm; });
        for (double& d : directions[i]) d /= b + a->delta;
      }
    }
  }

  void move(const Tensor& t, const BasicParameter<double>& p, const Numbers& d, double scale) const {
    const Recipe& recipe = t.recipe;
    double eta = recipe.learning_rate * scale;
    double s = recipe.radius * shape_scale(recipe, t.info);
    if (bug_ == Bug::scale_of_kernel && t.info.shape.size() == 4) {
      s = recipe.radius * shape_scale(recipe.shape_scale, t.info.shape[2], t.info.shape[3]);
    }
    if (const auto* a = std::get_if<Alternate>(&recipe.direction); a != nullptr && t.steps % a->period != 0) {
      eta *= a->sign_rate;
      s = recipe.radius;
    }
    double lambda = recipe.decay_form == DecayForm::constrained ? 1.0 : recipe.decoupled_decay;
    if (recipe.decay_form == DecayForm::scaled) lambda *= s;
    if (recipe.decay_form == DecayForm::squared) lambda *= eta;
    for (std::size_t k = 0; k < d.size(); ++k) {
      double& x = p.value[k];
      if (bug_ == Bug::decay_twice) x *= 1.0 - eta * lambda;
      x = bug_ == Bug::decay_subtracted ? x - eta * lambda - (eta * s) * d[k]
                                        : (1.0 - eta * lambda) * x - (eta * s) * d[k];
    }
  }

  OptimizerSpec spec_;
  Bug bug_;
  std::vector<Tensor> tensors_;
  std::int64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<Subject> ours(const OptimizerSpec& spec, const std::vector<ParameterInfo>& infos) {
  return std::make_unique<Ours>(spec, infos);
}

Maker plain(Bug bug) {
  return [bug](const OptimizerSpec& spec, const std::vector<ParameterInfo>& infos) {
    return std::make_unique<Plain>(spec, infos, bug);
  };
}

}  // namespace normdescent::conformance
