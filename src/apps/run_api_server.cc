#include <fmt/format.h>

#include "apps/roles.h"
#include "apps/stop_signals.h"

namespace pipelined::apps {

int RunApiServer(const Settings& settings, const RoleContext& context) {
  StopSignals signals;
  SayReady(context.ready_fd, fmt::format("http://{}:{}", settings.api.host, settings.api.port));
  signals.Wait();
  return 0;
}

}  // namespace pipelined::apps
