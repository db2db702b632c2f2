// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "normdescent/predict/predict.hpp"

namespace normdescent {

namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson text_or_null(const std::string& text) { return text.empty() ? OrderedJson(nullptr) : OrderedJson(text); }

OrderedJson range_json(const std::optional<PredictedRange>& range, double PredictedRange::*part) {
  return range ? OrderedJson((*range).*part) : OrderedJson(nullptr);
}

OrderedJson optimizer_json(const SpeedupPrediction& p) {
  OrderedJson opinions = OrderedJson::array();
  for (const ModelOpinion& o : p.opinions) {
    opinions.push_back({{"model", o.model}, {"weight", o.weight}, {"speedup_vs_sgd", o.speedup}});
  }
  return {{"optimizer", p.optimizer},
          {"speedup_vs_sgd", p.speedup_vs_sgd},
          {"low", p.low},
          {"high", p.high},
          {"probability_best", p.probability_best},
          {"speedup_vs_adamw", range_json(p.over_adamw, &PredictedRange::value)},
          {"low_vs_adamw", range_json(p.over_adamw, &PredictedRange::low)},
          {"high_vs_adamw", range_json(p.over_adamw, &PredictedRange::high)},
          {"learning_rate", range_json(p.learning_rate, &PredictedRange::value)},
          {"learning_rate_low", range_json(p.learning_rate, &PredictedRange::low)},
          {"learning_rate_high", range_json(p.learning_rate, &PredictedRange::high)},
          {"decided_by", text_or_null(p.decided_by)},
          {"because", text_or_null(p.because)},
          {"models", opinions}};
}

}  // namespace

std::string Prediction::to_json() const {
  OrderedJson list = OrderedJson::array();
  for (const SpeedupPrediction& p : optimizers) list.push_back(optimizer_json(p));
  OrderedJson curve = OrderedJson::array();
  for (const BatchPoint& point : batch_curve) {
    OrderedJson speedups = OrderedJson::object();
    for (std::size_t j = 0; j < optimizers.size(); ++j) speedups[optimizers[j].optimizer] = point.speedups[j];
    curve.push_back({{"batch", point.batch_size}, {"speedup_vs_sgd", speedups}});
  }
  OrderedJson critical = OrderedJson::object();
  for (const CriticalBatch& c : critical_batches) critical[c.geometry.name()] = c.batch_size;
  const OrderedJson json = {{"prediction", list},
                            {"decided_by", decided_by},
                            {"calibrated", is_calibrated},
                            {"critical_batch", critical},
                            {"batch_curve", curve}};
  return json.dump();
}

}  // namespace normdescent
