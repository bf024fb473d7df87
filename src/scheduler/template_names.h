// The names that the templates of one task ask for, each as it is meant: by the DAG, or by a template that the task
// came with.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>

#include "pipelined/model/dag.h"
#include "pipelined/template/template.h"

namespace pipelined {

// `where`: the inclusion in which a reference stands; nullptr: the DAG.
using VisitReference = std::function<void(const TemplateReference& reference, const Inclusion* where)>;

// Also those in the values that an inclusion was given, as far as the task asks for them.
void ForEachReference(const Task& task, const VisitReference& visit);

// The params of inclusions that the templates of a task ask for.
class IncludedNames {
 public:
  bool Has(const Inclusion& inclusion, const std::string& name) const { return names_.count({&inclusion, name}) > 0; }
  // False: it was there.
  bool Add(const Inclusion& inclusion, const std::string& name) { return names_.emplace(&inclusion, name).second; }

 private:
  std::set<std::pair<const Inclusion*, std::string>> names_;
};
IncludedNames IncludedNamesOf(const Task& task);

}  // namespace pipelined
