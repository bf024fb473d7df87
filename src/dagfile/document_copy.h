// A task template with the values that it was included with: a copy of its document in which whole values
// `"{{ params.table }}"` are replaced by what they stand for, as YAML: a list stays a list, a number a number.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "dagfile/document.h"

namespace pipelined::dagfile {

// What may still be copied for one DAG.
struct CopyBudget {
  std::size_t nodes, text;
};

class DocumentCopy {
 public:
  using Values = std::map<std::string, NodeRef, std::less<>>;

  // Places stay those of `root`, also of what was put in. nullptr: it would take more than `budget`, which it is taken
  // from. `source` must outlive the copy.
  static std::unique_ptr<Document> Make(NodeRef root, const SourceText& source, const Values& values,
                                        CopyBudget& budget);

 private:
  DocumentCopy(Document& copy, const Values& values, CopyBudget& budget)
      : copy_(copy), values_(values), budget_(budget) {}
  std::uint32_t Copy(NodeRef from, const Place& at, bool replace);
  bool Charge(std::size_t text);

  Document& copy_;
  const Values& values_;
  CopyBudget& budget_;
  bool too_large_ = false;
};

// "table" for a text that is `{{ params.table }}` and nothing else.
std::optional<std::string_view> WholeParam(std::string_view text);

}  // namespace pipelined::dagfile
