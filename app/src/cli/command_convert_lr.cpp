// SPDX-License-Identifier: Apache-2.0
// optimizers convert-lr: a learning rate of one convention in those of all others, and where to start from AdamW's.
#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <ostream>

#include "commands.hpp"
#include "json_document.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/optimizers/learning_rate.hpp"
#include "option_checks.hpp"
#include "text_table.hpp"

namespace normdescent::cli {
namespace {

struct ConvertOptions {
  double learning_rate = 0.0;
  double decoupled_decay = 0.0;
  std::string from = "adamw";
  std::string shape = "768x3072";
  bool json = false;
};

std::array<Index, 2> parse_shape(const std::string& text) {
  std::array<Index, 2> shape{};
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, shape[0]);
  const bool has_x = first.ec == std::errc{} && first.ptr != end && *first.ptr == 'x';
  const auto second = has_x ? std::from_chars(first.ptr + 1, end, shape[1]) : first;
  if (!has_x || second.ec != std::errc{} || second.ptr != end || shape[0] < 1 || shape[1] < 1) {
    throw UserError("--shape " + text + " is no shape", "write OUTxIN, e.g. --shape 768x3072");
  }
  return shape;
}

int from_adamw(const ConvertOptions& options, Session& session) {
  const auto points = starting_points(options.learning_rate);
  if (options.json) {
    auto rows = nlohmann::json::array();
    for (const auto& p : points) {
      rows.push_back({{"optimizer", p.optimizer},
                      {"low", p.low},
                      {"learning_rate", p.learning_rate},
                      {"high", p.high},
                      {"reason", p.reason}});
    }
    session.out << nlohmann::json{{"from", "adamw"},
                                  {"learning_rate", options.learning_rate},
                                  {"starting_points", rows}}
                << '\n';
    return kDone;
  }
  using enum TextTable::Align;
  TextTable table({{"optimizer"}, {"start at", right}, {"search from", right}, {"to", right}, {"because"}});
  for (const auto& p : points) {
    table.add_row({p.optimizer, significant(p.learning_rate), significant(p.low), significant(p.high), p.reason});
  }
  table.print(session.out);
  session.out << "First guesses, not results: search the range. When the rate changes, keep rate x decay.\n";
  return kDone;
}

int convert(const ConvertOptions& options, Session& session) {
  if (options.from == "adamw") return from_adamw(options, session);
  const LearningRateConvention& from = learning_rate_convention(options.from);
  const auto [rows, cols] = parse_shape(options.shape);
  const RateAndDecay given{.learning_rate = options.learning_rate, .decoupled_decay = options.decoupled_decay};
  auto json = nlohmann::json::array();
  using enum TextTable::Align;
  TextTable table({{"convention"}, {"rate", right}, {"decay", right}, {"used by"}});
  for (const auto& to : learning_rate_conventions()) {
    const RateAndDecay converted = convert_lr(given, from, to, rows, cols);
    table.add_row({to.name, significant(converted.learning_rate), significant(converted.decoupled_decay), to.used_by});
    json.push_back({{"convention", to.name},
                    {"learning_rate", converted.learning_rate},
                    {"weight_decay", converted.decoupled_decay},
                    {"used_by", to.used_by}});
  }
  if (options.json) {
    print_document(session.out, nlohmann::json{{"from", from.name}, {"shape", {rows, cols}}, {"converted", json}});
    return kDone;
  }
  table.print(session.out);
  session.out << "The same step of a " << rows << " x " << cols << " weight (outputs x inputs) in every convention.\n";
  return kDone;
}

}  // namespace

void add_convert_lr(CLI::App& program, Action& chosen) {
  auto* const command = program.get_subcommand("optimizers")
                            ->add_subcommand("convert-lr", "A learning rate in the conventions of other optimizers");
  const auto options = std::make_shared<ConvertOptions>();
  command->add_option("rate", options->learning_rate, "The learning rate")
      ->required()
      ->check(positive_number())
      ->type_name("X");
  command->add_option("--from", options->from, "Its convention: adamw, or one of those of Muon that are listed")
      ->capture_default_str()
      ->type_name("NAME");
  command->add_option("--weight-decay", options->decoupled_decay, "The decoupled weight decay that goes with it")
      ->check(positive_number())
      ->type_name("X");
  command->add_option("--shape", options->shape, "Outputs x inputs of the weight")
      ->capture_default_str()
      ->type_name("OUTxIN");
  add_json(*command, options->json);
  command->callback(
      [&chosen, options] { chosen = [options](Session& session) { return convert(*options, session); }; });
}

}  // namespace normdescent::cli
