// What decides the way of a run: conditions, branches, exit codes that skip, setups and teardowns.
#pragma once

#include <optional>
#include <vector>

#include "dagfile/document.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// A template, or true or false as it is written.
bool ReadCondition(const Entry& entry, Reporter& reporter, std::string& out);
// One text, or a list of them: ids, or templates that give some.
void ReadBranch(const Entry& entry, Reporter& reporter, Task& task);
// A condition, or {condition, ignore_downstream_trigger_rules}.
void ReadShortCircuit(const Entry& entry, Reporter& reporter, Task& task);
// One code, a list of them, or null for none.
void ReadSkipExitCodes(const Entry& entry, Reporter& reporter, std::vector<int>& out);

// {until, delay, max}.
void ReadRepeat(const Entry& entry, Reporter& reporter, Repeat& out);
// Only a command can be repeated.
void CheckRepeat(const Entry& entry, Reporter& reporter, const Task& task);

// Keys that only make sense together, as they stand at the task itself.
struct RoleEntries {
  std::optional<Entry> trigger_rule, teardown, on_failure_fail_dagrun;
};
// Reports keys that contradict each other; gives a teardown its trigger rule.
void CheckRole(const RoleEntries& entries, Reporter& reporter, Task& task);

}  // namespace pipelined::dagfile
