// What may come next on a command line that is being typed.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/session/session.h"

namespace pipelined::cli {

enum class Names {
  kNone,
  kFiles,
  kDags,
  kRuns,
  kTasks,
  kPools,
  kVariables,
  kConnections,
  kProfiles,
  kBackfills,
  kAssets
};

struct Candidate {
  std::string word, meaning;
};

struct Expected {
  std::vector<Candidate> fixed;          // commands, options, the words that an option allows
  Names names = Names::kNone;            // what only a server, or the disk, knows
  std::vector<std::string> positionals;  // of the command, before the word that is typed: a DAG, a run
  std::string typed;                     // the word that is typed, as far as it is there
  GlobalOptions global;                  // as far as they were given
};

// `words` is without the program's name; its last word is the one that is typed, perhaps empty. No I/O.
Expected ExpectNext(const CLI::App& app, const std::vector<std::string>& words);

// The names that a server knows, at most a screenful or two; nothing when there is none.
std::vector<std::string> LiveNames(const Expected& expected);

// "pipectl dags run 'my dag" -> {"pipectl", "dags", "run", "my dag"}: blanks, quotes and backslashes as in a shell. The
// last word is empty after a blank.
std::vector<std::string> ShellWords(const std::string& line);

// The hidden command `pipectl __complete SHELL WORD…` (bash: the line as one word) that completion scripts call: a
// candidate per line, or ":files" when file names are wanted. Always 0: whoever types is not to be disturbed.
int RunComplete(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace pipelined::cli
