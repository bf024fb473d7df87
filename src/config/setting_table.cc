#include "config/setting_table.h"

#include <array>

namespace pipelined::config {
namespace {

constexpr std::string_view kLater[] = {"metrics", "lineage", "alerts", "features"};

const Setting kTable[] = {
    {"core",
     "parallelism",
     Type::kInteger,
     "32",
     "How many tasks may run at the same time, over all DAGs.",
     1,
     100'000,
     {},
     [](Settings& s) -> Slot { return &s.core.parallelism; }},
    {"core",
     "max_map_length",
     Type::kInteger,
     "1024",
     "How many instances a mapped task may have.",
     1,
     1'000'000,
     {},
     [](Settings& s) -> Slot { return &s.core.max_map_length; }},
    {"core",
     "dags_folder",
     Type::kPaths,
     "dags",
     "The watched folder or folders with DAG files. A relative path starts at the home.",
     0,
     0,
     {},
     [](Settings& s) -> Slot { return &s.core.dags_folder; }},
    {"core",
     "default_timezone",
     Type::kText,
     "UTC",
     "The IANA time zone of schedules whose DAG names none.",
     0,
     0,
     {},
     [](Settings& s) -> Slot { return &s.core.default_timezone; }},

    {"database",
     "url",
     Type::kSecret,
     "",
     "PostgreSQL to use, as postgresql://USER:PASSWORD@HOST:PORT/NAME. Without it `pipelined standalone` makes and "
     "runs\n"
     "a private one under its home.",
     0,
     0,
     {},
     [](Settings& s) -> Slot { return &s.database.url; }},
    {"database",
     "pool_size",
     Type::kInteger,
     "8",
     "Connections that the API server keeps. The scheduler needs three more of its own.",
     1,
     1'000,
     {},
     [](Settings& s) -> Slot { return &s.database.pool_size; }},

    {"scheduler",
     "lease_ttl",
     Type::kDuration,
     "10s",
     "How long a leading scheduler that fell silent keeps the lead: a standby takes over after this time.",
     1'000,
     0,
     {},
     [](Settings& s) -> Slot { return &s.scheduler.lease_ttl; }},
    {"scheduler",
     "rescan_interval",
     Type::kDuration,
     "60s",
     "DAG files are noticed at once where the file system tells of changes; this slow look at every file is for those "
     "that do\n"
     "not (network file systems).",
     100,
     0,
     {},
     [](Settings& s) -> Slot { return &s.scheduler.rescan_interval; }},

    {"executor",
     "log_cap",
     Type::kSize,
     "64MiB",
     "The most that one attempt's log may take; what is beyond it is dropped, and the log says so.",
     4'096,
     0,
     {},
     [](Settings& s) -> Slot { return &s.executor.log_cap; }},
    {"executor",
     "grace",
     Type::kDuration,
     "10s",
     "A task that is stopped gets SIGTERM, and SIGKILL after this time.",
     0,
     0,
     {},
     [](Settings& s) -> Slot { return &s.executor.grace; }},

    {"api",
     "host",
     Type::kText,
     "127.0.0.1",
     "The address that the API listens on. 0.0.0.0 is every address of the machine.",
     0,
     0,
     {},
     [](Settings& s) -> Slot { return &s.api.host; }},
    {"api",
     "port",
     Type::kInteger,
     "8080",
     "The port that the API listens on; 0 takes any free one.",
     0,
     65'535,
     {},
     [](Settings& s) -> Slot { return &s.api.port; }},
    {"api",
     "threads",
     Type::kInteger,
     "4",
     "Threads that answer requests.",
     1,
     256,
     {},
     [](Settings& s) -> Slot { return &s.api.threads; }},

    {"api",
     "allow_insecure",
     Type::kFlag,
     "false",
     "Whether the API may listen beyond the loopback although it speaks no TLS: passwords and tokens can then be read "
     "on the way.",
     0,
     0,
     {},
     [](Settings& s) -> Slot { return &s.api.allow_insecure; }},

    {"auth",
     "token_lifetime",
     Type::kDuration,
     "24h",
     "How long a token of POST /auth/token is valid.",
     1'000,
     0,
     {},
     [](Settings& s) -> Slot { return &s.auth.token_lifetime; }},

    {"logging", "level", Type::kChoice, "info", "What the daemons write to stderr, from most to least.", 0, 0,
     "debug|info|warning|error|off", [](Settings& s) -> Slot { return &s.logging.level; }},
};

}  // namespace

std::span<const Setting> Table() {
  return kTable;
}

const Setting* Find(std::string_view name) {
  for (const Setting& setting : kTable) {
    if (setting.name() == name) return &setting;
  }
  return nullptr;
}

std::span<const std::string_view> LaterSections() {
  return kLater;
}

}  // namespace pipelined::config
