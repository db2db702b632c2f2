// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/gradient_sample.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <string>
#include <unordered_set>

#include "normdescent/base/numbers.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/statistics/repeated_values.hpp"

namespace normdescent {
namespace {

// Robert Floyd's sampling without replacement: `count` draws whatever `size` is.
std::vector<Index> distinct_indices(Index size, Index count, Philox& random) {
  std::unordered_set<Index> chosen;
  for (Index top = size - count; top < size; ++top) {
    const auto drawn = static_cast<Index>(random.below(static_cast<std::uint64_t>(top) + 1));
    if (!chosen.insert(drawn).second) chosen.insert(top);
  }
  std::vector<Index> sorted(chosen.begin(), chosen.end());
  std::ranges::sort(sorted);
  return sorted;
}

// An empty tensor reads as 0.
void gather(const CoordinateChoice::Stratum& chosen, std::span<const float> tensor, std::span<float> values) {
  float* out = values.data() + chosen.first;
  for (const Index i : chosen.indices) *out++ = tensor.empty() ? 0.0F : tensor[static_cast<std::size_t>(i)];
}

std::vector<Index> tensor_sizes(std::span<const Parameter> parameters) {
  std::vector<Index> sizes;
  for (const Parameter& p : parameters) sizes.push_back(static_cast<Index>(p.value.size()));
  return sizes;
}

// Values that repeat, in the whole column or within steps (a sparse gradient that weight decay moves from step to
// step), become NaN: less their step's mean they would be no longer equal, and of a size that says nothing.
void drop_repeated(std::span<double> column, std::span<const std::size_t> ends) {
  std::vector<double> finite;
  std::ranges::copy_if(column, std::back_inserter(finite), [](double x) { return !std::isnan(x); });
  const std::vector<double> repeated = repeated_values(finite);
  std::vector<std::size_t> tied;
  std::size_t first = 0;
  for (const std::size_t end : ends) {
    for (std::size_t k = first; k < end; ++k) {
      const auto step = column.subspan(first, end - first);
      if (std::ranges::count(step, column[k]) > 1) tied.push_back(k);
    }
    first = end;
  }
  const bool are_ties_usual =
      tied.size() > kRepeats && static_cast<double>(tied.size()) > kRepeatedShare * static_cast<double>(column.size());
  if (are_ties_usual) {
    for (const std::size_t k : tied) column[k] = kNaN;
  }
  for (double& x : column) {
    if (std::ranges::binary_search(repeated, x)) x = kNaN;
  }
}

// Differences to the mean of their step, of the values that do not repeat; NaN where there are fewer than two of them.
void take_residuals(std::span<double> column, std::span<const std::size_t> ends) {
  drop_repeated(column, ends);
  std::size_t first = 0;
  for (const std::size_t end : ends) {
    const auto step = column.subspan(first, end - first);
    double sum = 0.0;
    double n = 0.0;
    for (const double x : step) {
      if (std::isnan(x)) continue;
      sum += x;
      n += 1.0;
    }
    for (double& x : step) x = n < 2.0 ? kNaN : (x - sum / n) * std::sqrt(n / (n - 1.0));
    first = end;
  }
}

}  // namespace

CoordinateChoice::CoordinateChoice(std::span<const Index> tensor_sizes, Index count, std::uint64_t seed) {
  if (count < 1) throw std::invalid_argument("coordinates = " + std::to_string(count) + ", must be >= 1");
  double total = 0.0;
  for (const Index size : tensor_sizes) total += static_cast<double>(size);
  for (const Index size : tensor_sizes) {
    const auto share = std::llround(static_cast<double>(count) * static_cast<double>(size) / std::max(total, 1.0));
    const Index wanted = std::min(size, std::max<Index>(kLeastPerTensor, share));
    Philox random(seed, tensors_.size());
    tensors_.push_back({size, count_, distinct_indices(size, wanted, random)});
    count_ += static_cast<std::size_t>(wanted);
  }
}

CoordinateChoice::CoordinateChoice(std::span<const Parameter> parameters, Index count, std::uint64_t seed)
    : CoordinateChoice(normdescent::tensor_sizes(parameters), count, seed) {}

void CoordinateChoice::read(std::span<const Parameter> parameters, std::span<float> gradients) const {
  for (std::size_t t = 0; t < tensors_.size(); ++t) gather(tensors_[t], parameters[t].gradient, gradients);
}

void CoordinateChoice::read_point(std::span<const Parameter> parameters, std::span<float> point) const {
  for (std::size_t t = 0; t < tensors_.size(); ++t) gather(tensors_[t], parameters[t].value, point);
}

void GradientSample::add(std::int64_t step, std::span<const float> row) {
  if (steps.empty()) width = row.size();
  values.insert(values.end(), row.begin(), row.end());
  steps.push_back(step);
}

GradientSample GradientSample::merged(std::size_t factor) const {
  GradientSample result;
  std::vector<float> mean(width);
  for (std::size_t k = 0; k + factor <= rows();) {
    if (steps[k] != steps[k + factor - 1]) {
      ++k;
      continue;
    }
    for (std::size_t i = 0; i < width; ++i) {
      double sum = 0.0;
      for (std::size_t j = 0; j < factor; ++j) sum += static_cast<double>(values[(k + j) * width + i]);
      mean[i] = static_cast<float>(sum / static_cast<double>(factor));
    }
    result.add(steps[k], mean);
    k += factor;
  }
  return result;
}

ScalarSamples GradientSample::residuals(std::size_t series) const {
  // Rows of steps with two and more, and where each step ends among them.
  std::vector<std::size_t> kept;
  std::vector<std::size_t> ends;
  for (std::size_t first = 0; first < rows();) {
    std::size_t last = first;
    while (last < rows() && steps[last] == steps[first]) ++last;
    if (last - first >= 2) {
      for (std::size_t k = first; k < last; ++k) kept.push_back(k);
      ends.push_back(kept.size());
    }
    first = last;
  }
  ScalarSamples result;
  result.series = std::min(series, width);
  result.values.resize(result.series * kept.size());
  std::vector<double> column(kept.size());
  for (std::size_t j = 0; j < result.series; ++j) {
    const std::size_t i = j * width / result.series;
    for (std::size_t k = 0; k < kept.size(); ++k) column[k] = static_cast<double>(values[kept[k] * width + i]);
    take_residuals(column, ends);
    for (std::size_t k = 0; k < kept.size(); ++k) result.values[k * result.series + j] = column[k];
  }
  return result;
}

}  // namespace normdescent
