// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <vector>

#include "commands.hpp"
#include "normdescent/base/nearest_name.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/base/version.hpp"

namespace normdescent::cli {
namespace {

/// "did you mean --steps?", or where to find the list.
std::string name_hint(const std::string& typed, const std::vector<std::string>& known, const std::string& list) {
  const auto nearest = nearest_name(typed, known);
  return nearest ? "did you mean " + *nearest + "?" : list;
}

std::vector<std::string> command_names(const CLI::App& program) {
  std::vector<std::string> names;
  for (const auto* command : program.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// The innermost subcommand on the command line.
const CLI::App& innermost(const CLI::App& program) {
  const CLI::App* app = &program;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().back();
  return *app;
}

std::string full_name(const CLI::App& app) {
  const std::string parent = app.get_parent() != nullptr ? full_name(*app.get_parent()) + " " : "";
  return parent + app.get_name();
}

/// The first argument that is no option must be a command; CLI11 alone would say only that one is missing.
void check_command_name(const CLI::App& program, std::span<const std::string> arguments) {
  if (arguments.empty()) throw UserError("no command given", "normdescent --help lists them");
  if (arguments.front().starts_with('-')) return;
  const auto names = command_names(program);
  if (std::find(names.begin(), names.end(), arguments.front()) != names.end()) return;
  throw UserError("unknown command '" + arguments.front() + "'",
                  name_hint(arguments.front(), names, "normdescent --help lists the commands"));
}

[[noreturn]] void throw_usage_error(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& command = innermost(program);
  const std::string help = full_name(command) + " --help lists what it takes";
  const auto unexpected = command.remaining();
  if (!unexpected.empty()) {
    const std::string& typed = unexpected.front();
    if (typed.starts_with('-')) {
      throw UserError("unknown option '" + typed + "' for " + full_name(command),
                      name_hint(typed.substr(0, typed.find('=')), option_names(command), help));
    }
    auto names = command_names(command);
    throw UserError("unexpected argument '" + typed + "' for " + full_name(command), name_hint(typed, names, help));
  }
  throw UserError(error.what(), help);
}

int run_chosen(std::span<const std::string> arguments, Session& session) {
  CLI::App program("Measures the geometry of a training problem, predicts which optimizer wins, and races them.",
                   "normdescent");
  program.set_version_flag("--version", std::string("normdescent ") + kVersion);
  program.require_subcommand(1);
  program.get_formatter()->column_width(34);
  Action chosen;
  add_all_commands(program, chosen);
  program.footer("normdescent COMMAND --help lists the options of a command.");

  // CLI11 takes the arguments from the back.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    check_command_name(program, arguments);
    program.parse(reversed);
  } catch (const CLI::Success& help_or_version) {
    return program.exit(help_or_version, session.out, session.err);
  } catch (const CLI::ParseError& error) {
    throw_usage_error(program, error);
  }
  return chosen(session);
}

/// In single quotes where a shell would take it apart.
std::string quoted_for_shell(const std::string& argument) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+.,/:@%";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) return argument;
  std::string out = "'";
  for (const char c : argument) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

int report_failure(Session& session, int code, const std::string& message, const std::string& hint = {}) {
  session.err << "normdescent: " << message << '\n';
  if (!hint.empty()) session.err << "hint: " << hint << '\n';
  return code;
}

}  // namespace

int run_program(std::span<const std::string> arguments, Session& session) {
  session.arguments.assign(arguments.begin(), arguments.end());
  session.command_line = "normdescent";
  for (const auto& argument : arguments) session.command_line += ' ' + quoted_for_shell(argument);
  try {
    const int code = run_chosen(arguments, session);
    session.out.flush();
    if (!session.out) return report_failure(session, kFailed, "could not write to standard output");
    return code;
  } catch (const UserError& error) {
    return report_failure(session, kBadUsage, error.what(), error.hint());
  } catch (const std::invalid_argument& error) {
    return report_failure(session, kBadUsage, error.what());
  } catch (const std::bad_alloc&) {
    return report_failure(session, kFailed, "not enough memory", "a smaller --model, --batch or --context needs less");
  } catch (const std::exception& error) {
    return report_failure(session, kFailed, error.what());
  }
}

}  // namespace normdescent::cli
