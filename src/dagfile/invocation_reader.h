// How processes are started (`stdin`, `shell`, `umask`, `nice`), environments of Python, and commands on other hosts.
#pragma once

#include "dagfile/action_reader.h"
#include "dagfile/document.h"
#include "dagfile/keys.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// One of the keys kStdin, kShell, kUmask and kNice.
void ReadInvocation(Key key, const Entry& entry, Reporter& reporter, Task& task);

// `own` are the task's entries of those keys. What default_args say is meant for the commands among the tasks.
void CheckInvocation(const std::vector<Entry>& own, Reporter& reporter, Task& task);

// Fills task.action.
void ReadPython(const Entry& entry, const TextOfFile& text_of_file, Reporter& reporter, Task& task);
void ReadSsh(const Entry& entry, Reporter& reporter, Task& task);

// Whether values in the script of `task`, which stands at `script`, can be quoted for its shell.
void CheckShell(const Task& task, NodeRef script, Reporter& reporter);

}  // namespace pipelined::dagfile
