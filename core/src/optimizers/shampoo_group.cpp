// SPDX-License-Identifier: Apache-2.0
// Legend   G gradient   U estimate   D direction   L, R statistics of rows and columns; all of one block
#include <cmath>
#include <optional>

#include "matrix_group.hpp"
#include "normdescent/linalg/inverse_root.hpp"
#include "normdescent/linalg/polar_solver.hpp"
#include "normdescent/linalg/products.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "preconditioner_grid.hpp"

namespace normdescent::optimizers {
namespace {

constexpr double kAdamWRms = 0.2;

// One side of one block. Without a root of its own, `root` is empty and the root is made anew in every step.
template <class T>
struct Side {
  MatrixView<T> statistics;
  MatrixView<T> root;
};

template <class T>
struct BlockTask {
  MatrixView<const T> u;  // the whole matrix, as are the next two
  MatrixView<const T> g;
  MatrixView<T> out;
  PreconditionerBlock block;
  std::optional<Side<T>> left;
  std::optional<Side<T>> right;
  std::int64_t t;
};

// Everything one thread needs.
template <class T>
struct Workspace {
  InverseRootSolver<T> solver;
  std::vector<T> square;
  std::vector<T> left_root;
  std::vector<T> right_root;
  std::vector<T> gradient;
  std::vector<T> estimate;
  std::vector<T> half;
  std::vector<T> direction;

  void reserve(Index side, Index block) {
    const auto grow = [](std::vector<T>& x, Index size) {
      x.resize(std::max(x.size(), static_cast<std::size_t>(size)));
    };
    solver.reserve(side);
    for (auto* x : {&square, &left_root, &right_root}) grow(*x, side * side);
    for (auto* x : {&gradient, &estimate, &half, &direction}) grow(*x, block);
  }
};

template <class T>
class ShampooDirection {
 public:
  ShampooDirection(const Shampoo& shampoo, std::size_t first_buffer) : shampoo_(shampoo), first_buffer_(first_buffer) {}

  void reserve(const MatrixShape& shape) {
    const PreconditionerGrid grid(shampoo_, shape.rows, shape.cols);
    blocks_ += static_cast<std::size_t>(shape.count * grid.count());
    matrices_ += static_cast<std::size_t>(shape.count);
    tasks_.reserve(blocks_);
    grafts_.reserve(matrices_);
    const PreconditionerBlock largest = grid.block(0);
    side_ = std::max({side_, grid.has_left() ? largest.rows : 0, grid.has_right() ? largest.cols : 0});
    block_size_ = std::max(block_size_, largest.rows * largest.cols);
    reserve_workspaces();
  }

  void clear() {
    tasks_.clear();
    grafts_.clear();
  }

  void add(const TensorTask<T>& task) {
    const auto [matrices, rows, cols] = task.shape;
    const PreconditionerGrid grid(shampoo_, rows, cols);
    for (Index q = 0; q < matrices; ++q) {
      const Index at = q * rows * cols;
      const MatrixView<const T> u{task.u + at, rows, cols};
      const MatrixView<T> out{task.out + at, rows, cols};
      for (Index k = 0; k < grid.count(); ++k) {
        const PreconditionerBlock b = grid.block(k);
        BlockTask<T>& block = tasks_.emplace_back(BlockTask<T>{.u = u,
                                                               .g = {task.g + at, rows, cols},
                                                               .out = out,
                                                               .block = b,
                                                               .left = {},
                                                               .right = {},
                                                               .t = task.slot->steps});
        std::size_t buffer = first_buffer_;
        if (grid.has_left()) block.left = side(*task.slot, buffer++, grid, q * grid.left_size() + b.left, b.rows);
        if (grid.has_right()) block.right = side(*task.slot, buffer, grid, q * grid.right_size() + b.right, b.cols);
      }
      grafts_.push_back({u, out});
    }
  }

  void run() {
    reserve_workspaces();
    const auto count = static_cast<Index>(tasks_.size());
    if (count < static_cast<Index>(workspaces_.size())) {  // no region around BLAS: its threads would be started anew
      for (const auto& task : tasks_) precondition(task, workspaces_.front());
    } else {
#pragma omp parallel for schedule(dynamic, 1)
      for (Index k = 0; k < count; ++k) {
        precondition(tasks_[static_cast<std::size_t>(k)], workspaces_[static_cast<std::size_t>(omp_get_thread_num())]);
      }
    }
    if (shampoo_.graft == Graft::none) return;
#pragma omp parallel for schedule(dynamic, 1)
    for (std::size_t k = 0; k < grafts_.size(); ++k) graft(grafts_[k]);
  }

 private:
  void reserve_workspaces() {
    const auto threads = static_cast<std::size_t>(omp_get_max_threads());
    if (workspaces_.size() != threads) workspaces_.resize(threads);
    for (auto& work : workspaces_) work.reserve(side_, block_size_);
  }

  // `buffer` holds the side's statistics; its roots come as many buffers later as there are sides.
  Side<T> side(Slot<T>& slot, std::size_t buffer, const PreconditionerGrid& grid, Index at, Index length) const {
    Side<T> side{.statistics = {slot.state[buffer].data() + at, length, length}, .root = {}};
    const std::size_t sides = grid.has_left() && grid.has_right() ? 2 : 1;
    if (shampoo_.interval > 1) side.root = {slot.state[buffer + sides].data() + at, length, length};
    return side;
  }

