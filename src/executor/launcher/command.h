// The command of an attempt: unpacked from its frame, and brought into being.
#pragma once

#include <sys/types.h>

#include "executor/launcher/context.h"
#include "executor/record.h"
#include "executor/wire.h"

namespace pipelined::executor {

// Points into the frame.
struct Command {
  const StartFrame* frame = nullptr;
  const std::uint32_t* groups = nullptr;
  const char* folder = nullptr;
  const char* log_path = nullptr;
  const char* input_path = nullptr;
  const char* input = nullptr;  // frame->input_size bytes
  char** argv = nullptr;
  char** envp = nullptr;
  const char* path = nullptr;     // the value of PATH in envp
  const char* secrets = nullptr;  // frame->secrets texts, one behind the other
  char* pointers[256];            // room for the usual argv and envp; more are allocated
};

// False: the frame is broken or memory is short.
bool Unpack(const StartFrame* frame, Command* command);

struct Spawned {
  pid_t pid = 0;  // 0: no process came into being, and the two below say why
  SpawnStage stage = SpawnStage::kNone;
  int error = 0;
};

// vfork + exec with stdin from where the frame says, stdout and stderr into `output_fd`, nothing else open, its own
// process group, all signals at their defaults, dying with this process. `cgroup_procs_fd`: cgroup.procs of the
// attempt's cgroup, or -1.
Spawned Spawn(const Command& command, const Context& context, int output_fd, int cgroup_procs_fd);

}  // namespace pipelined::executor
