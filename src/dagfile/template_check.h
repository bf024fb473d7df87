// Names in templates that can be known to be wrong when the file is loaded, each shown where it stands in the YAML.
#pragma once

#include <string_view>
#include <vector>

#include "dagfile/action_reader.h"
#include "dagfile/document.h"
#include "dagfile/group_reader.h"
#include "dagfile/include_reader.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// `tasks`: what each task of `dag`, linked by now, was read from. `inherited`: `env` mappings and conditions that hold
// for many tasks; a name in them may be right for one task and wrong for another, so only their syntax is checked.
// `limits`: `concurrency` and `rate` that hold for many tasks.
void CheckTemplates(const Dag& dag, const std::vector<NodeRef>& tasks, const std::vector<NodeRef>& inherited,
                    const std::vector<NodeRef>& limits, Reporter& reporter);

// Of the values that inclusions are given: each is evaluated where the inclusion stands.
void CheckGivenTemplates(const Dag& dag, const std::vector<IncludedTemplate>& inclusions, Reporter& reporter);

// Of scripts that stand in files of their own.
void CheckScriptFiles(const Dag& dag, const std::vector<ScriptFile>& files, Reporter& reporter);

// Those of what groups are mapped over.
void CheckGroupTemplates(const Dag& dag, const std::vector<GroupEntry>& groups, Reporter& reporter);

// Whether `text` has anything to evaluate, as far as its brackets tell.
bool MayHoldATemplate(std::string_view text);

// Where character `offset` of a scalar's value stands in the file, as near as it can be told.
Place PlaceInside(NodeRef scalar, std::size_t offset, int line, int column, int length);

}  // namespace pipelined::dagfile
