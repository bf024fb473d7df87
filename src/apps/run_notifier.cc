#include <fmt/format.h>
#include <unistd.h>

#include "apps/exit_code.h"
#include "apps/home.h"
#include "apps/roles.h"
#include "apps/stop_signals.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"
#include "pipelined/notify/notifier.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"

namespace pipelined::apps {
namespace {

// What people call the API server: as it is set, else as the standalone of this home said, else where it would listen.
std::string BaseUrl(const Settings::Api& api, const std::string& home) {
  std::string url = api.public_url;
  if (const auto running = url.empty() ? FindRunning(home) : std::nullopt) url = running->url;
  if (url.empty()) url = fmt::format("{}://{}:{}", api.tls_cert.empty() ? "http" : "https", api.host, api.port);
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

int RunNotifier(const Settings& settings, const RoleContext& context) {
  StopSignals signals;  // before every thread
  StoreOptions where;
  where.url = context.database_url;
  if (const Result<SchemaState> schema = CheckMigrations(where); !schema) return Report(schema.error());
  Result<std::string> installation = InstallationId(where);
  if (!installation) return Report(installation.error());

  const std::unique_ptr<Outbox> outbox = MakePgOutbox(where);
  notify::NotifierOptions options;
  options.channels = settings.alerts.channels;
  options.look_up = [variables = context.variables](const ChannelSettings& channel) {
    return LookUpChannel(channel, variables);
  };
  options.installation = std::move(*installation);
  options.base_url = [&settings, &context] { return BaseUrl(settings.api, context.home); };
  notify::Notifier notifier(std::move(options), *outbox, SystemClock());
  signals.OnSignal([&] { notifier.Stop(); });
  log::Info("{} channels", settings.alerts.channels.size());
  SayReady(context.ready_fd, "notifying");
  const bool idle = notifier.Run();
  signals.Forget();
  if (idle) return kDone;
  log::Warning("something is still being sent; it is sent again after the next start");
  _exit(kDone);  // its thread is not to be waited for
}

}  // namespace pipelined::apps