  // L <- L + G G^T or beta2 L + (1 - beta2) G G^T ; false, with nothing changed, where that leaves the range of T.
  bool gather(Transpose transpose, MatrixView<const T> G, MatrixView<T> L, Workspace<T>& work) const {
    const MatrixView<T> sum{work.square.data(), L.rows, L.cols};
    gram(transpose, G, sum);
    const T old_weight = static_cast<T>(shampoo_.beta2);
    const T new_weight = shampoo_.beta2 == 1.0 ? T(1) : static_cast<T>(1.0 - shampoo_.beta2);
    T trace{0};
    for (Index i = 0; i < L.size(); ++i) sum.data[i] = old_weight * L.data[i] + new_weight * sum.data[i];
    // No entry of a semidefinite matrix exceeds the largest of its diagonal.
    for (Index i = 0; i < L.rows; ++i) trace += sum(i, i);
    if (!std::isfinite(trace)) return false;
    std::copy(sum.data, sum.data + sum.size(), L.data);
    return true;
  }

  // The root of this step, or an empty view where there is none in the range of T.
  MatrixView<const T> root(const Side<T>& side, int p, std::int64_t t, std::vector<T>& memory,
                           Workspace<T>& work) const {
    const Index n = side.statistics.rows;
    const MatrixView<T> root = shampoo_.interval > 1 ? side.root : MatrixView<T>{memory.data(), n, n};
    if ((t - 1) % shampoo_.interval != 0) return root;
    const double count = shampoo_.beta2 == 1.0 ? 1.0 : 1.0 - std::pow(shampoo_.beta2, static_cast<double>(t));
    const bool is_done = work.solver.run(side.statistics, 1.0 / count, p, shampoo_.delta, shampoo_.damping, root);
    return is_done ? root : MatrixView<T>{};
  }

  // A block of consecutive whole rows is used where it lies, others are copied.
  static MatrixView<const T> view(MatrixView<const T> x, const PreconditionerBlock& b, std::vector<T>& memory) {
    if (b.cols == x.cols) return {x.data + b.row * x.cols, b.rows, b.cols};
    for (Index i = 0; i < b.rows; ++i) {
      const T* const from = x.data + (b.row + i) * x.cols + b.col;
      std::copy(from, from + b.cols, memory.data() + i * b.cols);
    }
    return {memory.data(), b.rows, b.cols};
  }

  void precondition(const BlockTask<T>& task, Workspace<T>& work) const {
    const PreconditionerBlock& b = task.block;
    const bool is_whole = b.cols == task.out.cols;
    const MatrixView<T> D{is_whole ? task.out.data + b.row * b.cols : work.direction.data(), b.rows, b.cols};
    if (!direction(task, work, D)) std::fill(D.data, D.data + D.size(), T{0});
    for (Index i = 0; i < b.rows && !is_whole; ++i) {
      std::copy(D.row(i).begin(), D.row(i).end(), task.out.data + (b.row + i) * task.out.cols + b.col);
    }
  }

  bool direction(const BlockTask<T>& task, Workspace<T>& work, MatrixView<T> D) const {
    const auto G = view(task.g, task.block, work.gradient);
    const auto U = view(task.u, task.block, work.estimate);
    if (task.left && !gather(Transpose::no, G, task.left->statistics, work)) return false;
    if (task.right && !gather(Transpose::yes, G, task.right->statistics, work)) return false;
    const int p = task.left && task.right ? 4 : 2;
    MatrixView<const T> left;
    MatrixView<const T> right;
    if (task.left) left = root(*task.left, p, task.t, work.left_root, work);
    if (task.right) right = root(*task.right, p, task.t, work.right_root, work);
    if ((task.left && left.empty()) || (task.right && right.empty())) return false;
    const MatrixView<T> half{work.half.data(), D.rows, D.cols};
    if (!task.right) {
      multiply(left, U, D);
    } else if (!task.left) {
      multiply(U, right, D);
    } else {
      multiply(left, U, half);
      multiply(half, right, D);
    }
    return std::isfinite(max_abs(std::span<const T>(D.span())));
  }

  void graft(const PolarTask<T>& task) const {
    const double target =
        shampoo_.graft == Graft::sgd ? norm2(task.g.span()) : kAdamWRms * std::sqrt(static_cast<double>(task.g.size()));
    normalize<T>(task.out.span(), task.out.span(), target);
  }

  Shampoo shampoo_;
  std::size_t first_buffer_;
  std::size_t blocks_ = 0;
  std::size_t matrices_ = 0;
  Index side_ = 0;
  Index block_size_ = 0;
  std::vector<Workspace<T>> workspaces_;
  std::vector<BlockTask<T>> tasks_;
  std::vector<PolarTask<T>> grafts_;
};

}  // namespace

template <class T>
std::unique_ptr<Group<T>> make_shampoo_group(const Recipe& recipe, std::vector<std::size_t> members,
                                             std::span<const Slot<T>> slots) {
  for (const std::size_t i : members) require_matrix(recipe, slots[i].info);
  const std::size_t first_buffer = std::holds_alternative<Raw>(recipe.estimator) ? 0 : 1;  // after the estimator's
  const ShampooDirection<T> direction(std::get<Shampoo>(recipe.direction), first_buffer);
  return make_group_of<T>(recipe, direction, std::move(members), slots);
}

template std::unique_ptr<Group<float>> make_shampoo_group(const Recipe&, std::vector<std::size_t>,
                                                          std::span<const Slot<float>>);
template std::unique_ptr<Group<double>> make_shampoo_group(const Recipe&, std::vector<std::size_t>,
                                                           std::span<const Slot<double>>);

}  // namespace normdescent::optimizers
