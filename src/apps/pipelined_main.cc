// `pipelined`: the server side. Parses the command line and hands over; nothing else.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apps/config_command.h"
#include "apps/database.h"
#include "apps/exit_code.h"
#include "apps/home.h"
#include "apps/log_keeper.h"
#include "apps/man_command.h"
#include "apps/roles.h"
#include "apps/secrets_command.h"
#include "apps/sources.h"
#include "pipelined/base/log.h"
#include "pipelined/base/near_match.h"

namespace pipelined::apps {
namespace {

struct CommandLine {
  std::string home, environment, host, port, before, format = "table", page = "pipelined", folder;
  std::vector<std::string> dags, settings, tables, asked_dags;
  std::string older_than;
  std::int64_t keep_runs = -1;  // -1: as it is set
  bool stop_tasks = false, dry_run = false, yes = false, audit = false, skip_archive = false;
  int ready_fd = -1, lock_fd = -1, to_version = -1;
};

using Overrides = std::vector<std::pair<std::string, std::string>>;

// --dags, --host and --port are settings with a shorter name.
Result<Overrides> Settled(const CommandLine& line) {
  Overrides overrides;
  for (const std::string& setting : line.settings) {
    const std::size_t equals = setting.find('=');
    if (equals == setting.npos)
      return Error{ErrorCode::kInvalid, fmt::format("--set {}: SECTION.KEY=VALUE is wanted", setting), {}};
    overrides.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  for (const std::string& folder : line.dags) overrides.emplace_back("core.dags_folder", folder);
  if (!line.host.empty()) overrides.emplace_back("api.host", line.host);
  if (!line.port.empty()) overrides.emplace_back("api.port", line.port);
  return overrides;
}

// What every command starts from.
struct Start {
  std::string home;
  Overrides overrides;
  SettingsSources sources;
  std::vector<EffectiveSetting> effective;  // once they are loaded
};

Result<Start> Begin(const CommandLine& line) {
  Result<std::string> home = FindHome(line.home);
  if (!home) return home.error();
  Result<Overrides> overrides = Settled(line);
  if (!overrides) return overrides.error();
  SettingsSources sources = MakeSources(*home, line.environment, *overrides);
  return Start{std::move(*home), std::move(*overrides), std::move(sources), {}};
}

// The database that is set, else that of the standalone which runs on this home.
Result<std::string> DatabaseUrl(const Settings& settings, const std::string& home) {
  if (!settings.database.url.empty()) return settings.database.url;
  if (auto running = FindRunning(home)) return running->database_url;
  return Error{ErrorCode::kUnavailable, fmt::format("no database is set, and no standalone runs on {}", home),
               "set database.url, or start `pipelined standalone`, which brings its own"};
}

template <class Work>
int WithSettings(const CommandLine& line, const char* role, Work work) {
  Result<Start> start = Begin(line);
  if (!start) return Report(start.error());
  start->sources.with_channels = false;  // whoever sends to them looks them up
  Result<LoadedSettings> loaded = LoadSettings(start->sources);
  if (!loaded) return Report(loaded.error());
  start->effective = std::move(loaded->effective);
  log::Init(role, LogLevel(loaded->settings));
  return work(*start, loaded->settings);
}

template <class Work>
int WithDatabase(const CommandLine& line, const char* role, Work work) {
  return WithSettings(line, role, [&](const Start& start, const Settings& settings) {
    const Result<std::string> url = DatabaseUrl(settings, start.home);
    return url ? work(start, settings, *url) : Report(url.error());
  });
}

int Standalone(const CommandLine& line) {
  return WithSettings(line, "standalone", [&](const Start& start, const Settings& settings) {
    return RunStandalone(settings, {start.home, line.environment, start.overrides, line.stop_tasks});
  });
}

int Role(const CommandLine& line, const char* name, int (*run)(const Settings&, const RoleContext&)) {
  // Inherited from the standalone; a task that inherited them would hold its lock.
  for (const int fd : {line.ready_fd, line.lock_fd}) {
    if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return WithDatabase(line, name, [&](const Start& start, const Settings& settings, const std::string& url) {
    if (const Status prepared = PrepareHome(start.home); !prepared) return Report(prepared.error());
    return run(settings, {start.home, url, line.stop_tasks, line.ready_fd, start.effective, start.sources.variables});
  });
}

int Config(const CommandLine& line, int (*show)(const CommandLine&, const SettingsSources&)) {
  const Result<Start> start = Begin(line);
  return start ? show(line, start->sources) : Report(start.error());
}

class Parser {
 public:
  Parser() {
    app_.require_subcommand(1);
    app_.footer(
        "Examples:\n  pipelined standalone\n  pipelined standalone --home /srv/etl --dags /srv/etl/dags --port 8090\n"
        "  pipelined config show\n\nThe client is `pipectl`. Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 "
        "not found,\n"
        "4 not allowed, 5 conflict, 6 server or database not reachable, 70 a bug.");
    Roles();
    Db();
    Logs();
    Secrets();
    Configs();
    CLI::App* version = Command(app_, "version", "Print version, commit and libraries", "pipelined version -o json",
                                [this] { return ShowVersion(line_.format); });
    Format(*version, {"table", "json"});
    CLI::App* man =
        Command(app_, "man", "Print a manual page, or write all of them", "pipelined man pipelined.yaml | man -l -",
                [this] { return Man(app_, line_.page, line_.folder); });
    man->add_option("PAGE", line_.page, "pipelined or pipelined.yaml")->capture_default_str();
    man->add_option("--all", line_.folder, "Write all pages below this folder, in man1 and man5");
  }

  int Run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::RequiredError& e) {
      return Unknown(argc, argv) ? int{kUsage} : app_.exit(e) == 0 ? int{kDone} : int{kUsage};
    } catch (const CLI::ParseError& e) {
      return app_.exit(e) == 0 ? kDone : kUsage;  // --help is no error; everything else is wrong usage
    }
    return work_();
  }

 private:
  CLI::App* Command(CLI::App& parent, const char* name, const char* what, const std::string& example,
                    std::function<int()> work) {
    CLI::App* command = parent.add_subcommand(name, what);
    command->footer("Example:\n  " + example);
    command->callback([this, work = std::move(work)] { work_ = work; });
    return command;
  }

  // "A subcommand is required" is no answer to a misspelt one.
  bool Unknown(int argc, char** argv) const {
    const CLI::App* parent = &app_;
    for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
      std::vector<std::string> names;
      const CLI::App* next = nullptr;
      for (const CLI::App* known : parent->get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(known->get_name());
        if (names.back() == argv[i]) next = known;
      }
      if (next == nullptr) {
        const auto near = NearMatch(argv[i], std::vector<std::string_view>(names.begin(), names.end()));
        const std::string instead =
            near ? fmt::format("did you mean \"{}\"?", *near) : fmt::format("there are: {}", fmt::join(names, ", "));
        Report({ErrorCode::kInvalid, fmt::format("unknown command \"{}\"", argv[i]), instead});
        return true;
      }
      parent = next;
    }
    return false;
  }

