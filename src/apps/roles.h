// The roles of the server side. Each is a process of its own; `standalone` starts the others as its children.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipelined/config/settings.h"

namespace pipelined::apps {

// What a role is started with besides its settings.
struct RoleContext {
  std::string home;  // absolute, prepared
  std::string database_url;
  bool stop_tasks = false;                       // scheduler: a stop ends the tasks in flight first
  int ready_fd = -1;                             // where to say once that the role is at work; -1: nobody asks
  std::vector<EffectiveSetting> effective = {};  // what the API may show
  // notifier: the environment, which channels may refer to
  std::vector<std::pair<std::string, std::string>> variables = {};
};

// Each runs until SIGTERM or SIGINT and answers the exit code. All need a migrated database.
int RunScheduler(const Settings& settings, const RoleContext& context);
int RunApiServer(const Settings& settings, const RoleContext& context);
int RunNotifier(const Settings& settings, const RoleContext& context);

struct StandaloneOptions {
  std::string home;
  std::string environment;                                        // --env
  std::vector<std::pair<std::string, std::string>> command_line;  // settings given there, passed on to the roles
  bool stop_tasks = false;
};

int RunStandalone(const Settings& settings, const StandaloneOptions& options);

// Tells whoever waits on `ready_fd` (the scheduler: "loading"; the API: its URL). Once: the descriptor is closed.
void SayReady(int ready_fd, const std::string& what);

}  // namespace pipelined::apps
