// What is wrong with a DAG file, and where. Loading reports all of them at once.
#pragma once

#include <string>
#include <vector>

namespace pipelined {

enum class Severity : unsigned char { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string code;         // stable: "DAG017"; the list is in docs/dag-files.md
  std::string message;      // one sentence, with the offending word in quotes
  std::string file;         // as it is to be shown
  int line = 0;             // from 1; 0: the file as a whole
  int column = 0;           // from 1
  int length = 1;           // characters to underline
  std::string source_line;  // the line as it stands in the file
  std::string hint;         // what to do; may be empty

  // Of a mistake in a task template: where it was included, the nearest first.
  struct IncludedAt {
    std::string id, file;
    int line = 0, column = 0;
  };
  std::vector<IncludedAt> included_at;
};

bool HasErrors(const std::vector<Diagnostic>& diagnostics);

// As a compiler would print it: place, code, message, the line with a caret, the hint.
std::string Format(const Diagnostic& diagnostic);
std::string Format(const std::vector<Diagnostic>& diagnostics);

}  // namespace pipelined
