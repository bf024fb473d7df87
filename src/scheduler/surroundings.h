// What a command of a task runs in, whether it is the task itself or what its sensor asks: with what an instance of a
// mapped task has in place of the task's own.
#pragma once

#include <string>
#include <vector>

#include "pipelined/scheduler/launch.h"
#include "scheduler/try_templates.h"

namespace pipelined {

// In place of another of this name.
void SetVariable(Env& env, const std::string& name, std::string value);

// kInvalid of all of them: a template cannot be rendered; the message names the place.

// `inherited`, with what every try is told and the task's own variables on top of it.
Result<Env> EnvironmentOf(const Task& task, const TryTemplates& templates, const Env& inherited,
                          Secrets secrets = Secrets::kRefused);
Result<std::string> WorkingDirOf(const Task& task, const TryTemplates& templates);  // absolute

// Its standard input, umask and niceness, into `start`.
Status TakeInvocation(const Task& task, const TryTemplates& templates, AttemptStart& start);

// The words of its action, rendered. Every user of the machine can read those of a process: only a script may be made
// from a secret, and then must not be among them.
struct CommandWords {
  std::vector<std::string> words;
  bool secret = false;
};
Result<CommandWords> WordsOf(const Task& task, const TryTemplates& templates);

}  // namespace pipelined
