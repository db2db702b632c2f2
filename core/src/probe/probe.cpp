// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/probe.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "counted_objective.hpp"
#include "derived_measurements.hpp"
#include "dual_noise.hpp"
#include "geometry_noise.hpp"
#include "moving_point.hpp"
#include "normdescent/base/hash.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/probe/layer_gain.hpp"
#include "pilot_from.hpp"

namespace normdescent {
namespace {

using probe_detail::CountedObjective;
using probe_detail::DualNoiseAccumulator;
using probe_detail::MovingPoint;

// Streams of examples; races number theirs by small seeds.
constexpr std::uint64_t kStreamKey = 0x70726F6265ULL;  // "probe"
constexpr int kErrorGroups = 8;                        // for the standard error of the density
constexpr int kMatrixGroups = 4;                       // for those of spectral noise
constexpr std::uint32_t kJudgeBatches = 4;             // the loss of a point is read on so many training mini-batches

class Prober {
 public:
  Prober(Objective& objective, std::uint32_t batch_size, const ProbeOptions& options, const ProbeProgress& progress,
         std::stop_token stop, ProbeReport& report)
      : objective_(objective, report),
        options_(options),
        progress_(progress),
        stop_(std::move(stop)),
        report_(report),
        batches_(stream(0)),
        judge_{stream(1), 0, kJudgeBatches * batch_size} {
    report_.batch_size = batch_size;
    report_.micro_batch_size =
        options.micro_batch_size > 0 ? options.micro_batch_size : std::max<std::uint32_t>(1, batch_size / 4);
    report_.dimension = dimension(objective.parameters());
    local_.direction_batch = batch_size;
    local_.held_out_batch = options.held_out_batch > 0 ? options.held_out_batch : batch_size;
    local_.search_repetitions = options.search_repetitions;
    local_.repetitions = options.repetitions;
    const auto geometries = static_cast<double>(options.geometries.size());
    units_ = 2.0 + geometries;
    if (options.is_thorough) units_ += 1.0 + geometries;
    if (options.pilot_steps > 0) units_ += 3.0 * static_cast<double>(options.pilots.size());
  }

  void run() {
    if (report_.dimension == 0) return fail("the problem has no parameters");
    measure_point(report_.start, options_.micro_batches, true);
    if (report_.status == ProbeStatus::not_measurable || stopped()) return;
    if (options_.pilot_steps > 0) {
      for (const PilotKind& kind : options_.pilots) {
        if (stopped()) return;
        pilot(kind);
      }
    }
    if (options_.is_thorough) measure_thoroughly();
    if (stopped()) return;
    report_.status = ProbeStatus::completed;
    if (report_.start.noise.l2 == 0.0) report_.reason = "all micro-batch gradients were equal: zero noise";
  }

 private:
  [[nodiscard]] std::uint64_t stream(std::uint64_t purpose) const {
    return Philox(kStreamKey, options_.seed, purpose)();
  }

  void fail(std::string reason) {
    report_.status = ProbeStatus::not_measurable;
    report_.reason = std::move(reason);
  }
  bool stopped() {
    if (!stop_.stop_requested()) return false;
    report_.status = ProbeStatus::stopped;
    report_.reason = "stopped on request";
    return true;
  }
  void finished_unit(std::string_view phase) {
    done_ += 1.0;
    if (progress_) progress_(std::min(1.0, done_ / units_), phase);
  }

  void measure_point(PointReport& point, int micro_batches, bool is_start) {
    point.loss = objective_.loss(judge_);
    if (!std::isfinite(point.loss)) {
      if (is_start) fail("the loss is not finite at the start");
      return;
    }
    measure_noise(point, micro_batches, is_start);
    finished_unit("noise");
    if (is_start && !std::isfinite(point.noise.l2)) return fail("gradients are not finite at the start");
    LocalOptions local = local_;
    if (!is_start) local.repetitions = options_.pilot_repetitions;
    std::vector<ModelGeometry> geometries;
    std::vector<double> steps;
    for (GeometryReport& m : point.geometries) {
      if (stop_.stop_requested()) return;
      ModelGeometry& geometry = geometries.emplace_back(m.geometry, objective_.parameters());
      if (is_start) {
        // Examples of its own: what is measured in one geometry does not depend on which others are.
        const std::string& name = m.geometry.name();
        BatchSource batches(stream(hash_bytes({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()})));
        m.one_step_gain = measure_one_step_gain(objective_, geometry, batches, local, stop_);
        finished_unit("one-step gain");
      }
      steps.push_back(secant_step(m.geometry));
    }
    auto smoothness = measure_smoothness(objective_, geometries, steps, batches_, local, stop_);
    for (std::size_t g = 0; g < smoothness.size(); ++g) point.geometries[g].smoothness = std::move(smoothness[g]);
    finished_unit("smoothness");
  }

