#include "cli/shell/misspelt.h"

#include <fmt/format.h>

#include "cli/shell/command_tree.h"
#include "pipelined/base/near_match.h"

namespace pipelined::cli {
namespace {

std::string Remedy(const std::string& word, const std::vector<std::string>& known, const std::string& help) {
  const auto near = NearMatch(word, std::vector<std::string_view>(known.begin(), known.end()));
  return near ? fmt::format("did you mean \"{}\"?", *near) : help;
}

}  // namespace

std::optional<Error> FindMisspelt(const CLI::App& app, const std::vector<std::string>& words) {
  Place place{&app, {}};
  for (std::size_t at = 0; at < words.size() && words[at] != "--"; ++at) {
    const std::string& word = words[at];
    if (word.starts_with("--")) {
      const std::string name = word.substr(0, word.find('='));
      const CLI::Option* option = place.FindOption(name);
      if (option == nullptr)
        return Error{ErrorCode::kInvalid, fmt::format("{} has no option {}", place.Name(), name),
                     Remedy(name, place.OptionNames(), fmt::format("see: {} --help", place.Name()))};
      if (TakesValue(*option) && name == word) ++at;
    } else if (word.size() > 1 && word[0] == '-') {
      const CLI::Option* option = place.FindOption(word.substr(0, 2));
      if (option != nullptr && word.size() == 2 && TakesValue(*option)) ++at;
    } else if (const std::vector<std::string> commands = CommandNames(*place.app); !commands.empty()) {
      const CLI::App* next = FindCommand(*place.app, word);
      if (next == nullptr)
        return Error{ErrorCode::kInvalid, fmt::format("{} has no command \"{}\"", place.Name(), word),
                     Remedy(word, commands, fmt::format("there are: {}", fmt::join(commands, ", ")))};
      place.Enter(*next);
    }
  }
  return std::nullopt;
}

}  // namespace pipelined::cli
