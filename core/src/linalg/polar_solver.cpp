// SPDX-License-Identifier: Apache-2.0
// Legend   X iterate, bfloat16   A Gram matrix of the shorter side   P, Q polynomial or rational function of A
#include "normdescent/linalg/polar_solver.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <type_traits>

#include "normdescent/base/multiversion.hpp"
#include "normdescent/base/threads.hpp"
#include "normdescent/linalg/halley.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "rational_factor.hpp"
#include "rounded_products.hpp"

namespace normdescent {
namespace {

// Everything one thread needs.
template <class T>
struct Workspace {
  PolarWorkspace<T> full;
  RoundedProducts::Scratch scratch;
  std::vector<Bfloat16> iterate;
  std::vector<Bfloat16> square;
};

// One matrix in bfloat16. `norm` is ||G||_F, positive and finite.
void newton_schulz_rounded(const CoefficientSet& set, int steps, const RoundedProducts& products, double norm,
                           const PolarTask<float>& task, Workspace<float>& work) {
  const Index r = std::min(task.g.rows, task.g.cols);
  const MatrixView<float> A = work.full.square(0, r);
  const MatrixView<float> P = work.full.square(1, r);
  Bfloat16* const X = work.iterate.data();
  Bfloat16* const rounded = work.square.data();
  round_scaled(task.g.data, static_cast<float>(1.0 / (set.safety * norm)), X, task.g.size());
  for (int k = 0; k < steps; ++k) {
    const QuinticStep& step = set.step(k);
    products.gram(X, A, work.scratch);
    if (step.c != 0.0) {
      round_scaled(A.data, 1.0F, rounded, A.size());
      products.square(rounded, P, work.scratch);
    }
    combine(A.data, static_cast<float>(step.b), step.c != 0.0 ? P.data : A.data, static_cast<float>(step.c), P.data,
            A.size());
    add_to_diagonal(P, static_cast<float>(step.a));
    round_scaled(P.data, 1.0F, rounded, P.size());
    products.apply(rounded, X, task.out, work.scratch);
    if (k + 1 < steps) round_scaled(task.out.data, 1.0F, X, task.out.size());
  }
}

// One matrix in bfloat16 by "halley" or "resolvent".
void rational_rounded(const PolarOptions& options, const RoundedProducts& products, double norm,
                      const PolarTask<float>& task, Workspace<float>& work) {
  const Index r = std::min(task.g.rows, task.g.cols);
  const RationalBuffers<float> buffers{work.full.square(0, r), work.full.square(1, r), work.full.square(2, r),
                                       work.full.square(3, r), work.full.panels()};
  round_scaled(task.g.data, static_cast<float>(1.0 / norm), work.iterate.data(), task.g.size());
  products.gram(work.iterate.data(), buffers.gram, work.scratch);
  const double schatten4 = std::sqrt(norm2(std::span<const float>(buffers.gram.span())));
  const MatrixView<float> Q =
      options.method == "halley" ? halley_factor<float>(options.steps, buffers) : resolvent_factor<float>(buffers);
  const double rms = norm2(std::span<const float>(Q.span())) / std::sqrt(static_cast<double>(r));
  if (kBfloat16Rounding * rms * schatten4 <= kRationalApplyRounding) {
    round_scaled(Q.data, 1.0F, work.square.data(), Q.size());
    products.apply(work.square.data(), work.iterate.data(), task.out, work.scratch);
    return;
  }
  const MatrixView<float> X = work.full.iterate(task.g.rows, task.g.cols);
  widen(work.iterate.data(), X.data, X.size());
  task.g.rows <= task.g.cols ? multiply(Q, X, task.out) : multiply(X, Q, task.out);
}

std::string must_be(const char* field, const std::string& value, const std::string& what) {
  return std::string(field) + " = " + value + ", must be " + what;
}

}  // namespace

const char* to_string(ProductPrecision precision) {
  switch (precision) {
    case ProductPrecision::full: return "full";
    case ProductPrecision::bfloat16: return "bfloat16";
  }
  return "unknown";
}

int default_polar_steps(std::string_view method) {
  if (method == "svd" || method == "resolvent") return 1;
  if (method == "halley") return kHalleySteps;
  if (const CoefficientSet* set = find_coefficients(method)) return set->default_steps;
  std::string names;
  for (const auto& name : polar_method_names()) names += " " + name;
  throw std::invalid_argument(must_be("method", std::string(method), "one of" + names));
}

template <class T>
struct PolarSolver<T>::Impl {
  // Products of one shape, for matrices on one thread each and for one matrix on all threads.
  struct Plan {
    Index rows;
    Index cols;
    int threads;
    RoundedProducts alone;
    RoundedProducts together;
  };

  PolarOptions options;
  std::vector<Plan> plans;
  std::vector<Workspace<T>> workspaces;