  void Common(CLI::App& command) {
    command.add_option("--home", line_.home,
                       "Home folder; else $PIPELINED_HOME, else ~/.pipelined (root: /var/lib/pipelined)");
    command.add_option("--env", line_.environment,
                       "Environment whose settings apply: development, testing, production");
    command.add_option("--set", line_.settings, "A setting, as SECTION.KEY=VALUE; may be repeated")
        ->allow_extra_args(false);
  }
  void Dags(CLI::App& command) {
    command.add_option("--dags", line_.dags, "Watched folder with DAG files; may be repeated")->allow_extra_args(false);
  }
  void Address(CLI::App& command) {
    command.add_option("--host", line_.host, "Address to listen on (127.0.0.1)");
    command.add_option("--port", line_.port, "Port to listen on (8080); 0 takes any free one");
  }
  void StopTasks(CLI::App& command) {
    command.add_flag("--stop-tasks", line_.stop_tasks,
                     "A stop ends the tasks in flight first, instead of leaving them to their supervisors");
  }
  // What a standalone hands to its roles.
  void Inherited(CLI::App& command) {
    command.add_option("--ready-fd", line_.ready_fd)->group("");
    command.add_option("--lock-fd", line_.lock_fd)->group("");
  }
  void Format(CLI::App& command, std::set<std::string> formats) {
    command.add_option("-o,--output", line_.format, "How to print it")->check(CLI::IsMember(std::move(formats)));
  }

