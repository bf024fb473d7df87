// Collects what is wrong, each with the line it stands in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/dagfile/codes.h"
#include "pipelined/model/diagnostic.h"

namespace pipelined::dagfile {

struct IncludedHere;

// A piece of a file: the text of one document.
struct SourceText {
  std::string shown_as;
  std::string_view text;
  int first_line = 1;                                      // of `text` in its file
  std::shared_ptr<const IncludedHere> included = nullptr;  // of a task template; nullptr: a file of its own
};

struct Place {
  const SourceText* source = nullptr;  // nullptr: the file as a whole
  std::uint32_t line = 0;              // from 0, in source->text
  std::uint32_t column = 0;            // from 0, in bytes
  std::uint32_t length = 1;            // in bytes; 0: of the value that begins there
};

// Where a task template was included, and as what.
struct IncludedHere {
  Place at;
  std::string id;
};

class Reporter {
 public:
  Reporter(std::string file, std::size_t limit) : file_(std::move(file)), limit_(limit) {}

  void Error(Code code, const Place& at, std::string message, std::string hint = {});
  void Warning(Code code, const Place& at, std::string message, std::string hint = {});

  void Add(Diagnostic diagnostic);  // made by another Reporter

  bool full() const { return diagnostics_.size() >= limit_; }  // what comes now is counted, not shown
  std::size_t errors() const { return errors_; }
  // Everything so far, in the order of the file. What several inclusions of one template say alike is said once.
  std::vector<Diagnostic> Take();

 private:
  void Add(Severity severity, Code code, const Place& at, std::string message, std::string hint);
  std::string file_;
  std::size_t limit_;
  std::size_t errors_ = 0, dropped_ = 0;
  std::vector<Diagnostic> diagnostics_;
};

// A value as it is put in a message: in quotes, cut when long.
std::string Quoted(std::string_view text);

// Line number `line` (from 0) of `text`, without its end of line.
std::string_view LineAt(std::string_view text, std::uint32_t line);

}  // namespace pipelined::dagfile
