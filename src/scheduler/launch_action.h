// From a worker action to what the worker is told: templates rendered each as its place asks for, its connection looked
// up, paths absolute.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelined/scheduler/launch.h"
#include "scheduler/try_templates.h"

namespace pipelined {

// {"http": {…}}, its connection by its id. `kind`: "http", "sql", "sqlite" or "mail"; `place`: what errors call it;
// `spec`: as Action::spec has it. kInvalid: a template cannot be rendered, or a value cannot stand where it stands.
Result<Value> RenderAction(std::string_view kind, std::string_view place, const Value& spec,
                           const TryTemplates& templates, const std::string& working_dir, Secrets secrets);

// The connection itself in place of its id. As late as can be: a new password counts from then on. kNotFound,
// kUnavailable: as `look_up` says.
Result<Value> Connect(Value action, const LookUpConnection& look_up);

// What nobody may see of a connected action, beside `known`; as of SecretMask::Forms().
std::vector<std::string> SecretsOf(const Value& connected, SecretMask known = {});

// All of it, into `start`, with what its log may not show. kInvalid: a template cannot be rendered, or a value cannot
// stand where it stands. kNotFound: there is no such connection. kUnavailable: connections cannot be read now.
Status PrepareAction(const Task& task, const TryTemplates& templates, const std::string& working_dir,
                     const LaunchOptions& options, AttemptStart& start);

}  // namespace pipelined
