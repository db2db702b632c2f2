// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/sample_statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "normdescent/base/numbers.hpp"
#include "normdescent/statistics/jackknife.hpp"
#include "normdescent/statistics/sample_orders.hpp"

namespace normdescent {
namespace {

// Values of every quantity of SampledNoise, in its order.
constexpr std::array<Estimate SampledNoise::*, 7> kQuantities = {&SampledNoise::l1,
                                                                 &SampledNoise::l2,
                                                                 &SampledNoise::density,
                                                                 &SampledNoise::gradient_l2_squared,
                                                                 &SampledNoise::gradient_l1,
                                                                 &SampledNoise::gradient_density,
                                                                 &SampledNoise::sign_agreement};
using Values = std::array<double, kQuantities.size()>;

// Weighted sums over coordinates of a tensor; those of several tensors add up.
struct Sums {
  double dimension = 0.0;
  double root_variance = 0.0;
  double variance = 0.0;
  double gradient_squared = 0.0;
  double gradient_l1 = 0.0;
  double agreement = 0.0;
  bool is_finite = true;
  bool is_zero = true;  // every gradient was exactly 0

  void add(const Sums& other) {
    dimension += other.dimension;
    root_variance += other.root_variance;
    variance += other.variance;
    gradient_squared += other.gradient_squared;
    gradient_l1 += other.gradient_l1;
    agreement += other.agreement;
    is_finite = is_finite && other.is_finite;
    is_zero = is_zero && other.is_zero;
  }
  [[nodiscard]] Values values() const {
    Values v;
    v.fill(kNaN);
    if (!is_finite || is_zero) return v;
    v[0] = root_variance;
    v[1] = std::sqrt(variance);
    if (variance > 0.0) v[2] = std::min(1.0, root_variance * root_variance / (dimension * variance));
    v[3] = gradient_squared;
    v[4] = gradient_l1;
    if (gradient_squared > 0.0) v[5] = std::min(1.0, gradient_l1 * gradient_l1 / (dimension * gradient_squared));
    v[6] = agreement / dimension;
    return v;
  }
};

// The sample with the rows of a coordinate side by side: statistics go through it 28 times.
struct Columns {
  std::size_t rows = 0;
  std::vector<float> values;  // (width, rows) row-major