  void Roles() {
    CLI::App* standalone = Command(
        app_, "standalone", "Everything on one machine: PostgreSQL, scheduler, API, notifier",
        "pipelined standalone --home ~/etl --dags ~/etl/dags --port 8090", [this] { return Standalone(line_); });
    Common(*standalone);
    Dags(*standalone);
    Address(*standalone);
    StopTasks(*standalone);
    CLI::App* scheduler =
        Command(app_, "scheduler", "Load DAG files and run them; a second one stands by",
                "PIPELINED__DATABASE__URL=postgresql://etl@db/etl pipelined scheduler --dags /srv/dags",
                [this] { return Role(line_, "scheduler", RunScheduler); });
    Common(*scheduler);
    Dags(*scheduler);
    StopTasks(*scheduler);
    Inherited(*scheduler);
    CLI::App* api = Command(app_, "api-server", "Serve the REST API",
                            "PIPELINED__DATABASE__URL=postgresql://etl@db/etl pipelined api-server --port 8090",
                            [this] { return Role(line_, "api-server", RunApiServer); });
    Common(*api);
    Address(*api);
    Inherited(*api);
    CLI::App* notifier = Command(app_, "notifier", "Send notifications; several share the work",
                                 "PIPELINED__DATABASE__URL=postgresql://etl@db/etl pipelined notifier --home /srv/etl",
                                 [this] { return Role(line_, "notifier", RunNotifier); });
    Common(*notifier);
    Inherited(*notifier);
  }

  using DbWork = int (*)(const std::string& url, const CommandLine& line);
  CLI::App* DbVerb(CLI::App& db, const char* name, const char* what, const std::string& example, DbWork work) {
    CLI::App* command = Command(db, name, what, example, [this, work] {
      return WithDatabase(line_, "db",
                          [&](const Start&, const Settings&, const std::string& url) { return work(url, line_); });
    });
    Common(*command);
    return command;
  }

  void Db() {
    CLI::App* db = app_.add_subcommand("db", "Look after the database");
    db->require_subcommand(1);
    DbVerb(*db, "migrate", "Bring the schema up to date",
           "pipelined db migrate --set database.url=postgresql://etl@db/etl",
           [](const std::string& url, const CommandLine&) { return DbMigrate(url); });
    DbVerb(*db, "check", "Say whether the schema fits this program (exit 1 when not)", "pipelined db check",
           [](const std::string& url, const CommandLine&) { return DbCheck(url); });
    CLI::App* downgrade =
        DbVerb(*db, "downgrade", "Take the schema back to an earlier version", "pipelined db downgrade --to 1",
               [](const std::string& url, const CommandLine& line) { return DbDowngrade(url, line.to_version); });
    downgrade->add_option("--to", line_.to_version, "Schema version to go back to; 0 removes everything")->required();
    CLI::App* clean =
        DbVerb(*db, "clean",
               "Remove old history: finished runs, commands, events of assets, months of events. Logs of tasks "
               "and messages that are still to be sent stay",
               "pipelined db clean --clean-before-timestamp 2026-01-01T00:00:00Z --dry-run",
               [](const std::string& url, const CommandLine& line) {
                 return DbClean(url, {line.before, line.tables, line.dry_run, line.yes, line.audit, line.skip_archive});
               });
    clean->add_option("--clean-before-timestamp,--before", line_.before, "What ended before this instant (RFC 3339)")
        ->required();
    clean->add_option("-t,--tables", line_.tables, "Only these, with commas between: dag_run, event, audit …")
        ->delimiter(',')
        ->allow_extra_args(false);
    clean->add_flag("--skip-archive", line_.skip_archive, "Remove it for good, and not into archive tables");
    clean->add_flag("--dry-run", line_.dry_run, "Only say how much it is");
    clean->add_flag("--audit", line_.audit, "Also months of the audit trail; that leaves an entry in it");
    clean->add_flag("-y,--yes", line_.yes, "Really remove it");
    CLI::App* drop = DbVerb(
        *db, "drop-archived", "Drop the archive tables that cleanings have left",
        "pipelined db drop-archived --dry-run",
        [](const std::string& url, const CommandLine& line) { return DbDropArchived(url, line.dry_run, line.yes); });
    drop->add_flag("--dry-run", line_.dry_run, "Only name them");
    drop->add_flag("-y,--yes", line_.yes, "Really drop them");
  }

  void Logs() {
    CLI::App* logs = app_.add_subcommand("logs", "Look after the logs of tasks");
    logs->require_subcommand(1);
    CLI::App* clean =
        Command(*logs, "clean",
                "Remove logs of runs that ended too long ago or are too many, as logging.retention and "
                "logging.retention_runs say; never those of a run that is under way",
                "pipelined logs clean --older-than 30d --dry-run", [this] {
                  return WithDatabase(line_, "logs", [this](const Start& start, const auto& settings, const auto& url) {
                    return LogsCleaned(start, settings, url);
                  });
                });
    Common(*clean);
    clean->add_option("--older-than", line_.older_than, "Those of runs that ended so long ago: 30d; 0s: none for that");
    clean->add_option("--keep-runs", line_.keep_runs, "Of each DAG so many finished runs keep theirs; 0: all")
        ->check(CLI::NonNegativeNumber);
    clean->add_flag("--dry-run", line_.dry_run, "Only say how much it is");
    clean->add_flag("-y,--yes", line_.yes, "Really remove them");
  }

