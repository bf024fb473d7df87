// Looking at the commands from outside: for completion, man pages and "did you mean".
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace pipelined::cli {

// Those that are shown, in the order in which they were added.
std::vector<const CLI::App*> Commands(const CLI::App& app);
std::vector<std::string> CommandNames(const CLI::App& app);
// By name or alias; hidden ones too. nullptr: there is none.
const CLI::App* FindCommand(const CLI::App& app, const std::string& name);

// Options, and apart from them positionals, that are shown.
std::vector<const CLI::Option*> Options(const CLI::App& app);
std::vector<const CLI::Option*> Positionals(const CLI::App& app);

bool TakesValue(const CLI::Option& option);
// The words that an option or a positional allows; empty when it allows more than a few words.
std::vector<std::string> AllowedWords(const CLI::Option& option);

// A command, and those that it stands in: their options hold for it, too.
struct Place {
  const CLI::App* app;
  std::vector<const CLI::App*> above;

  void Enter(const CLI::App& command);
  std::string Name() const;                                      // "pipectl dags run"
  const CLI::Option* FindOption(const std::string& name) const;  // "--watch", "-p"
  std::vector<std::string> OptionNames() const;                  // long ones, with their dashes
};

}  // namespace pipelined::cli
