// SPDX-License-Identifier: Apache-2.0
#include "optimizers/claims.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "normdescent/linalg/decompositions.hpp"
#include "optimizers/plain_directions.hpp"
#include "optimizers/tensors.hpp"

namespace normdescent::conformance {
namespace {

/// A subject on the tensors of small_model().
class Bench {
 public:
  Bench(const Maker& make, const OptimizerSpec& spec, std::vector<ParameterInfo> infos = small_model())
      : infos_(std::move(infos)), buffer_(infos_), subject_(make(spec, infos_)) {
    fill_normal(buffer_.values(), 17, 1000);
  }

  [[nodiscard]] std::span<double> values() { return buffer_.values(); }
  [[nodiscard]] std::span<double> gradients() { return buffer_.gradients(); }
  [[nodiscard]] std::span<const BasicParameter<double>> parameters() { return buffer_.parameters(); }
  [[nodiscard]] Subject& subject() { return *subject_; }

  /// One step on normal gradients number `stream`, times `factor`.
  bool step(std::uint64_t stream, double factor = 1.0) {
    fill_normal(gradients(), 18, stream);
    for (double& g : gradients()) g *= factor;
    return subject_->step(parameters());
  }
  Bench& steps(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t t = first; t < last; ++t) step(t);
    return *this;
  }
  void replace(std::unique_ptr<Subject> subject) { subject_ = std::move(subject); }

 private:
  std::vector<ParameterInfo> infos_;
  ParameterBuffer<double> buffer_;
  std::unique_ptr<Subject> subject_;
};

Fault at(std::size_t i, double is, double must) {
  return "entry " + std::to_string(i) + " is " + std::to_string(is) + ", must be " + std::to_string(must);
}

Fault compare(std::span<const double> is, std::span<const double> must, double tolerance) {
  for (std::size_t i = 0; i < must.size(); ++i) {
    if (!(std::abs(is[i] - must[i]) <= tolerance)) return at(i, is[i], must[i]);
  }
  return {};
}

OptimizerSpec with_each_recipe(OptimizerSpec spec, const auto& change) {
  for (auto& route : spec.routes) change(route.recipe);
  change(spec.fallback);
  return spec;
}

OptimizerSpec without_decay(const OptimizerSpec& spec) {
  return with_each_recipe(spec, [](Recipe& recipe) {
    recipe.decoupled_decay = 0.0;
    recipe.l2_penalty = 0.0;
    recipe.decay_form = DecayForm::decoupled;
  });
}

// The momentum of all tensors, in the order of the values; tensors without one give nothing.
Numbers momentum_of(const Subject& subject, const ParameterInfo& info) {
  const StateDict state = subject.state();
  const auto found = state.tensors.find(info.name + "/momentum");
  Numbers m(found == state.tensors.end() ? 0 : static_cast<std::size_t>(info.size()));
  if (!m.empty()) std::memcpy(m.data(), found->second.bytes.data(), m.size() * sizeof(double));
  return m;
}

}  // namespace

Fault follows_the_plain_reference(const Maker& make, const OptimizerSpec& spec, double tolerance) {
  Bench subject(make, spec);
  Bench reference(plain(), spec);
  for (std::uint64_t t = 0; t < 6; ++t) {
    subject.step(t);
    reference.step(t);
    if (Fault fault = compare(subject.values(), reference.values(), tolerance); !fault.empty()) {
      return "step " + std::to_string(t + 1) + ": " + fault;
    }
  }
  return {};
}

Fault remembers_gradients(const Maker& make, const OptimizerSpec& spec) {
  Bench bench(make, without_decay(spec));
  for (int t = 0; t < 5; ++t) bench.step(0);
  const Numbers before(bench.values().begin(), bench.values().end());
  bench.step(0, -0.05);
  double product = 0.0;  // of the step with G; the gradient is -0.05 G
  for (std::size_t i = 0; i < before.size(); ++i) {
    product += (bench.values()[i] - before[i]) * (-bench.gradients()[i]);
  }
  // A mask of where it agrees with the gradient lets it wait.
  return product <= 0.0 ? Fault{} : "the step turned round with one weak gradient";
}

