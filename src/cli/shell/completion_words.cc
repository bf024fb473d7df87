#include <algorithm>

#include "cli/shell/command_tree.h"
#include "cli/shell/completion.h"

namespace pipelined::cli {
namespace {

// What a positional or an option's value names, by what it is called.
Names NamesFor(const std::string& called, std::size_t position) {
  if (called == "DAG" || called == "--dag") return Names::kDags;
  if (called == "RUN") return position == 0 ? Names::kDags : Names::kRuns;
  if (called == "TASK") return position == 0 ? Names::kDags : position == 1 ? Names::kRuns : Names::kTasks;
  if (called == "--task") return Names::kTasks;
  if (called == "POOL" || called == "--pool") return Names::kPools;
  if (called == "KEY") return Names::kVariables;
  if (called == "CONNECTION") return Names::kConnections;
  if (called == "PROFILE" || called == "--profile") return Names::kProfiles;
  if (called == "BACKFILL") return Names::kBackfills;
  if (called == "ASSET") return Names::kAssets;
  for (const char* file :
       {"FILE", "PATH", "DIR", "--file", "--password-file", "--extra-file", "--ca-cert", "--home", "--dags"}) {
    if (called == file) return Names::kFiles;
  }
  return Names::kNone;
}

void ExpectValue(const CLI::Option& option, const std::string& called, std::size_t position, Expected& expected) {
  for (std::string& word : AllowedWords(option)) expected.fixed.push_back({std::move(word), ""});
  if (expected.fixed.empty()) expected.names = NamesFor(called, position);
}

std::string FirstSentence(const std::string& text) {
  return text.substr(0, std::min(text.find(". "), text.find('\n')));
}

void ExpectOptions(const Place& place, Expected& expected) {
  for (const std::string& name : place.OptionNames())
    expected.fixed.push_back({name, FirstSentence(place.FindOption(name)->get_description())});
}

void ExpectPositional(const Place& place, Expected& expected) {
  std::size_t before = expected.positionals.size();
  for (const CLI::Option* option : Positionals(*place.app)) {
    const auto most = static_cast<std::size_t>(std::max(option->get_items_expected_max(), 1));
    if (before < most) return ExpectValue(*option, option->get_single_name(), before, expected);
    before -= most;
  }
}

void Note(GlobalOptions& global, const std::string& option, const std::string& value) {
  if (option == "--url") global.url = value;
  if (option == "--token") global.token = value;
  if (option == "--home") global.home = value;
  if (option == "--profile") global.profile = value;
  if (option == "--ca-cert") global.ca_cert = value;
}

}  // namespace

Expected ExpectNext(const CLI::App& app, const std::vector<std::string>& words) {
  Expected expected;
  if (!words.empty()) expected.typed = words.back();
  Place place{&app, {}};
  const CLI::Option* open = nullptr;  // an option that wants a value
  std::string open_name;
  for (std::size_t at = 0; at + 1 < words.size(); ++at) {
    const std::string& word = words[at];
    if (open != nullptr) {
      Note(expected.global, open_name, word);
      open = nullptr;
    } else if (word.size() > 1 && word[0] == '-') {
      const std::size_t equals = word.find('=');
      open_name = word.substr(0, equals);
      const CLI::Option* option = place.FindOption(open_name);
      if (equals != std::string::npos) Note(expected.global, open_name, word.substr(equals + 1));
      if (option != nullptr && TakesValue(*option) && equals == std::string::npos) open = option;
    } else if (const CLI::App* next = FindCommand(*place.app, word); next != nullptr) {
      place.Enter(*next);
    } else if (!Commands(*place.app).empty()) {
      return expected;  // a command that does not exist: nothing is known of what follows
    } else {
      expected.positionals.push_back(word);
    }
  }
  if (open != nullptr) {
    ExpectValue(*open, open_name, 0, expected);
  } else if (expected.typed.starts_with("-")) {
    ExpectOptions(place, expected);
  } else if (const auto commands = Commands(*place.app); !commands.empty()) {
    for (const CLI::App* command : commands)
      expected.fixed.push_back({command->get_name(), FirstSentence(command->get_description())});
  } else {
    ExpectPositional(place, expected);
  }
  return expected;
}

std::vector<std::string> ShellWords(const std::string& line) {
  std::vector<std::string> words(1);
  char quote = 0;
  bool begun = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        words.back() += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      begun = true;
    } else if (c == '\\' && at + 1 < line.size()) {
      words.back() += line[++at];
      begun = true;
    } else if (c == ' ' || c == '\t') {
      if (begun) words.emplace_back();
      begun = false;
    } else {
      words.back() += c;
      begun = true;
    }
  }
  return words;
}

}  // namespace pipelined::cli
