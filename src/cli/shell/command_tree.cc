#include "cli/shell/command_tree.h"

#include <algorithm>

namespace pipelined::cli {

std::vector<const CLI::App*> Commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : Commands(app)) names.push_back(command->get_name());
  return names;
}

const CLI::App* FindCommand(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::vector<std::string>& aliases = command->get_aliases();
    if (command->get_name() == name || std::find(aliases.begin(), aliases.end(), name) != aliases.end()) return command;
  }
  return nullptr;
}

std::vector<const CLI::Option*> Options(const CLI::App& app) {
  return app.get_options(
      [](const CLI::Option* option) { return option->nonpositional() && !option->get_group().empty(); });
}

std::vector<const CLI::Option*> Positionals(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

bool TakesValue(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

std::vector<std::string> AllowedWords(const CLI::Option& option) {
  const std::string type = option.get_type_name();  // "TEXT:{table,json,yaml,plain}"
  const std::size_t open = type.find('{'), close = type.rfind('}');
  std::vector<std::string> words;
  if (open == std::string::npos || close == std::string::npos) return words;
  std::string word;
  for (const char c : type.substr(open + 1, close - open - 1) + ",") {
    if (c != ',') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

void Place::Enter(const CLI::App& command) {
  above.push_back(app);
  app = &command;
}

std::string Place::Name() const {
  std::string name;
  for (const CLI::App* outer : above) name += outer->get_name() + " ";
  return name + app->get_name();
}

const CLI::Option* Place::FindOption(const std::string& name) const {
  if (const CLI::Option* own = app->get_option_no_throw(name)) return own;
  for (auto outer = above.rbegin(); outer != above.rend(); ++outer) {
    if (const CLI::Option* option = (*outer)->get_option_no_throw(name)) return option;
  }
  return nullptr;
}

std::vector<std::string> Place::OptionNames() const {
  std::vector<std::string> names;
  const auto add = [&](const CLI::App& from) {
    for (const CLI::Option* option : Options(from)) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  };
  add(*app);
  for (auto outer = above.rbegin(); outer != above.rend(); ++outer) add(**outer);
  std::vector<std::string> once;
  for (std::string& name : names) {
    if (std::find(once.begin(), once.end(), name) == once.end()) once.push_back(std::move(name));
  }
  return once;
}

}  // namespace pipelined::cli
