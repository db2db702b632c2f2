// SPDX-License-Identifier: Apache-2.0
// optimizers explain NAME --model M: what happens to each parameter of a model.
#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "commands.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/gpt/shape.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/optimizers/optimizer.hpp"
#include "option_checks.hpp"
#include "text_table.hpp"

namespace normdescent::cli {
namespace {

struct ExplainOptions {
  std::string optimizer;
  std::string model = "nano";
  std::vector<std::string> settings;
  bool json = false;
};

std::string shape_text(const ParameterInfo& parameter) {
  std::string out;
  for (const Index extent : parameter.shape) out += (out.empty() ? "" : "x") + std::to_string(extent);
  return out;
}

nlohmann::json to_json(const ParameterPlan& plan) {
  return {{"name", plan.parameter.name},
          {"shape", plan.parameter.shape},
          {"role", to_string(plan.parameter.role)},
          {"recipe", plan.recipe},
          {"correction", plan.correction},
          {"clip_norm", plan.clip_norm},
          {"estimator", plan.estimator},
          {"direction", plan.direction},
          {"shape_scale", plan.shape_scale},
          {"learning_rate", plan.learning_rate},
          {"radius", plan.radius},
          {"weight_decay", plan.decoupled_decay},
          {"decay", plan.decay},
          {"state_buffers", plan.state_buffers}};
}

std::string estimator_text(const ParameterPlan& plan) {
  std::string text = plan.estimator;
  if (plan.correction != "none") text += " of " + plan.correction;
  if (plan.clip_norm > 0.0) text += ", clipped at " + significant(plan.clip_norm);
  return text;
}

int explain(const ExplainOptions& options, Session& session) {
  const Optimizer<float> optimizer(make_optimizer(options.optimizer, parse_settings(options.settings)),
                                   gpt_parameters(gpt_preset(options.model)));
  const auto plans = optimizer.explain();
  if (options.json) {
    auto rows = nlohmann::json::array();
    for (const auto& plan : plans) rows.push_back(to_json(plan));
    session.out << nlohmann::json{{"optimizer", options.optimizer}, {"model", options.model}, {"parameters", rows}}
                << '\n';
    return kDone;
  }
  using enum TextTable::Align;
  TextTable table({{"parameter"},
                   {"shape"},
                   {"role"},
                   {"estimator"},
                   {"direction"},
                   {"scale", right},
                   {"rate", right},
                   {"decay"},
                   {"state", right}});
  for (const auto& plan : plans) {
    table.add_row({plan.parameter.name, shape_text(plan.parameter), to_string(plan.parameter.role),
                   estimator_text(plan), plan.direction, significant(plan.radius * plan.shape_scale),
                   significant(plan.learning_rate), plan.decay, std::to_string(plan.state_buffers)});
  }
  table.print(session.out);
  session.out << "A step of length rate x scale (radius and shape) along direction(estimator(gradient)); state counts "
                 "buffers of the "
                 "parameter's size.\n";
  return kDone;
}

}  // namespace

void add_explain(CLI::App& program, Action& chosen) {
  auto* const command = program.get_subcommand("optimizers")
                            ->add_subcommand("explain", "What an optimizer does with each parameter of a model");
  const auto options = std::make_shared<ExplainOptions>();
  command->add_option("optimizer", options->optimizer, "A name of `optimizers list`")->required()->type_name("NAME");
  command->add_option("--model", options->model, "GPT preset")->capture_default_str()->type_name("NAME");
  add_settings(*command, options->settings);
  add_json(*command, options->json);
  command->callback(
      [&chosen, options] { chosen = [options](Session& session) { return explain(*options, session); }; });
}

}  // namespace normdescent::cli
