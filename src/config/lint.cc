#include "pipelined/config/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace pipelined {
namespace {

bool HasWord(const std::string& text, std::string_view word) {
  std::istringstream words(text);
  for (std::string each; words >> each;) {
    if (each == word) return true;
  }
  return false;
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// The host of a connection text of PostgreSQL; empty: a socket on this machine.
std::string HostOf(const std::string& url) {
  if (const std::size_t scheme = url.find("://"); scheme != url.npos) {
    std::string server = url.substr(scheme + 3);
    server = server.substr(0, server.find_first_of("/?"));
    if (const std::size_t at = server.rfind('@'); at != server.npos) server.erase(0, at + 1);
    if (server.starts_with('[')) return server.substr(1, server.find(']') - 1);
    if (server.starts_with('%')) return {};  // "%2Frun%2F…": a folder with a socket
    server = server.substr(0, server.rfind(':'));
    if (!server.empty()) return server;
  }
  for (const std::string_view key : {"host=", "hostaddr="}) {
    const std::size_t at = url.find(key);
    if (at == url.npos) continue;
    std::string host = url.substr(at + key.size());
    host = host.substr(0, host.find_first_of(" &'"));
    return host.starts_with('/') || host.starts_with('%') ? std::string() : host;
  }
  return {};
}

bool AsksForTls(const std::string& url) {
  return url.find("sslmode=require") != url.npos || url.find("sslmode=verify-") != url.npos;
}

class Linter {
 public:
  explicit Linter(const LoadedSettings& loaded) : loaded_(loaded), s_(loaded.settings) {}

  void Everywhere() {
    if (s_.api.tls_cert.empty() != s_.api.tls_key.empty())
      Find("CFG101", s_.api.tls_cert.empty() ? "api.tls_key" : "api.tls_cert",
           "api.tls_cert and api.tls_key go together: set both or neither");
    if (!IsLoopback(s_.api.host) && !HasTls() && !s_.api.allow_insecure)
      Find("CFG102", "api.host",
           "the API does not start on this address without TLS: set api.tls_cert and api.tls_key, or keep 127.0.0.1");
    if (s_.auth.session_idle > s_.auth.session_lifetime)
      Find("CFG103", "auth.session_idle",
           fmt::format("{} is longer than auth.session_lifetime ({}): it never counts",
                       FormatDuration(s_.auth.session_idle), FormatDuration(s_.auth.session_lifetime)));
    if (s_.api.max_connections_per_address > s_.api.max_connections)
      Find("CFG104", "api.max_connections_per_address",
           fmt::format("{} is more than api.max_connections ({}): it never counts", s_.api.max_connections_per_address,
                       s_.api.max_connections));
  }

  void Production() {
    if (s_.api.allow_insecure && !HasTls())
      Find("CFG201", "api.allow_insecure",
           "passwords and tokens may be read on the way: set api.tls_cert and api.tls_key, or put a proxy with TLS "
           "before the loopback");
    if (HasWord(s_.api.cors_origins, "*"))
      Find("CFG202", "api.cors_origins", "web pages of everybody may read answers: name the origins");
    if (HasWord(s_.api.allowed_hosts, "*"))
      Find("CFG203", "api.allowed_hosts", "any Host header is answered: name the hosts");
    for (const char* everybody : {"0.0.0.0/0", "::/0"}) {
      if (!HasWord(s_.api.trusted_proxies, everybody)) continue;
      Find("CFG204", "api.trusted_proxies", fmt::format("{} trusts everybody: name the proxies", everybody));
    }
    if (s_.core.test_connection == "enabled")
      Find("CFG205", "core.test_connection",
           "callers of the API may make this server connect to hosts that they choose: set it to disabled");
    if (s_.auth.oidc_issuer.starts_with("http://"))
      Find("CFG206", "auth.oidc_issuer", "the provider's answers may be changed on the way: use https://");
    const std::string host = HostOf(s_.database.url);
    if (!host.empty() && !IsLoopback(host) && !AsksForTls(s_.database.url))
      Find("CFG207", "database.url",
           fmt::format("what goes to {} may be read on the way: add sslmode=verify-full (at least require)", host));
    if (s_.logging.level == "debug")
      Find("CFG208", "logging.level", "debug says more than production needs, and slows it: use info");
    if (s_.auth.token_lifetime > std::chrono::days(30))
      Find("CFG209", "auth.token_lifetime",
           fmt::format("a token that was stolen is good for {}: 24h is usual, 30d the most that passes here",
                       FormatDuration(s_.auth.token_lifetime)));
    for (const EffectiveSetting& setting : loaded_.effective) WrittenOut(setting);
    for (const ChannelSettings& channel : s_.alerts.channels) InTheClear(channel);
  }

  std::vector<LintFinding> Take() { return std::move(findings_); }

 private:
  bool HasTls() const { return !s_.api.tls_cert.empty() && !s_.api.tls_key.empty(); }

  // A secret in a settings file, or in the list of processes.
  void WrittenOut(const EffectiveSetting& setting) {
    static constexpr std::string_view kVariable = "PIPELINED__";
    const bool secret = setting.value.find("***") != setting.value.npos;
    if (!secret || setting.by_reference || setting.origin.starts_with(kVariable) || IsChannel(setting.name)) return;
    Find("CFG210", setting.name, "a secret is written out: say ${file:PATH}, ${env:NAME} or {command: PROGRAM}");
  }
  static bool IsChannel(const std::string& name) { return name.starts_with("alerts."); }  // those are refused anyway

  // A channel that has something to hide, and does not encrypt it. Of Slack that is the URL.
  void InTheClear(const ChannelSettings& channel) {
    const bool mail = channel.url.starts_with("smtp://") && channel.tls == "none" && !channel.password.empty();
    const bool web = channel.url.starts_with("http://") &&
                     (!channel.token.empty() || !channel.secret.empty() || channel.type == "slack");
    const std::string host = HostOf(channel.url);
    if ((!mail && !web) || IsLoopback(host)) return;
    Find("CFG211", fmt::format("alerts.channels.{}.{}", channel.name, mail ? "tls" : "url"),
         fmt::format("what goes to {} may be read on the way: {}", host,
                     mail ? "leave tls at required, or use smtps://" : "use https://"));
  }

  void Find(const char* code, std::string_view name, std::string what) {
    const auto at = std::find_if(loaded_.effective.begin(), loaded_.effective.end(),
                                 [&](const EffectiveSetting& setting) { return setting.name == name; });
    findings_.push_back(
        {code, at == loaded_.effective.end() ? "default" : at->origin, std::string(name), std::move(what)});
  }

  const LoadedSettings& loaded_;
  const Settings& s_;
  std::vector<LintFinding> findings_;
};

}  // namespace

std::vector<LintFinding> LintSettings(const LoadedSettings& loaded, const std::string& environment) {
  Linter linter(loaded);
  linter.Everywhere();
  if (environment == "production") linter.Production();
  return linter.Take();
}

}  // namespace pipelined