  void measure_thoroughly() {
    for (GeometryReport& m : report_.start.geometries) {
      if (stop_.stop_requested()) return;
      ModelGeometry geometry(m.geometry, objective_.parameters());
      m.layer_gains = measure_layer_gains(objective_, geometry, secant_step(m.geometry), batches_, local_, stop_);
      finished_unit("layers alone");
    }
    report_.hessian = measure_hessian(
        objective_, batches_,
        {.geometries = options_.geometries, .batch_size = local_.held_out_batch, .seed = options_.seed}, stop_);
    finished_unit("Hessian products");
  }

  // A step of root mean square 1e-3 where no step size made progress.
  [[nodiscard]] double fallback_step(const Geometry& geometry) const {
    return 1e-3 * (geometry.is_inner_product() ? std::sqrt(static_cast<double>(report_.dimension)) : 1.0);
  }

  void measure_noise(PointReport& point, int micro_batches, bool is_start) {
    const auto parameters = objective_.parameters();
    NoiseAccumulator noise(parameters);
    // Groups cost memory, and away from the start a copy of the parameters is kept.
    const int groups = is_start ? kMatrixGroups : 1;
    std::optional<MatrixNoiseAccumulator> matrices(std::in_place, parameters, groups);
    std::vector<DualNoiseAccumulator> dual_norms;
    for (const Geometry& geometry : options_.geometries) {
      if (geometry.noise_statistic() == NoiseStatistic::dual_norms)
        dual_norms.emplace_back(geometry, parameters, groups);
    }
    ScalarSampler scalars(parameters, is_start ? options_.tail_coordinates : 0,
                          is_start ? options_.tail_projections : 0, stream(2));
    const CoordinateChoice choice(parameters, sampled_coordinates(), stream(4));
    GradientSample sample;
    std::vector<float> row(choice.count());
    std::vector<double> densities;
    std::vector<std::int64_t> counts;
    const int group = std::max(2, micro_batches / kErrorGroups);
    for (int k = 1; k <= micro_batches && !stop_.stop_requested(); ++k) {
      objective_.gradient(batches_.next(report_.micro_batch_size));
      if (k <= options_.matrix_samples) {
        matrices->add(parameters, noise);
        for (DualNoiseAccumulator& each : dual_norms) each.add(parameters, noise);
      }
      noise.add(parameters);
      scalars.add(parameters);
      if (is_start) {
        choice.read(parameters, row);
        sample.add(0, row);
      }
      if (k % group == 0 || k == micro_batches) {
        densities.push_back(noise.total().density);
        counts.push_back(k);
      }
    }
    const std::vector<NoiseSummary> tensors = noise.summaries();
    const std::vector<MatrixNoise> matrix_noise = matrices->summaries();
    matrices.reset();  // its scratch, before msign needs some
    const double to_batch = std::sqrt(static_cast<double>(report_.micro_batch_size) / report_.batch_size);
    point.noise = scaled_to_batch(combine(tensors), report_.micro_batch_size, report_.batch_size);
    point.noise_density_error = streaming_standard_error(densities, counts);
    point.tensors.resize(tensors.size());
    for (std::size_t t = 0; t < tensors.size(); ++t)
      point.tensors[t] = {tensors[t].l2 * to_batch, tensors[t].gradient_l2_squared};
    const probe_detail::AccumulatedNoise accumulated{parameters, noise, tensors, matrix_noise, dual_norms, to_batch};
    for (const Geometry& geometry : options_.geometries)
      point.geometries.push_back(probe_detail::geometry_noise(geometry, accumulated, point.noise));
    if (!is_start) return;
    report_.tail = estimate_tail_index(scalars.coordinates(), options_.seed);
    report_.tails = compare_tails(scalars.coordinates(), report_.tail, options_.seed);
    report_.sampled = sample_statistics(choice, sample);
    report_.tail_of_projections = estimate_tail_index(scalars.projections(), options_.seed);
    for (std::size_t t = 0; t < parameters.size(); ++t) {
      MatrixNoise matrix = matrix_noise[t];
      matrix.nuclear *= to_batch;
      matrix.frobenius *= to_batch;
      matrix.nuclear_error *= to_batch;
      matrix.spectrum.clear();  // of micro-batches; what geometries say of it is in the point's report
      matrix.spectra_without.clear();
      ParameterNoise& parameter = report_.per_parameter.emplace_back();
      parameter.parameter = parameters[t].info;
      parameter.noise = scaled_to_batch(tensors[t], report_.micro_batch_size, report_.batch_size);
      parameter.matrix = matrix;
    }
  }