  explicit Columns(const GradientSample& sample) : rows(sample.rows()), values(sample.values.size()) {
    for (std::size_t k = 0; k < rows; ++k) {
      for (std::size_t i = 0; i < sample.width; ++i) values[i * rows + k] = sample.values[k * sample.width + i];
    }
  }
};

// Kept rows of each step.
using Steps = std::vector<std::vector<std::size_t>>;

Steps kept_steps(const GradientSample& sample, std::span<const std::size_t> group_of, std::size_t deleted) {
  Steps steps;
  std::int64_t last = 0;
  for (std::size_t k = 0; k < sample.rows(); ++k) {
    if (group_of[k] == deleted) continue;
    if (steps.empty() || sample.steps[k] != last) steps.emplace_back();
    last = sample.steps[k];
    steps.back().push_back(k);
  }
  std::erase_if(steps, [](const auto& rows) { return rows.size() < 2; });
  return steps;
}

double degrees_of_freedom(const Steps& steps) {
  double nu = 0.0;
  for (const auto& rows : steps) nu += static_cast<double>(rows.size()) - 1.0;
  return nu;
}

// Groups of chosen coordinates, by chance: coordinates lie in the tensor's order, along which noise may change slowly
// (rows of an embedding by their words' frequency), and every 8th of them would vary less than chosen ones do.
std::vector<std::size_t> coordinate_groups(std::span<const Index> indices) {
  // Each choice has groups of its own: in the same ones of the same places errors would not vary by chance.
  std::uint64_t seed = 0;
  for (const Index i : indices) seed = 31 * seed + static_cast<std::uint64_t>(i);
  std::vector<std::size_t> groups = random_orders(indices.size(), 1, seed).front();
  for (std::size_t& group : groups) group %= kJackknifeGroups;
  return groups;
}

// Without the group of coordinates `deleted`, where the tensor is not known in full.
Sums tensor_sums(const CoordinateChoice::Stratum& tensor, const Columns& columns, const Steps& steps,
                 std::size_t deleted) {
  Sums sums;
  sums.dimension = static_cast<double>(tensor.size);
  const double nu = degrees_of_freedom(steps);
  if (nu < 1.0) return sums;
  const double correction = c4(static_cast<std::int64_t>(nu) + 1);
  double mean_squared = 0.0;
  double mean_l1 = 0.0;
  double scale = 0.0;  // mean of 1 / n_s
  double kept = 0.0;
  const bool is_part = static_cast<Index>(tensor.indices.size()) < tensor.size;
  const bool leaves_some_out = is_part && deleted != kNoGroup;
  const auto groups = leaves_some_out ? coordinate_groups(tensor.indices) : std::vector<std::size_t>{};
  for (const auto& rows : steps) scale += 1.0 / static_cast<double>(rows.size() * steps.size());
  for (std::size_t c = 0; c < tensor.indices.size(); ++c) {
    if (!groups.empty() && groups[c] == deleted) continue;
    kept += 1.0;
    const std::size_t i = tensor.first + c;
    const float* x_i = columns.values.data() + i * columns.rows;
    double deviations = 0.0;
    for (const auto& rows : steps) {
      const auto n = static_cast<double>(rows.size());
      const float first = x_i[rows.front()];
      double sum = 0.0;
      int positive = 0;
      int negative = 0;
      // Equal values have no noise, whatever their mean's rounding says.
      bool varies = false;
      for (const std::size_t k : rows) {
        const float x = x_i[k];
        sum += static_cast<double>(x);
        positive += x > 0.0F ? 1 : 0;
        negative += x < 0.0F ? 1 : 0;
        varies = varies || x != first;
      }
      const double mean = sum / n;
      sums.is_finite = sums.is_finite && std::isfinite(sum);  // of finite floats it is
      sums.is_zero = sums.is_zero && positive == 0 && negative == 0;
      for (const std::size_t k : rows) {
        const double x = static_cast<double>(x_i[k]) - mean;
        if (varies) deviations += x * x;
      }
      mean_squared += mean * mean / static_cast<double>(steps.size());
      mean_l1 += std::abs(mean) / static_cast<double>(steps.size());
      sums.agreement += (positive * (positive - 1.0) + negative * (negative - 1.0)) / (n * (n - 1.0)) /
                        static_cast<double>(steps.size());
    }
    sums.variance += deviations / nu;
    sums.root_variance += std::sqrt(deviations / nu) / correction;
  }
  sums.gradient_squared = mean_squared - sums.variance * scale;
  if (mean_squared > 0.0) sums.gradient_l1 = mean_l1 * std::sqrt(std::max(0.0, sums.gradient_squared) / mean_squared);
  const double weight = kept > 0.0 ? sums.dimension / kept : 0.0;
  for (double* sum :
       {&sums.variance, &sums.root_variance, &sums.gradient_squared, &sums.gradient_l1, &sums.agreement}) {
    *sum *= weight;
  }
  return sums;
}

std::vector<std::size_t> jackknife_groups(const GradientSample& sample, std::size_t& groups) {
  std::vector<std::size_t> group_of(sample.rows());
  std::size_t steps = 0;
  std::size_t longest = 0;
  std::vector<std::size_t> step_of(sample.rows());
  std::vector<std::size_t> place_of(sample.rows());
  for (std::size_t k = 0; k < sample.rows(); ++k) {
    const bool is_new = k == 0 || sample.steps[k] != sample.steps[k - 1];
    if (is_new) ++steps;
    step_of[k] = steps - 1;
    place_of[k] = is_new ? 0 : place_of[k - 1] + 1;
    longest = std::max(longest, place_of[k] + 1);
  }
  groups = steps >= kJackknifeGroups ? kJackknifeGroups : std::min(kJackknifeGroups, longest);
  if (groups < 3) groups = 0;  // deleting one leaves no variance
  for (std::size_t k = 0; k < group_of.size() && groups > 0; ++k) {
    group_of[k] = (steps >= kJackknifeGroups ? step_of[k] : place_of[k]) % groups;
  }
  return group_of;
}

std::string reason_for(const Sums& sums, double nu) {
  if (nu < 1.0) return "no step has two micro-batches";
  if (!sums.is_finite) return "a gradient is not finite";
  if (sums.is_zero) return "every gradient is exactly zero: frozen, or not part of the loss";
  if (sums.variance == 0.0) return "all micro-batch gradients were equal: zero noise";
  if (sums.gradient_squared <= 0.0) return "the noise hides the gradient: no gradient density";
  return {};
}

// All tensors' sums and, last, the total's.
std::vector<Sums> all_sums(const CoordinateChoice& choice, const Columns& columns, const Steps& steps,
                           std::size_t deleted_coordinates = kNoGroup) {
  std::vector<Sums> sums;
  Sums total;
  for (const auto& tensor : choice.tensors()) {
    sums.push_back(tensor_sums(tensor, columns, steps, deleted_coordinates));
    total.add(sums.back());
  }
  sums.push_back(total);
  return sums;
}

double total_density(const CoordinateChoice& choice, const GradientSample& sample, const Columns& columns,
                     std::span<const std::size_t> group_of, std::size_t deleted) {
  return all_sums(choice, columns, kept_steps(sample, group_of, deleted)).back().values()[2];
}

BatchInvariance batch_invariance(const CoordinateChoice& choice, const GradientSample& sample) {
  BatchInvariance result;
  GradientSample merged;
  // Three merged rows would do for a value, but not for an error of it.
  for (const int factor : {4, 2}) {
    merged = sample.merged(static_cast<std::size_t>(factor));
    std::size_t groups = 0;
    const auto merged_groups = jackknife_groups(merged, groups);
    if (groups == 0 || merged.rows() < 4) continue;
    // The same groups of the micro-batches that were merged.
    std::vector<std::size_t> row_groups(sample.rows(), kNoGroup - 1);
    for (std::size_t k = 0, j = 0; j < merged.rows(); ++j) {
      while (sample.steps[k] != merged.steps[j]) ++k;
      for (int repeat = 0; repeat < factor; ++repeat) row_groups[k++] = merged_groups[j];
    }
    const Columns columns(sample);
    const Columns merged_columns(merged);
    const auto ratio = [&](std::size_t deleted) {
      return total_density(choice, merged, merged_columns, merged_groups, deleted) /
             total_density(choice, sample, columns, row_groups, deleted);
    };
    result.ratio.value = ratio(kNoGroup);
    if (!std::isfinite(result.ratio.value)) {
      result.reason = "there is no noise density";
      return result;
    }
    result.factor = factor;
    std::vector<double> deleted(groups);
    for (std::size_t g = 0; g < groups; ++g) deleted[g] = ratio(g);
    result.ratio.standard_error = jackknife_error(deleted);
    return result;
  }
  result.reason = "it needs 8 micro-batches at one point, or 4 of them at 8 points";
  return result;
}

}  // namespace

bool BatchInvariance::is_violated() const {
  return factor > 0 && std::abs(ratio.value - 1.0) > 2.0 * ratio.standard_error;
}

SampleStatistics sample_statistics(const CoordinateChoice& choice, const GradientSample& sample) {
  SampleStatistics result;
  result.micro_batches = static_cast<std::int64_t>(sample.rows());
  std::size_t groups = 0;
  const auto group_of = jackknife_groups(sample, groups);
  const Steps steps = kept_steps(sample, group_of, kNoGroup);
  result.steps = static_cast<std::int64_t>(steps.size());
  const double nu = degrees_of_freedom(steps);
  const Columns columns(sample);
  const auto sums = all_sums(choice, columns, steps);
  std::vector<std::vector<Sums>> fewer_rows;
  std::vector<std::vector<Sums>> fewer_coordinates;
  for (std::size_t g = 0; g < groups; ++g) {
    fewer_rows.push_back(all_sums(choice, columns, kept_steps(sample, group_of, g)));
  }
  for (std::size_t g = 0; g < kJackknifeGroups; ++g) fewer_coordinates.push_back(all_sums(choice, columns, steps, g));

  result.tensors.resize(sums.size());
  for (std::size_t t = 0; t < sums.size(); ++t) {
    SampledNoise& noise = result.tensors[t];
    const Values values = sums[t].values();
    for (std::size_t q = 0; q < kQuantities.size(); ++q) {
      const auto error = [&](const std::vector<std::vector<Sums>>& deleted) {
        std::vector<double> others;
        for (const auto& each : deleted) others.push_back(each[t].values()[q]);
        return jackknife_error(others);
      };
      noise.*kQuantities[q] = {nu < 1.0 ? kNaN : values[q],
                               groups == 0 ? kNaN : std::hypot(error(fewer_rows), error(fewer_coordinates))};
    }
    noise.reason = reason_for(sums[t], nu);
    if (noise.reason.empty() && groups == 0) noise.reason = "no standard errors: they need 3 micro-batches in a step";
  }
  result.total = std::move(result.tensors.back());
  result.tensors.pop_back();
  result.invariance = batch_invariance(choice, sample);
  return result;
}

}  // namespace normdescent
