#include "apps/roles.h"
#include "apps/stop_signals.h"

namespace pipelined::apps {

int RunScheduler(const Settings&, const RoleContext& context) {
  StopSignals signals;
  SayReady(context.ready_fd, "loading");
  signals.Wait();
  return 0;
}

}  // namespace pipelined::apps
