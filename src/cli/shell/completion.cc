// pipectl completion bash|zsh|fish: small scripts that ask pipectl itself what may come next, so that they know every
// command and every name that the server has, and cannot fall behind.
#include "cli/shell/completion.h"

#include <fmt/format.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "cli/commands.h"

namespace pipelined::cli {
namespace {

// Run ids hold colons, at which bash cuts words: pipectl gets the line, and gives back what comes after the last cut.
constexpr const char* kBash = R"(_pipectl() {
  local IFS=$'\n'
  COMPREPLY=($("${COMP_WORDS[0]}" __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
  if [[ ${COMPREPLY[0]} == ":files" ]]; then
    COMPREPLY=()
    compopt -o default 2>/dev/null
  fi
}
complete -F _pipectl pipectl
)";

constexpr const char* kZsh = R"(#compdef pipectl
_pipectl() {
  local -a found
  found=("${(@f)$("${words[1]}" __complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ $found[1] == ":files" ]]; then
    _files
  elif [[ -n $found[1] ]]; then
    compadd -- "${found[@]}"
  fi
}
if [[ $funcstack[1] == _pipectl ]]; then
  _pipectl "$@"
else
  compdef _pipectl pipectl
fi
)";

constexpr const char* kFish = R"fish(function __pipectl_complete
  set -l words (commandline -opc)
  set -l typed (commandline -ct)
  set -l found ($words[1] __complete fish $words[2..-1] "$typed" 2>/dev/null)
  if test "$found[1]" = ":files"
    __fish_complete_path "$typed"
  else
    string join -- \n $found
  end
end
complete -c pipectl -f -a "(__pipectl_complete)"
)fish";

// What a shell would have to quote is left out: a completion that changes meaning is worse than none.
bool IsSafe(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c >= 0x80 ||
           std::string_view("_-.:+@/%,=~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// Whoever types is not to wait: after this time the program ends, as if there were no names. A slow line may need more.
void LimitPatience() {
  const char* const set = std::getenv("PIPELINED_COMPLETION_MS");
  const int millis = set == nullptr ? 150 : std::clamp(std::atoi(set), 1, 60'000);
  const itimerval patience{{0, 0}, {millis / 1000, millis % 1000 * 1000}};
  std::signal(SIGALRM, [](int) { _exit(Exit::kDone); });
  setitimer(ITIMER_REAL, &patience, nullptr);
}

// Where bash has cut the word that is typed.
std::size_t CutAt(const std::string& typed) {
  const std::size_t last = typed.find_last_of(":=");
  return last == std::string::npos ? 0 : last + 1;
}

void Print(const std::string& shell, const Expected& expected, const Candidate& candidate) {
  if (!candidate.word.starts_with(expected.typed) || !IsSafe(candidate.word)) return;
  if (shell == "bash") {
    fmt::print("{}\n", candidate.word.substr(CutAt(expected.typed)));
  } else if (shell == "fish" && !candidate.meaning.empty()) {
    fmt::print("{}\t{}\n", candidate.word, candidate.meaning);
  } else {
    fmt::print("{}\n", candidate.word);
  }
}

}  // namespace

int RunComplete(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.size() < 2) return Exit::kDone;
  const std::string& shell = words.front();
  std::vector<std::string> line(words.begin() + 1, words.end());
  if (shell == "bash") {
    line = ShellWords(line.front());
    line.erase(line.begin());  // the program
    if (line.empty()) return Exit::kDone;
  }
  const Expected expected = ExpectNext(app, line);
  if (expected.names == Names::kFiles) {
    fmt::print(":files\n");
    return Exit::kDone;
  }
  for (const Candidate& candidate : expected.fixed) Print(shell, expected, candidate);
  if (expected.names != Names::kNone) {
    std::fflush(stdout);
    LimitPatience();
    for (const std::string& name : LiveNames(expected)) Print(shell, expected, {name, ""});
  }
  return Exit::kDone;
}

void AddCompletionCommand(CLI::App& app, Program&) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* command = AddCommand(app, "completion", "Print a completion script for a shell; it knows live names, too",
                                 "source <(pipectl completion bash)\n"
                                 "  pipectl completion zsh > ~/.zfunc/_pipectl\n"
                                 "  pipectl completion fish > ~/.config/fish/completions/pipectl.fish");
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell] { fmt::print("{}", *shell == "fish" ? kFish : *shell == "zsh" ? kZsh : kBash); });
}

}  // namespace pipelined::cli