  // Few enough for all micro-batches' rows to be a fraction of the parameters.
  [[nodiscard]] Index sampled_coordinates() const {
    return std::clamp<Index>(report_.dimension / 64, 1024, options_.sampled_coordinates);
  }

  void pilot(const PilotKind& kind) {
    const auto parameters = objective_.parameters();
    MovingPoint start(parameters);
    PilotReport pilot;
    pilot.kind = kind;
    const double gradient_norm = typical_gradient_norm();
    const PilotOptions options{.steps = options_.pilot_steps,
                               .first_rate = first_rate(kind.geometry),
                               .max_tries = options_.pilot_tries,
                               .batch_size = report_.batch_size,
                               .gradient_norm = gradient_norm};
    // All pilots see the same examples, so that their losses compare step by step.
    pilot.run = probe_detail::run_pilot_from(start, objective_, kind, options, BatchSource(stream(3)), judge_, stop_);
    pilot.end.optimizer = kind.optimizer;
    pilot.end.step = static_cast<std::int64_t>(pilot.run.losses.size());
    finished_unit("pilot");
    if (!stop_.stop_requested() && pilot.run.rate > 0.0) measure_point(pilot.end, options_.pilot_micro_batches, false);
    report_.pilots.push_back(std::move(pilot));
  }

  // The rate that an earlier pilot of this geometry found, else a share of the best one-step size.
  [[nodiscard]] double first_rate(const Geometry& geometry) const {
    for (const PilotReport& earlier : report_.pilots) {
      if (earlier.kind.geometry == geometry && earlier.run.rate > 0.0) return earlier.run.rate;
    }
    return options_.pilot_rate * step_at_start(geometry);
  }
  // The best one-step size of a unit direction at the start.
  [[nodiscard]] double step_at_start(const Geometry& geometry) const {
    const GeometryReport* m = report_.start.find(geometry);
    return m != nullptr && m->one_step_gain.step_size > 0.0 ? m->one_step_gain.step_size : fallback_step(geometry);
  }
  // Length of the secants at every point, so that what they meet compares: that over which curvature at the start
  // lasts. The best one-step size would not do: along its ray a loss may have two valleys, and which is deeper is
  // chance.
  [[nodiscard]] double secant_step(const Geometry& geometry) const {
    const GeometryReport* m = report_.start.find(geometry);
    return m != nullptr && m->one_step_gain.half_slope_step > 0.0 ? m->one_step_gain.half_slope_step
                                                                  : step_at_start(geometry);
  }
  // ||g||_2 of a training mini-batch at the start: signal and noise.
  [[nodiscard]] double typical_gradient_norm() const {
    const NoiseSummary& noise = report_.start.noise;
    const double norm = std::sqrt(std::max(0.0, noise.gradient_l2_squared) + noise.l2 * noise.l2);
    return norm > 0.0 ? norm : 1.0;
  }

  CountedObjective objective_;
  const ProbeOptions& options_;
  const ProbeProgress& progress_;
  std::stop_token stop_;
  ProbeReport& report_;
  BatchSource batches_;
  Batch judge_;
  LocalOptions local_;
  double units_ = 1.0;
  double done_ = 0.0;
};

}  // namespace

ProbeReport probe(Objective& objective, std::uint32_t batch_size, const ProbeOptions& options,
                  const ProbeProgress& progress, std::stop_token stop) {
  if (batch_size == 0) throw std::invalid_argument("batch_size = 0, must be >= 1");
  std::string message;
  for (const std::string& problem : validate(options)) message += (message.empty() ? "" : "; ") + problem;
  if (!message.empty()) throw std::invalid_argument(message);
  const auto begin = std::chrono::steady_clock::now();
  ProbeReport report;
  const std::string beside = objective.save();  // parameters are brought back by whoever moves them
  Prober(objective, batch_size, options, progress, std::move(stop), report).run();
  objective.restore(beside);
  if (report.status != ProbeStatus::not_measurable) probe_detail::derive_measurements(report);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
}

}  // namespace normdescent
