// pipectl audit list: who changed what, and who was not let.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "cli/commands.h"
#include "cli/output/moment.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

const std::vector<Column> kColumns{{"WHEN", "when"},     {"WHO", "who"},       {"FROM", "address"},
                                   {"DID", "operation"}, {"TO", "to"},         {"STATUS", "status"},
                                   {"TIMES", "times"},   {"REASON", "reason"}, {"ID", "id"}};
constexpr std::int64_t kMostPerPage = 1000;
constexpr auto kLookAgainAfter = std::chrono::seconds(1);

struct AuditOptions {
  std::string who, operation, dag_id, run_id, entity, kind, address, request_id, since, until;
  int status = 0;
  bool refused = false, follow = false;
  int limit = 100;
};

// What it was done to, in one cell.
Value WithTarget(Value row) {
  std::string target;
  for (const std::string_view key : {"dag_id", "dag_run_id", "task_id", "entity"}) {
    if (const std::string text = TextOf(row, key); !text.empty()) target += (target.empty() ? "" : " ") + text;
  }
  row.Set("to", std::move(target));
  return row;
}

// What the server reads; an option that is none is refused by its name.
Status ReadMoment(const std::string& option, std::string& text) {
  if (text.empty()) return Ok();
  const Result<Instant> moment = ParseMoment(option, text);
  if (!moment.ok()) return moment.error();
  text = FormatInstant(*moment);
  return Ok();
}

std::string QueryOf(const AuditOptions& options) {
  std::string query;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) query += fmt::format("&{}={}", name, PercentEncode(value));
  };
  add("who", options.who);
  add("operation", options.operation);
  add("dag_id", options.dag_id);
  add("run_id", options.run_id);
  add("entity", options.entity);
  add("kind", options.kind);
  add("address", options.address);
  add("request_id", options.request_id);
  add("since", options.since);
  add("until", options.until);
  if (options.status > 0) add("status", std::to_string(options.status));
  if (options.refused) add("refused", "true");
  return query;
}

struct Entries {
  Value::List rows;
  std::int64_t next = 0;  // 0: there are no more
};

Result<Entries> Fetch(const Session& session, const std::string& query) {
  const auto answer = session.Get("/api/ext/v1/audit?" + query);
  if (!answer) return answer.error();
  const Value *rows = answer->Find("audit"), *next = answer->Find("next");
  if (rows == nullptr || !rows->is_list()) return Error{ErrorCode::kBug, "the server's answer has no entries", ""};
  return Entries{rows->list(), next != nullptr && next->is_int() ? next->integer() : 0};
}

void Print(Layout format, Value::List rows) {
  if (format == Layout::kTable || format == Layout::kPlain) {
    for (Value& row : rows) row = WithTarget(std::move(row));
  }
  PrintRows(format, rows, kColumns);
}

Result<Value::List> Newest(const Session& session, const AuditOptions& options) {
  Value::List all;
  std::int64_t before = 0;
  do {
    const std::int64_t wanted = std::min<std::int64_t>(options.limit - std::ssize(all), kMostPerPage);
    std::string query = fmt::format("limit={}{}", wanted, QueryOf(options));
    if (before > 0) query += fmt::format("&before_id={}", before);
    Result<Entries> page = Fetch(session, query);
    if (!page) return page.error();
    all.insert(all.end(), page->rows.begin(), page->rows.end());
    before = page->next;
  } while (before > 0 && std::ssize(all) < options.limit);
  return all;
}

std::int64_t IdOf(const Value& row) {
  const Value* id = row.Find("id");
  return id != nullptr && id->is_int() ? id->integer() : 0;
}

// The newest that there are, the oldest of them first, then what comes, until it is interrupted.
Status Follow(const Session& session, const AuditOptions& options, Layout format) {
  Result<Value::List> rows = Newest(session, options);
  if (!rows) return rows.error();
  Value::List fresh(rows->rbegin(), rows->rend());
  std::int64_t last = 0;
  while (true) {
    for (const Value& row : fresh) last = std::max(last, IdOf(row));
    if (!fresh.empty()) Print(format, std::move(fresh));
    std::fflush(stdout);
    std::this_thread::sleep_for(kLookAgainAfter);
    Result<Entries> more =
        Fetch(session, fmt::format("limit={}&order=oldest&after_id={}{}", kMostPerPage, last, QueryOf(options)));
    if (!more) return more.error();
    fresh = std::move(more->rows);
  }
}

Status List(const Session& session, const GlobalOptions& global, AuditOptions options) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  if (const Status since = ReadMoment("--since", options.since); !since.ok()) return since;
  if (const Status until = ReadMoment("--until", options.until); !until.ok()) return until;
  if (options.follow) return Follow(session, options, *format);
  Result<Value::List> rows = Newest(session, options);
  if (!rows) return rows.error();
  Print(*format, *std::move(rows));
  return Ok();
}

}  // namespace

void AddAuditCommands(CLI::App& app, Program& program) {
  CLI::App* audit = AddCommand(app, "audit", "Who changed what, and who was not let",
                               "pipectl audit list --dag sales_daily --since 2026-02-01");
  audit->require_subcommand(1);
  CLI::App* list = AddCommand(*audit, "list", "List the entries of the audit trail, the newest first",
                              "pipectl audit list --user ann --since 2026-02-01\n"
                              "  pipectl audit list --refused -o json");
  const auto options = std::make_shared<AuditOptions>();
  list->add_option("-u,--user", options->who, "Of this user only");
  list->add_option("--operation", options->operation, "Of this operation of the API only: patch_pool");
  list->add_option("--dag", options->dag_id, "Of this DAG only");
  list->add_option("--run", options->run_id, "Of this run only");
  list->add_option("--entity", options->entity, "Of this pool, variable, connection or user only");
  list->add_option("--kind", options->kind, "change, log_in, log_out, denied or cleaned")
      ->check(CLI::IsMember({"change", "log_in", "log_out", "denied", "cleaned"}));
  list->add_option("--address", options->address, "From this address only");
  list->add_option("--request-id", options->request_id, "Of the request with this X-Request-Id only");
  list->add_option("--status", options->status, "With this HTTP status only")->check(CLI::Range(100, 599));
  list->add_flag("--refused", options->refused, "Only what was denied or failed");
  list->add_option("--since", options->since, "From this time on");
  list->add_option("--until", options->until, "Before this time");
  list->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  list->add_flag("-f,--follow", options->follow, "Go on with what comes, until it is interrupted");
  AddOutputOption(*list, program);
  list->callback([&program, options] {
    program.WithSession([&](const Session& session) { return List(session, program.global, *options); });
  });
}

}  // namespace pipelined::cli