Fault momentum_is_the_average_of_gradients(const Maker& make, const OptimizerSpec& spec) {
  Bench bench(make, spec);
  const std::vector<ParameterInfo> infos = small_model();
  std::vector<Numbers> expected(infos.size());
  std::vector<Numbers> before(infos.size());
  for (std::uint64_t t = 0; t < 4; ++t) {
    bench.step(t);
    for (std::size_t i = 0; i < infos.size(); ++i) {
      const Recipe& recipe = spec.recipe_for(infos[i]);
      const auto g = bench.parameters()[i].gradient;
      Numbers& m = expected[i];
      m.resize(g.size(), 0.0);
      for (std::size_t k = 0; k < g.size(); ++k) {
        const double c = t == 0 ? g[k] : g[k] + correction_ratio(recipe) * (g[k] - before[i][k]);
        if (const auto* e = std::get_if<Ema>(&recipe.estimator)) m[k] = e->beta * m[k] + (1.0 - e->beta) * c;
        if (const auto* b = std::get_if<HeavyBall>(&recipe.estimator)) m[k] = b->beta * m[k] + c;
        if (const auto* d = std::get_if<DoubleEma>(&recipe.estimator)) m[k] = d->beta2 * m[k] + (1.0 - d->beta2) * c;
      }
      before[i].assign(g.begin(), g.end());
      const Numbers is = momentum_of(bench.subject(), infos[i]);
      if (is.empty() && std::holds_alternative<Raw>(recipe.estimator)) continue;
      if (is.size() != m.size()) return infos[i].name + " has no momentum";
      // a few roundings of numbers of size one a step
      if (Fault fault = compare(is, m, 1e-14); !fault.empty()) return "momentum of " + infos[i].name + ": " + fault;
    }
  }
  return {};
}

Fault first_step_does_not_see_the_weights(const Maker& make, const OptimizerSpec& spec) {
  Bench here(make, without_decay(spec));
  Bench there(make, without_decay(spec));
  for (double& x : there.values()) x = -3.0 * x + 1.0;
  const Numbers before_here(here.values().begin(), here.values().end());
  Numbers expected(there.values().begin(), there.values().end());
  here.step(0);
  there.step(0);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += here.values()[i] - before_here[i];
  return compare(there.values(), expected, 1e-13);
}

Fault decay_multiplies_the_weights(const Maker& make, const OptimizerSpec& spec) {
  constexpr double kDecay = 0.25;
  const OptimizerSpec bare = without_decay(spec);
  const OptimizerSpec decayed = with_each_recipe(bare, [](Recipe& recipe) { recipe.decoupled_decay = kDecay; });
  const auto keep_of = [&](const ParameterInfo& info) {
    const Recipe& recipe = decayed.recipe_for(info);
    const auto* alternate = std::get_if<Alternate>(&recipe.direction);  // a sign step comes first, at its own rate
    const double rate = recipe.learning_rate * (alternate != nullptr ? alternate->sign_rate : 1.0);
    return 1.0 - rate * kDecay;
  };
  Bench still(make, decayed);
  const Numbers start(still.values().begin(), still.values().end());
  still.subject().step(still.parameters());  // gradients are zero
  Bench with(make, decayed);
  Bench without(make, bare);
  with.step(0);
  without.step(0);
  std::size_t k = 0;
  for (const auto& info : small_model()) {
    const double keep = keep_of(info);
    for (Index i = 0; i < info.size(); ++i, ++k) {
      if (still.values()[k] != keep * start[k]) return "without gradient, " + at(k, still.values()[k], keep * start[k]);
      const double decay = (keep - 1.0) * start[k];
      const double difference = with.values()[k] - without.values()[k];
      // three roundings of numbers below eight
      if (!(std::abs(difference - decay) <= 1e-14)) return "with a gradient, decay of " + at(k, difference, decay);
    }
  }
  return {};
}

Fault first_step_is_a_unit_of_its_norm(const Maker& make, const OptimizerSpec& spec) {
  const OptimizerSpec bare = without_decay(spec);
  Bench bench(make, bare);
  for (double& x : bench.values()) x = 0.0;
  bench.step(0);
  std::size_t first = 0;
  for (const auto& info : small_model()) {
    const Recipe& recipe = bare.recipe_for(info);
    const auto size = static_cast<std::size_t>(info.size());
    Numbers d(size);
    const auto* alternate = std::get_if<Alternate>(&recipe.direction);
    const double length = recipe.learning_rate *
                          (alternate != nullptr ? alternate->sign_rate : recipe.radius * shape_scale(recipe, info));
    for (std::size_t k = 0; k < size; ++k) d[k] = -bench.values()[first + k] / length;
    const auto g = bench.gradients().subspan(first, size);
    const auto refuse = [&](const char* what) { return info.name + ": " + what; };
    if (std::holds_alternative<Orthogonalize>(recipe.direction)) {
      for (const double s : singular_values(MatrixView<const double>{d.data(), info.rows(), info.cols()})) {
        if (!(std::abs(s - 1.0) <= 0.05)) return refuse("a singular value of the step is not one");
      }
    } else if (std::holds_alternative<Sign>(recipe.direction) || alternate != nullptr) {
      for (std::size_t k = 0; k < size; ++k) {
        if (!(std::abs(d[k] - (g[k] > 0.0 ? 1.0 : -1.0)) <= 1e-12)) return refuse("the step is not the sign");
      }
    } else if (std::holds_alternative<RowNormalize>(recipe.direction) ||
               std::holds_alternative<ColumnNormalize>(recipe.direction)) {
      const bool by_row =
          std::holds_alternative<RowNormalize>(recipe.direction) == (recipe.orientation == Orientation::out_in);
      const double lines = static_cast<double>(by_row ? info.rows() : info.cols());
      if (!(std::abs(plain_norm(d) - std::sqrt(lines)) <= 1e-12)) return refuse("lines are not of norm one");
    }
    double product = 0.0;
    for (std::size_t k = 0; k < size; ++k) product += d[k] * g[k];
    if (!(product > 0.0)) return refuse("the step goes uphill");
    first += size;
  }
  return {};
}

