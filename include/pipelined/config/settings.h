// The settings of the daemons: what they are, where each value came from, and how they are read.
//
// Order, last wins: built-in default, config/<environment>.yaml, <home>/pipelined.yaml, environment variables
// PIPELINED__SECTION__KEY, command line. One table (src/config/setting_table.cc) says name, type, default and meaning
// of each; config/pipelined.yaml in the repository is written from it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pipelined/base/log.h"
#include "pipelined/base/result.h"
#include "pipelined/base/rollout.h"
#include "pipelined/base/time.h"
#include "pipelined/config/channels.h"

namespace pipelined {

struct Settings {
  struct Core {
    std::int64_t parallelism = 0;
    std::int64_t max_map_length = 0;
    std::vector<std::string> dags_folder;  // absolute
    std::string default_timezone;
    std::string encryption_keys;                   // empty: those of the home's secrets/encryption-keys
    std::string test_connection;                   // "disabled", "enabled"
    std::string variables_file, connections_file;  // empty: none; relative: to the home
  } core;
  struct Database {
    std::string url;  // empty: the private cluster of a standalone
    std::int64_t pool_size = 0;
  } database;
  struct Scheduler {
    Micros lease_ttl{0};
    Micros rescan_interval{0};
    Micros aging_after{0};
    std::int64_t aging_every = 0;
  } scheduler;
  struct Executor {
    std::int64_t log_cap = 0;  // bytes per attempt
    Micros grace{0};           // between TERM and KILL
  } executor;
  struct Api {
    std::string host;
    std::int64_t port = 0;  // 0: any free one
    std::int64_t threads = 0;
    bool allow_insecure = false;
    std::string tls_cert, tls_key;                                           // empty: no TLS; relative: to the home
    std::string socket;                                                      // the same
    std::int64_t max_url = 0, max_header = 0, max_body = 0, max_bodies = 0;  // bytes
    std::int64_t max_connections = 0, max_connections_per_address = 0;
    std::int64_t max_streams = 0, max_streams_per_user = 0;
    Micros idle_timeout{0}, header_timeout{0}, body_timeout{0}, write_timeout{0}, drain_timeout{0};
    bool gzip = false;
    bool expose_config = false;
    std::string cors_origins;  // separated by blanks
    std::string access_log;    // a word of api::AccessLog
    std::string public_url, trusted_proxies, allowed_hosts;
  } api;
  struct Auth {
    Micros token_lifetime{0};
    std::int64_t min_password_length = 0;  // characters
    Micros session_idle{0}, session_lifetime{0};
    std::string proxy_user_header;
    std::string secure_cookies;  // "auto", "always"
    std::string oidc_issuer, oidc_client_id, oidc_client_secret, oidc_scopes, oidc_groups_claim, oidc_roles,
        oidc_ca_file;
  } auth;
  struct Metrics {
    std::string token;  // empty: none
  } metrics;
  struct Alerts {
    std::vector<ChannelSettings> channels;  // in the order of their names
  } alerts;
  struct Logging {
    std::string level;                // a word of log::Level
    Micros retention{0};              // task logs of runs that ended longer ago go; 0: none
    std::int64_t retention_runs = 0;  // of each DAG the logs of so many finished runs stay; 0: of all
    Micros retention_interval{0};     // between two looks
  } logging;
  struct Features {
    Rollout notifications, log_retention;
  } features;
};

// The level that `logging.level` names.
log::Level LogLevel(const Settings& settings);

// Where to look. Everything from outside the process comes in here, so that tests need no environment of their own.
struct SettingsSources {
  std::string home;         // absolute; relative paths of <home>/pipelined.yaml and of the defaults start here
  std::string environment;  // "production" …; empty: none
  std::vector<std::string> config_dirs;  // where <environment>.yaml is looked for, in this order
  std::string working_dir;               // relative paths of variables and of the command line start here
  std::vector<std::pair<std::string, std::string>> variables;  // the process's environment
  std::vector<std::pair<std::string, std::string>>
      command_line;  // {"api.port", "8081"}; a repeated list setting adds up
  // False: what channels refer to (${env:…}, ${file:…}, commands) is neither looked up nor missed, so that only who
  // sends to them needs their secrets: ChannelSettings::references, LookUpChannel().
  bool with_channels = true;
};

// One setting as it is in effect.
struct EffectiveSetting {
  std::string name;           // "api.port"
  std::string value;          // as text; secrets are masked
  std::string origin;         // "default", "/home/x/pipelined.yaml:3", "PIPELINED__API__PORT", "command line"
  bool by_reference = false;  // it was not written out, but is that of a variable, a file or a program
};

struct LoadedSettings {
  Settings settings;
  std::vector<EffectiveSetting> effective;  // in the order of the table
};

// kInvalid carries every mistake that was found, one per line, each with file and line and the nearest known name; a
// file or command that a value names and that cannot be read is kInvalid too. Runs the programs of `{command: …}`
// values, each for at most ten seconds.
Result<LoadedSettings> LoadSettings(const SettingsSources& sources);

// The environments that `sources` finds files of, in the order of their names.
std::vector<std::string> KnownEnvironments(const SettingsSources& sources);

// The text of config/pipelined.yaml: every setting, commented out, with its default and its meaning.
std::string SettingsReference();

// One setting in words.
struct SettingMeaning {
  std::string name;           // "api.port"
  std::string default_value;  // as text
  std::string meaning;        // sentences: what it is for, and what it may be
};
std::vector<SettingMeaning> SettingMeanings();

// A connection URL or keyword string with its password replaced by "***".
std::string MaskPassword(const std::string& url);

}  // namespace pipelined
