// SPDX-License-Identifier: Apache-2.0
// Noise of matrix gradients in every geometry during training, one matrix at a time: the spectral noise of all of them
// at every step would cost a third of the step.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "normdescent/base/state_dict.hpp"
#include "normdescent/norms/geometry.hpp"
#include "normdescent/probe/matrix_noise.hpp"
#include "normdescent/probe/sample_statistics.hpp"

namespace normdescent {

/// What the gradient arrays hold when a micro-batch is observed.
enum class ObservedGradient {
  micro_batch,  ///< that of this micro-batch alone
  accumulated,  ///< the sum over the step's micro-batches so far, as autograd adds them up
};

/// S_X of the matrices measured so far, combined as those of a model are (norms/model_geometry.hpp).
struct NoiseInGeometry {
  Geometry geometry = geometries::euclidean();
  double noise_scale = 0.0;  ///< NaN: nothing was measured
};

/// Noise of the matrices measured so far, each at its own step; spectral unless it says otherwise.
struct SpectralNoise {
  Index measured = 0;  ///< matrices
  Index matrices = 0;  ///< of the model; 0: none is watched
  Estimate nuclear;    ///< S_nuc = sum of tr C^(1/2): Muon's noise scale on these matrices
  Estimate density;    ///< phi_nuc = (sum tr C^(1/2))^2 / (sum r  sum tr C) in (0, 1]: 1 where all directions of all
                       ///< matrices carry the same noise
  std::vector<MatrixNoise> tensors;         ///< one a tensor; count = 0: no matrix, or not measured yet
  std::vector<NoiseInGeometry> geometries;  ///< those asked for
  std::string reason;                       ///< why nothing was measured
};

/// Watches one matrix over a step: its covariance by Welford's update, as MatrixNoiseAccumulator; at the end of the
/// step its eigenvalues; then comes the next matrix in turn. A step of a single micro-batch shows no noise, and the
/// matrix stays in turn; one without a gradient, frozen, is passed over.
///
/// Memory    3 r q + 3 r^2 floats of the matrix that is watched: 36 MB for GPT-2 124M's largest.
/// Cost      r^2 q multiply-adds a micro-batch, four times the eigenvalues of an (r, r) matrix a step; a dual norm a
///           micro-batch in geometries of NoiseStatistic::dual_norms.
/// Bias      that of MatrixNoiseAccumulator. Standard errors, by leaving out each of 3 groups, from 4 micro-batches on.
class SpectralWatch {
 public:
  SpectralWatch() = default;
  explicit SpectralWatch(std::span<const ParameterInfo> tensors,
                         std::vector<Geometry> geometries = builtin_geometries());

  /// The tensor whose gradient `observe` takes next; none where no tensor is of Role::matrix.
  [[nodiscard]] std::optional<std::size_t> watched() const;
  /// A micro-batch's gradient of that tensor; `weight` is the factor that the loss carried. Empty: it has
  /// none. Throws std::invalid_argument for another size.
  void observe(std::span<const float> gradient, ObservedGradient content, double weight);
  void end_step();
  [[nodiscard]] SpectralNoise report() const;

  /// Adds what later reports depend on, under names that begin with "spectral_".
  void save(StateDict& state) const;
  /// Throws std::invalid_argument, and changes nothing, if `state` is not of a watch over the same tensors.
  void load(const StateDict& state);

 private:
  struct Matrix {
    std::size_t tensor = 0;
    Index rows = 0;
    Index cols = 0;
    MatrixNoise noise;
    std::vector<bool> is_covered;  // by each geometry
    std::vector<double> scales;    // S_X in each, with the shape scale; NaN: not measured yet

    [[nodiscard]] Index smaller() const { return rows < cols ? rows : cols; }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(rows * cols); }
  };
  /// Of the matrix in turn, over the step under way.
  struct Sample {
    std::int64_t count = 0;
    bool is_frozen = false;          // a micro-batch had no gradient of it
    std::vector<float> accumulated;  // what the gradient array held before
    std::vector<float> mean;
    std::vector<float> sums;           // (groups, r, r)
    std::vector<float> squares;        // sum of squared deviations of every entry
    std::vector<double> dual_squares;  // weighted sum of squared dual norms, of each geometry
  };

  void measure_scales(Matrix& matrix, const Sample& sample) const;

  std::size_t tensors_ = 0;
  std::vector<Geometry> geometries_;
  std::vector<std::shared_ptr<DualMap>> maps_;  // of those measured in dual norms, else null; copies share the scratch
  std::vector<Matrix> matrices_;
  std::size_t turn_ = 0;  // in matrices_
  Sample sample_;
};

}  // namespace normdescent