  [[nodiscard]] bool is_rounded() const { return options.precision == ProductPrecision::bfloat16; }

  const Plan* find(Index rows, Index cols, int threads) const {
    const auto found = std::find_if(plans.begin(), plans.end(), [&](const Plan& p) {
      return p.rows == rows && p.cols == cols && p.threads == threads;
    });
    return found == plans.end() ? nullptr : &*found;
  }

  void reserve(Index rows, Index cols, int threads) {
    if (options.method == "svd") return;
    workspaces.resize(std::max(workspaces.size(), static_cast<std::size_t>(threads)));
    if (is_rounded() && find(rows, cols, threads) == nullptr) {
      RoundedProducts together(rows, cols);
      const WithThreads one(1);
      RoundedProducts alone(rows, cols);
      plans.push_back({rows, cols, threads, std::move(alone), std::move(together)});
    }
    const Index r = std::min(rows, cols);
    for (auto& work : workspaces) {
      work.full.reserve(rows, cols);
      if (!is_rounded()) continue;
      plans.front().alone.reserve(work.scratch);
      find(rows, cols, threads)->alone.reserve(work.scratch);
      work.iterate.resize(std::max(work.iterate.size(), static_cast<std::size_t>(rows * cols)));
      work.square.resize(std::max(work.square.size(), static_cast<std::size_t>(r * r)));
    }
  }

  void run_one(const PolarTask<T>& task, bool is_alone, int threads, Workspace<T>& work) const {
    if constexpr (std::is_same_v<T, float>) {
      const bool is_vector = task.g.rows == 1 || task.g.cols == 1;
      const double norm = is_rounded() && !is_vector ? norm2(task.g.span()) : 0.0;
      const double inverse = 1.0 / norm;
      if (norm > 0.0 && std::isfinite(norm) && std::isfinite(static_cast<float>(inverse))) {
        const Plan& plan = *find(task.g.rows, task.g.cols, threads);
        const RoundedProducts& products = is_alone ? plan.alone : plan.together;
        if (!options.coefficients) return rational_rounded(options, products, norm, task, work);
        return newton_schulz_rounded(*options.coefficients, options.steps, products, norm, task, work);
      }
    }
    if (options.coefficients) {
      return polar_newton_schulz<T>(*options.coefficients, options.steps, task.g, task.out, work.full);
    }
    polar<T>(options.method, options.steps, task.g, task.out, work.full);
  }
};

template <class T>
PolarSolver<T>::PolarSolver(PolarOptions options) : impl_(std::make_unique<Impl>()) {
  const int own_steps =
      options.coefficients ? options.coefficients->default_steps : default_polar_steps(options.method);
  if (options.steps < 0) throw std::invalid_argument(must_be("steps", std::to_string(options.steps), "at least 0"));
  if (options.steps == 0) options.steps = own_steps;
  if (options.coefficients) {
    options.coefficients = checked_coefficients(*options.coefficients, options.steps);
    options.method = options.coefficients->name;
  } else if (const CoefficientSet* named = find_coefficients(options.method)) {
    options.coefficients = *named;
  }
  if (options.precision == ProductPrecision::bfloat16 && (options.method == "svd" || !std::is_same_v<T, float>)) {
    throw std::invalid_argument(must_be("precision", "bfloat16", "full for method svd and for float64 matrices"));
  }
  impl_->options = std::move(options);
}

template <class T>
PolarSolver<T>::PolarSolver(PolarSolver&&) noexcept = default;
template <class T>
PolarSolver<T>& PolarSolver<T>::operator=(PolarSolver&&) noexcept = default;
template <class T>
PolarSolver<T>::~PolarSolver() = default;

template <class T>
void PolarSolver<T>::reserve(Index rows, Index cols) {
  impl_->reserve(rows, cols, omp_get_max_threads());
}

template <class T>
void PolarSolver<T>::run(std::span<const PolarTask<T>> tasks) {
  const int threads = omp_get_max_threads();
  for (const auto& task : tasks) {
    if (task.g.rows != task.out.rows || task.g.cols != task.out.cols) {
      throw std::invalid_argument("PolarSolver: g and out differ in shape, must be equal");
    }
    impl_->reserve(task.g.rows, task.g.cols, threads);
  }
  if (impl_->workspaces.empty()) impl_->workspaces.resize(static_cast<std::size_t>(threads));
  const auto count = static_cast<Index>(tasks.size());
  if (count < threads || threads == 1) {
    for (const auto& task : tasks) impl_->run_one(task, threads == 1, threads, impl_->workspaces.front());
    return;
  }
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (Index i = 0; i < count; ++i) {
    impl_->run_one(tasks[static_cast<std::size_t>(i)], true, threads,
                   impl_->workspaces[static_cast<std::size_t>(omp_get_thread_num())]);
  }
}

template class PolarSolver<float>;
template class PolarSolver<double>;

}  // namespace normdescent
