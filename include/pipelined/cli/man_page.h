// Manual pages, made from the definitions that the programs run with, so that they cannot say anything else.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/base/result.h"

namespace CLI {
class App;
}

namespace pipelined {

// Writes roff with the macros of man(7). Text is escaped.
class ManPage {
 public:
  // `date`: "2026-01-31"; `source`: what it comes with, "pipelined 1.0".
  ManPage(std::string_view name, int section, std::string_view date, std::string_view source);

  ManPage& Section(std::string_view title);
  ManPage& Subsection(std::string_view title);
  ManPage& Paragraph(std::string_view text);
  // A term in bold, then what it means.
  ManPage& Term(std::string_view term, std::string_view text);
  ManPage& Literal(std::string_view text);  // as it is, line by line
  ManPage& SeeAlso(const std::vector<std::pair<std::string, int>>& pages);

  const std::string& text() const { return text_; }

 private:
  void Break();

  std::string text_;
  bool fresh_ = false;  // a heading stands right above
};

struct ManFile {
  std::string name;  // "pipectl-runs"
  int section = 1;
  std::string text;
};

struct ManContext {
  std::string date, source;
  std::vector<std::pair<std::string, std::string>> environment;  // variables and what they mean
  std::vector<std::pair<std::string, int>> see_also;
};

// A page for the program; with `pages_for_nouns` one more for each command that has commands.
std::vector<ManFile> ManPagesOf(const CLI::App& program, const ManContext& context, bool pages_for_nouns);

// Today, or what SOURCE_DATE_EPOCH says: "2026-01-31".
std::string ManDate();
// Each below `folder` in man1, man5 …
Status WriteManPages(const std::vector<ManFile>& pages, const std::string& folder);
// On standard output. kNotFound names the nearest one.
Status ShowManPage(const std::vector<ManFile>& pages, const std::string& name);

}  // namespace pipelined