Fault gradients_are_only_read(const Maker& make, const OptimizerSpec& spec) {
  Bench bench(make, spec);
  for (std::uint64_t t = 0; t < 3; ++t) {
    Numbers expected(bench.gradients().size());
    fill_normal(std::span(expected), 18, t);
    bench.step(t);
    if (Fault fault = compare(bench.gradients(), expected, 0.0); !fault.empty()) return "gradient: " + fault;
  }
  return {};
}

Fault step_uses_the_gradient_of_this_step(const Maker& make, const OptimizerSpec& spec) {
  for (const std::uint64_t shared : {0U, 2U}) {
    Bench a(make, spec);
    Bench b(make, spec);
    a.steps(0, shared);
    b.steps(0, shared);
    a.step(50);
    // The same subject, its tensors in other memory: what it kept of the addresses is of no use to it.
    std::vector<double> values(b.values().begin(), b.values().end());
    std::vector<double> gradients(values.size());
    fill_normal(std::span(gradients), 18, 51);
    std::vector<BasicParameter<double>> moved;
    std::size_t first = 0;
    for (const auto& p : b.parameters()) {
      const std::size_t size = p.value.size();
      moved.push_back({p.info, std::span(values).subspan(first, size), std::span(gradients).subspan(first, size)});
      first += size;
    }
    b.subject().step(moved);
    if (compare(a.values(), values, 1e-9).empty()) return "two gradients, one step";
  }
  return {};
}

Fault overflow_leaves_no_trace(const Maker& make, const OptimizerSpec& spec) {
  Bench with(make, spec);
  Bench without(make, spec);
  with.steps(0, 2);
  without.steps(0, 2);
  fill_normal(with.gradients(), 18, 2);
  with.gradients()[50] = std::numeric_limits<double>::infinity();
  if (with.subject().step(with.parameters())) return "an infinite gradient was not noticed";
  with.steps(3, 5);
  without.steps(3, 5);
  return compare(with.values(), without.values(), 0.0);
}

Fault resumes_with_the_same_bits(const Maker& make, const OptimizerSpec& spec) {
  Bench whole(make, spec);
  Bench halves(make, spec);
  whole.steps(0, 7);
  halves.steps(0, 3);
  auto next = make(spec, small_model());
  next->load_state(halves.subject().state());
  halves.replace(std::move(next));
  halves.steps(3, 7);
  return compare(halves.values(), whole.values(), 0.0);
}

Fault zero_gradients_are_no_step(const Maker& make, const OptimizerSpec& spec) {
  Bench bench(make, without_decay(spec));
  const Numbers start(bench.values().begin(), bench.values().end());
  bench.subject().step(bench.parameters());
  if (Fault fault = compare(bench.values(), start, 0.0); !fault.empty()) return fault;
  for (const std::size_t zeros : {44U, 4U}) {  // the embedding, then a row of it
    fill_normal(bench.gradients(), 18, 0);
    std::fill_n(bench.gradients().begin(), zeros, 0.0);
    bench.subject().step(bench.parameters());
    for (const double x : bench.values()) {
      if (!std::isfinite(x)) return "a zero gradient became NaN";
    }
  }
  return {};
}

Fault micro_batches_add_up_to_one_step(const Maker& make, const OptimizerSpec& spec) {
  Bench parts(make, spec);
  Bench sum(make, spec);
  Numbers part(parts.gradients().size());
  for (std::uint64_t t = 0; t < 2; ++t) {
    fill_normal(std::span(part), 18, t);
    for (std::size_t i = 0; i < part.size(); ++i) {
      parts.gradients()[i] += part[i];
      sum.gradients()[i] += part[i];
    }
    parts.subject().after_micro_batch(parts.parameters());
  }
  parts.subject().step(parts.parameters());
  sum.subject().step(sum.parameters());
  return compare(parts.values(), sum.values(), 0.0);
}

double first_step_size(const Maker& make, const OptimizerSpec& spec, const ParameterInfo& matrix) {
  Bench bench(make, without_decay(spec), {matrix});
  for (double& x : bench.values()) x = 0.0;
  bench.step(0);
  const MatrixView<const double> step{bench.values().data(), matrix.rows(), matrix.cols()};
  return singular_values(step).front() / spec.recipe_for(matrix).learning_rate;
}

}  // namespace normdescent::conformance
