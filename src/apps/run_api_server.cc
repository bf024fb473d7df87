#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "apps/build_info.h"
#include "apps/exit_code.h"
#include "apps/home.h"
#include "apps/roles.h"
#include "apps/scheduler_metrics.h"
#include "apps/stop_signals.h"
#include "pipelined/api/server.h"
#include "pipelined/base/log.h"
#include "pipelined/dagfile/load.h"
#include "pipelined/oidc/provider.h"
#include "pipelined/secrets/home_keys.h"
#include "pipelined/secrets/home_secrets.h"
#include "pipelined/simulation/simulator.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace pipelined::apps {
namespace {

std::string InLowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return text;
}

// nullptr: none is set.
Result<std::shared_ptr<oidc::Provider>> MakeProvider(const Settings::Auth& settings, const RoleContext& context) {
  if (settings.oidc_issuer.empty()) return std::shared_ptr<oidc::Provider>();
  oidc::ProviderOptions options;
  options.issuer = settings.oidc_issuer;
  options.client_id = settings.oidc_client_id;
  options.client_secret = settings.oidc_client_secret;
  options.scopes = settings.oidc_scopes;
  options.groups_claim = settings.oidc_groups_claim;
  options.ca_file = InHome(context.home, settings.oidc_ca_file);
  if (!options.ca_file.empty() && !std::filesystem::is_regular_file(options.ca_file))
    return Error{ErrorCode::kInvalid, "auth.oidc_ca_file: there is no file " + options.ca_file, ""};
  return oidc::Provider::Make(std::move(options), SystemClock());
}

api::Limits MakeLimits(const Settings::Api& settings) {
  api::Limits limits;
  limits.max_url = static_cast<std::size_t>(settings.max_url);
  limits.max_header = static_cast<std::size_t>(settings.max_header);
  limits.max_body = static_cast<std::size_t>(settings.max_body);
  limits.max_bodies = static_cast<std::size_t>(settings.max_bodies);
  limits.connections = static_cast<std::size_t>(settings.max_connections);
  limits.connections_per_address = static_cast<std::size_t>(settings.max_connections_per_address);
  limits.idle_timeout = settings.idle_timeout;
  limits.header_timeout = settings.header_timeout;
  limits.body_timeout = settings.body_timeout;
  limits.write_timeout = settings.write_timeout;
  limits.drain_timeout = settings.drain_timeout;
  return limits;
}

api::ApiOptions MakeOptions(const Settings& settings, const RoleContext& context, const ZoneSource& zones) {
  api::ApiOptions options;
  options.host = settings.api.host;
  options.port = static_cast<std::uint16_t>(settings.api.port);
  options.threads = static_cast<int>(settings.api.threads);
  options.allow_insecure = settings.api.allow_insecure;
  options.tls_cert = InHome(context.home, settings.api.tls_cert);
  options.tls_key = InHome(context.home, settings.api.tls_key);
  options.socket = InHome(context.home, settings.api.socket);
  options.limits = MakeLimits(settings.api);
  options.gzip = settings.api.gzip;
  options.cors_origins = settings.api.cors_origins;
  options.access_log = api::AccessLogFromString(settings.api.access_log);
  options.test_connections = settings.core.test_connection == "enabled";
  options.token_lifetime = settings.auth.token_lifetime;
  options.session_idle = settings.auth.session_idle;
  options.session_lifetime = settings.auth.session_lifetime;
  options.public_url = settings.api.public_url;
  options.trusted_proxies = settings.api.trusted_proxies;
  options.allowed_hosts = settings.api.allowed_hosts;
  options.always_secure = settings.auth.secure_cookies == "always";
  options.proxy_user_header = InLowerCase(settings.auth.proxy_user_header);
  options.oidc_roles = settings.auth.oidc_roles;
  options.shortest_password = static_cast<std::size_t>(settings.auth.min_password_length);
  options.logs_dir = context.home + "/logs";
  options.scheduler_metrics = SchedulerMetricsFile(context.home);
  options.metrics_token = settings.metrics.token;
  options.max_streams = static_cast<int>(settings.api.max_streams);
  options.max_streams_per_user = static_cast<int>(settings.api.max_streams_per_user);
  options.expose_config = settings.api.expose_config;
  for (const EffectiveSetting& setting : context.effective) {
    const std::size_t dot = setting.name.find('.');
    options.settings.push_back({setting.name.substr(0, dot), setting.name.substr(dot + 1), setting.value});
  }
  options.version = PIPELINED_VERSION;
  options.git_version = PIPELINED_COMMIT;
  options.load_dag = [&zones](const DagSource& source) { return ParseSource(source, zones); };
  options.simulator = MakeSimulator(zones);
  options.make_timetable = [&zones](const Schedule& schedule) { return MakeTimetable(schedule, zones); };
  return options;
}

