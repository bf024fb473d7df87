// pipectl completion bash|zsh|fish: scripts made from the commands themselves, so that they cannot fall behind.
#include <fmt/format.h>

#include <map>

#include "cli/commands.h"

namespace pipelined::cli {
namespace {

// "dags run" -> its subcommands and options.
void Collect(const CLI::App& app, const std::string& path, std::map<std::string, std::vector<std::string>>& words) {
  std::vector<std::string>& here = words[path];
  for (const CLI::App* sub : app.get_subcommands({})) {
    here.push_back(sub->get_name());
    Collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), words);
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) here.push_back("--" + name);
  }
}

std::string Bash(const std::map<std::string, std::vector<std::string>>& words) {
  std::string cases;
  for (const auto& [path, list] : words)
    cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, fmt::join(list, " "));
  return "_pipectl() {\n"
         "  local path=\"\" word words=\"\" i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=${COMP_WORDS[i]}\n"
         "    [[ $word == -* ]] || path=\"${path:+$path }$word\"\n"
         "  done\n"
         "  while :; do\n"
         "    case \"$path\" in\n" +
         cases +
         "    *) [[ $path == *\" \"* ]] && { path=${path% *}; continue; } ;;\n"
         "    esac\n"
         "    break\n"
         "  done\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _pipectl pipectl\n";
}

std::string Zsh(const std::map<std::string, std::vector<std::string>>& words) {
  return "#compdef pipectl\nautoload -U +X bashcompinit && bashcompinit\n" + Bash(words);
}

std::string Fish(const std::map<std::string, std::vector<std::string>>& words) {
  std::string text = "complete -c pipectl -f\n";
  for (const auto& [path, list] : words) {
    const std::string condition =
        path.empty() ? "__fish_use_subcommand"
                     : fmt::format("string match -q -- '{}*' (string join ' ' (commandline -opc)[2..-1])", path);
    for (const std::string& word : list) {
      text += word.starts_with("--") ? fmt::format("complete -c pipectl -n \"{}\" -l {}\n", condition, word.substr(2))
                                     : fmt::format("complete -c pipectl -n \"{}\" -a {}\n", condition, word);
    }
  }
  return text;
}

}  // namespace

void AddCompletionCommand(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* command =
      AddCommand(app, "completion", "Print a completion script for a shell", "source <(pipectl completion bash)");
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, shell] {
    std::map<std::string, std::vector<std::string>> words;
    Collect(app, "", words);
    fmt::print("{}", *shell == "fish" ? Fish(words) : *shell == "zsh" ? Zsh(words) : Bash(words));
  });
}

}  // namespace pipelined::cli
