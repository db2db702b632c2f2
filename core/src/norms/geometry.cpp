// SPDX-License-Identifier: Apache-2.0
#include "normdescent/norms/geometry.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <stdexcept>

#include "normdescent/base/philox.hpp"
#include "normdescent/linalg/reductions.hpp"

namespace normdescent {

struct Geometry::Definition {
  std::string name;
  std::shared_ptr<const TensorNorm> norm;
  GeometryOptions options;
  mutable std::mutex mutex{};
  mutable std::map<std::pair<Index, Index>, double> measured_scales{};  // by shape, as they were asked for
};

namespace {

// The norm's own operations, exact and without scratch worth keeping.
class PlainDualMap final : public DualMap {
 public:
  explicit PlainDualMap(std::shared_ptr<const TensorNorm> norm) : norm_(std::move(norm)) {}
  double dual_norm(ConstMatrixView<float> g) override { return norm_->dual(g); }
  double apply(ConstMatrixView<float> g, double scale, MatrixView<float> out) override {
    const double dual = norm_->dual(g);
    norm_->dual_unit(g, out);
    for (float& x : out.span()) x = static_cast<float>(x * scale);
    return dual;
  }

 private:
  std::shared_ptr<const TensorNorm> norm_;
};

// Independent normal entries: no rows, columns, coordinates or singular directions stand out by more than chance.
double measured_scale(const TensorNorm& norm, Index rows, Index cols) {
  std::vector<double> g(static_cast<std::size_t>(rows * cols));
  if (g.empty()) return 1.0;
  Philox random(static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(cols));
  for (double& x : g) x = random.normal();
  norm.dual_unit(ConstMatrixView<double>{g.data(), rows, cols}, {g.data(), rows, cols});
  const double length = norm2(std::span<const double>(g));
  return length > 0.0 ? std::sqrt(static_cast<double>(g.size())) / length : 1.0;
}

}  // namespace

Geometry::Geometry(std::string name, std::shared_ptr<const TensorNorm> norm, GeometryOptions options) {
  if (name.empty()) throw std::invalid_argument("name of a geometry: empty, must say something");
  const auto fill = [](std::string& word, const std::string& otherwise) {
    if (word.empty()) word = otherwise;
  };
  fill(options.key, name);
  fill(options.norm, name);
  fill(options.dual, "dual of " + options.norm);
  fill(options.direction, name);
  definition_ = std::shared_ptr<const Definition>(
      new Definition{.name = std::move(name), .norm = std::move(norm), .options = std::move(options)});
}

const std::string& Geometry::name() const { return definition_->name; }
const std::string& Geometry::key() const { return definition_->options.key; }
const std::string& Geometry::norm_name() const { return definition_->options.norm; }
const std::string& Geometry::dual_name() const { return definition_->options.dual; }
const std::string& Geometry::direction() const { return definition_->options.direction; }
const std::string& Geometry::parts() const { return definition_->options.parts; }
const TensorNorm& Geometry::tensor_norm() const { return *definition_->norm; }

std::unique_ptr<DualMap> Geometry::make_dual_map() const {
  const auto& make = definition_->options.make_dual_map;
  return make ? make() : std::make_unique<PlainDualMap>(definition_->norm);
}

double Geometry::shape_scale(Index rows, Index cols) const {
  if (is_inner_product()) return 1.0;
  if (const auto& scale = definition_->options.shape_scale) return scale(rows, cols);
  const std::lock_guard lock(definition_->mutex);
  const auto [at, is_new] = definition_->measured_scales.try_emplace({rows, cols}, 0.0);
  if (is_new) at->second = measured_scale(tensor_norm(), rows, cols);
  return at->second;
}

bool Geometry::covers(const ParameterInfo& tensor) const {
  if (is_inner_product()) return true;
  const auto& covers = definition_->options.covers;
  return covers ? covers(tensor) : tensor.role == Role::matrix;
}

bool Geometry::is_inner_product() const { return definition_->options.is_inner_product; }
NoiseStatistic Geometry::noise_statistic() const { return definition_->options.noise_statistic; }

double Geometry::noise_scale(const TensorNoise& noise) const {
  const auto& scale = definition_->options.noise_scale;
  return scale ? scale(noise) : noise.dual_rms;
}

double Geometry::rate_exponent() const { return definition_->options.rate_exponent; }

const Geometry* find_geometry(std::span<const Geometry> geometries, std::string_view name) {
  const auto found = std::ranges::find(geometries, name, &Geometry::name);
  return found == geometries.end() ? nullptr : &*found;
}

}  // namespace normdescent
