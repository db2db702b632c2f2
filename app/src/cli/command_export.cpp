// SPDX-License-Identifier: Apache-2.0
// export: weights of a run, or of another program, as a folder that transformers loads.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>

#include "commands.hpp"
#include "json_document.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/train/model_record.hpp"
#include "normdescent/train/run_folder.hpp"
#include "option_checks.hpp"

namespace normdescent::cli {
namespace {

struct ExportCommandOptions {
  std::string run;
  std::string weights;
  std::string out;
  bool json = false;
};

int run_export(const ExportCommandOptions& options, Session& session) {
  const GptWeights weights = options.run.empty() ? find_weights(options.weights) : read_run_weights(options.run);
  const RunFolder folder = RunFolder::create(options.out);
  write_hugging_face(folder.path(), weights);
  const GptShape& shape = weights.shape;
  if (options.json) {
    print_document(session.out, nlohmann::json{{"parameters", weights.values.size()},
                                               {"layers", shape.layers},
                                               {"width", shape.width},
                                               {"heads", shape.heads},
                                               {"context", shape.context},
                                               {"vocabulary", shape.vocabulary},
                                               {"folder", utf8_text(folder.path().string())}});
    return kDone;
  }
  session.out << grouped(static_cast<long long>(weights.values.size())) << " parameters, " << shape.layers
              << " layers of width " << shape.width << ": " << kWeightsFile << " and " << kConfigFile << " in\n"
              << folder.path().string() << '\n';
  return kDone;
}

}  // namespace

void add_export(CLI::App& program, Action& chosen) {
  auto* const command = program.add_subcommand("export", "Write weights as a Hugging Face folder");
  const auto options = std::make_shared<ExportCommandOptions>();
  auto* const source = command->add_option_group("weights");
  source->add_option("--run", options->run, "Run folder of train; its newest valid checkpoint")->type_name("DIR");
  source->add_option("--weights", options->weights, "Hugging Face folder or .safetensors, llm.c's .bin")
      ->type_name("PATH");
  source->require_option(1);
  add_out(*command, options->out, "Folder for config.json and model.safetensors; must be new or empty")->required();
  add_json(*command, options->json);
  command->callback(
      [&chosen, options] { chosen = [options](Session& session) { return run_export(*options, session); }; });
}

}  // namespace normdescent::cli