// The keys of variables and connections. Rows of other keys stay closed, which is worth a warning and no reason not to
// serve.
Result<std::shared_ptr<const secrets::KeyRing>> MakeKeys(const Settings& settings, const RoleContext& context,
                                                         Vault& vault) {
  Result<secrets::KeyRing> keys = secrets::EnsureKeys(context.home, settings.core.encryption_keys, vault);
  if (!keys) return keys.error();
  const auto used = vault.KeysInUse();
  if (!used) return used.error();
  for (const auto& [id, rows] : *used) {
    if (!keys->Has(id))
      log::Warning("{} variables and connections are encrypted with the key {}, which is not here", rows, id);
  }
  return std::shared_ptr<const secrets::KeyRing>(std::make_shared<secrets::KeyRing>(*std::move(keys)));
}

void HangUp(api::ApiServer& server, bool tls) {
  if (!tls) return log::Info("SIGHUP: there is no certificate to read again");
  const Status reloaded = server.ReloadTls();
  if (reloaded) log::Info("the TLS certificate was read again");
  if (!reloaded) log::Error("{}; the one of before stays in use", reloaded.error().message);
}

}  // namespace

int RunApiServer(const Settings& settings, const RoleContext& context) {
  const StopSignals signals;  // before the server's threads
  StoreOptions store;
  store.url = context.database_url;
  store.catalog_connections = static_cast<int>(settings.database.pool_size);
  if (const Result<SchemaState> schema = CheckMigrations(store); !schema) return Report(schema.error());
  Result<std::string> token = secrets::EnsureLocalToken(context.home);
  if (!token) return Report(token.error());

  const SystemZones zones;
  const std::unique_ptr<Catalog> catalog = MakePgCatalog(store);
  // With a database of one's own this role may be the first to come.
  const Result<bool> admin = secrets::EnsureAdmin(*catalog, context.home);
  if (!admin) return Report(admin.error());
  if (*admin) log::Info("the user admin was made; its password is in {}", secrets::AdminPasswordFile(context.home));
  api::ApiOptions options = MakeOptions(settings, context, zones);
  options.local_token = std::move(*token);
  Result<std::shared_ptr<const secrets::KeyRing>> keys = MakeKeys(settings, context, catalog->vault());
  if (!keys) return Report(keys.error());
  options.keys = *std::move(keys);
  Result<std::shared_ptr<oidc::Provider>> provider = MakeProvider(settings.auth, context);
  if (!provider) return Report(provider.error());
  options.oidc = *std::move(provider);
  Result<std::unique_ptr<api::ApiServer>> server = api::ApiServer::Start(*catalog, std::move(options));
  if (!server) return Report(server.error());
  log::Info("serving {}", (*server)->url());
  SayReady(context.ready_fd, (*server)->url());
  const bool tls = !settings.api.tls_cert.empty();
  while (signals.Wait(), signals.Take() == SIGHUP && (tls || !StopSignals::HangUpEnds())) HangUp(**server, tls);
  (*server)->Stop();
  return kDone;
}

}  // namespace pipelined::apps