  int LogsCleaned(const Start& start, const Settings& settings, const std::string& url) const {
    LogsClean what{RulesOf(settings), line_.dry_run, line_.yes};
    if (line_.keep_runs >= 0) what.rules.runs = line_.keep_runs;
    if (!line_.older_than.empty()) {
      const Result<Micros> age = ParseDuration(line_.older_than);
      if (!age)
        return Report(Error{ErrorCode::kInvalid, fmt::format("--older-than {}: not a duration", line_.older_than),
                            "as in 30d, 12h or 45m"});
      what.rules.age = *age;
    }
    return CleanLogs(what, start.home, url);
  }

  void Secrets() {
    CLI::App* secrets = app_.add_subcommand("secrets", "Look after the keys of variables and connections");
    secrets->require_subcommand(1);
    CLI::App* check = Command(
        *secrets, "check", "Say which keys there are and what each has encrypted", "pipelined secrets check", [this] {
          return WithDatabase(line_, "secrets", [](const auto& start, const auto& set, auto& url) {
            return SecretsCheck(set, start.home, url);
          });
        });
    Common(*check);
    CLI::App* add =
        Command(*secrets, "add-key", "Put a new key first in the home's file", "pipelined secrets add-key", [this] {
          return WithSettings(line_, "secrets", [](const Start& start, const Settings& settings) {
            return SecretsAddKey(settings, start.home);
          });
        });
    Common(*add);
    CLI::App* rotate =
        Command(*secrets, "rotate", "Encrypt everything anew with the first key; may be interrupted and begun again",
                "pipelined secrets rotate --dry-run", [this] {
                  return WithDatabase(line_, "secrets", [this](const auto& start, const auto& set, auto& url) {
                    return SecretsRotate(set, start.home, url, line_.dry_run);
                  });
                });
    Common(*rotate);
    rotate->add_flag("--dry-run", line_.dry_run, "Only say how much it is");
  }

  void Configs() {
    CLI::App* config = app_.add_subcommand("config", "Look at the settings");
    config->require_subcommand(1);
    CLI::App* show = Command(*config, "show", "Print every setting in effect and where it came from",
                             "pipelined config show -o json", [this] {
                               return Config(line_, [](const CommandLine& line, const SettingsSources& sources) {
                                 return ConfigShow(sources, line.format);
                               });
                             });
    Common(*show);
    Format(*show, {"table", "json", "yaml"});
    CLI::App* lint = Command(
        *config, "lint", "Check the settings; exit 1 and every mistake when there are any",
        "pipelined config lint --home /srv/etl --env production", [this] {
          return Config(line_, [](const CommandLine&, const SettingsSources& sources) { return ConfigLint(sources); });
        });
    Common(*lint);
    CLI::App* features = Command(*config, "features", "Print the feature toggles and which DAGs are in",
                                 "pipelined config features --dag sales --dag stock", [this] {
                                   return Config(line_, [](const CommandLine& line, const SettingsSources& sources) {
                                     return ConfigFeatures(sources, line.asked_dags, line.format);
                                   });
                                 });
    Common(*features);
    features->add_option("--dag", line_.asked_dags, "Say of this DAG whether it is in; may be repeated")
        ->allow_extra_args(false);
    Format(*features, {"table", "json"});
    Command(*config, "reference", "Print a settings file with every setting, its default and its meaning",
            "pipelined config reference > ~/.pipelined/pipelined.yaml", [] { return ConfigReference(); });
  }

  CLI::App app_{"pipelined: runs DAGs of tasks, on time, exactly as their files say.", "pipelined"};
  CommandLine line_;
  std::function<int()> work_;
};

int Main(int argc, char** argv) {
  umask(027);
  try {
    return Parser().Run(argc, argv);
  } catch (const std::exception& e) {  // the last resort: nothing below is meant to throw
    return Report(
        {ErrorCode::kBug, fmt::format("unexpected: {}", e.what()), "this is a bug of pipelined; please report it"});
  }
}

}  // namespace
}  // namespace pipelined::apps

int main(int argc, char** argv) {
  return pipelined::apps::Main(argc, argv);
}
