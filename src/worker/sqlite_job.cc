// A script for SQLite, on a thread of its own.
#include <fmt/format.h>
#include <poll.h>
#include <sqlite3.h>

#include <memory>
#include <optional>

#include "pipelined/base/clock.h"
#include "pipelined/schema/json.h"
#include "worker/job.h"
#include "worker/sql_result.h"
#include "worker/stop_flag.h"
#include "worker/thread_job.h"

namespace pipelined::worker {
namespace {

constexpr int kStepsBetweenLooks = 1000;
constexpr int kBusyPauseMs = 10, kMostBusyPauses = 3000;  // 30 s for another writer to end
constexpr std::size_t kShownOfStatement = 300;

struct DatabaseClose {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct StatementClose {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, DatabaseClose>;
using Prepared = std::unique_ptr<sqlite3_stmt, StatementClose>;

struct Script {
  std::string path;
  Value statements;
  std::string output;
  StopFlag stop;
};

Value ColumnOf(sqlite3_stmt* row, int column) {
  switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(row, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(row, column);
    case SQLITE_NULL:
      return {};
    default: {
      const auto* text = static_cast<const char*>(sqlite3_column_blob(row, column));
      return std::string(text == nullptr ? "" : text, static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
    }
  }
}

// Of a number that is not asked: SQLite would make a text of it.
std::size_t SizeOf(sqlite3_stmt* row, int columns) {
  std::size_t bytes = 0;
  for (int i = 0; i < columns; ++i) {
    const int type = sqlite3_column_type(row, i);
    if (type == SQLITE_TEXT || type == SQLITE_BLOB) bytes += static_cast<std::size_t>(sqlite3_column_bytes(row, i));
  }
  return bytes;
}

Value RowOf(sqlite3_stmt* row, int columns) {
  Value::Map map;
  for (int i = 0; i < columns; ++i) map.emplace_back(sqlite3_column_name(row, i), ColumnOf(row, i));
  return Value(std::move(map));
}

int BindOne(sqlite3_stmt* statement, int at, const Value& value) {
  if (value.is_null()) return sqlite3_bind_null(statement, at);
  if (value.is_bool()) return sqlite3_bind_int(statement, at, value.boolean() ? 1 : 0);
  if (value.is_int()) return sqlite3_bind_int64(statement, at, value.integer());
  if (value.is_double()) return sqlite3_bind_double(statement, at, value.number());
  const std::string text = ToText(value);
  return sqlite3_bind_text64(statement, at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

class ScriptRun {
 public:
  ScriptRun(Script& script, AttemptLog& log) : script_(script), log_(log), result_(script.output) {}

  JobEnd Run() {
    JobEnd end;
    std::optional<std::string> why = Open();
    if (!why) why = RunAll();
    if (!why) end = result_.End();
    // What cannot be its outputs undoes it, too: another try does all of it again.
    if (!why && end.outcome == AttemptOutcome::kSucceeded && !Simple("commit")) why = Complaint();
    if (why) {
      end = JobEnd::Failed(std::move(*why));
      end.was_stopped = script_.stop.raised();
    }
    if (IsInTransaction()) Simple("rollback");
    return end;
  }

 private:
  std::optional<std::string> Complaint() const {
    return database_ ? sqlite3_errmsg(database_.get()) : std::string("SQLite has no memory");
  }

  std::optional<std::string> Open() {
    sqlite3* opened = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    const int code = sqlite3_open_v2(script_.path.c_str(), &opened, flags, nullptr);
    database_.reset(opened);
    if (code != SQLITE_OK) return fmt::format("{}: {}", script_.path, *Complaint());
    sqlite3_progress_handler(
        opened, kStepsBetweenLooks, [](void* stop) { return static_cast<const StopFlag*>(stop)->raised() ? 1 : 0; },
        &script_.stop);
    sqlite3_busy_handler(
        opened,
        [](void* stop, int count) {
          if (count >= kMostBusyPauses) return 0;
          pollfd raised{static_cast<const StopFlag*>(stop)->fd(), POLLIN, 0};
          return poll(&raised, 1, kBusyPauseMs) == 0 ? 1 : 0;
        },
        &script_.stop);
    return std::nullopt;
  }

  bool IsInTransaction() const { return database_ && sqlite3_get_autocommit(database_.get()) == 0; }
  bool Simple(const char* statement) {
    return sqlite3_exec(database_.get(), statement, nullptr, nullptr, nullptr) == SQLITE_OK;
  }

  std::optional<std::string> RunAll() {
    if (!Simple("begin")) return Complaint();
    const Value::List& all = script_.statements.list();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (script_.stop.raised()) return "it was stopped";
      if (all.size() > 1)
        log_.Line(fmt::format("-- statement {} of {}, line {}", i + 1, all.size(), NumberIn(all[i], "line", 1)));
      if (auto why = RunOne(all[i])) return fmt::format("{} (line {})", *why, NumberIn(all[i], "line", 1));
    }
    return std::nullopt;
  }

  std::optional<std::string> RunOne(const Value& one) {
    const std::string text = TextIn(one, "text");
    log_.Line(log_.Shown(text, kShownOfStatement));
    const Micros begin = SystemClock().Monotonic();
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v2(database_.get(), text.data(), static_cast<int>(text.size()), &made, nullptr) != SQLITE_OK)
      return Complaint();
    const Prepared statement(made);
    result_.BeginStatement();
    if (!statement) return std::nullopt;  // nothing but blanks
    if (!BindAll(statement.get(), one)) return Complaint();
    const int changes = sqlite3_total_changes(database_.get());
    int step;
    while ((step = sqlite3_step(statement.get())) == SQLITE_ROW) {
      result_.CountRow();
      if (result_.Wants()) Keep(statement.get());
    }
    if (step != SQLITE_DONE) return Complaint();
    // At once: what follows would be stored statement by statement.
    if (!IsInTransaction()) return "the statement ended the transaction that all statements share";
    if (sqlite3_column_count(statement.get()) == 0) result_.Affected(sqlite3_total_changes(database_.get()) - changes);
    log_.Line(fmt::format("{} rows, {:.1f} ms", result_.count(),
                          static_cast<double>((SystemClock().Monotonic() - begin).count()) / 1000.0));
    return std::nullopt;
  }

  void Keep(sqlite3_stmt* row) {
    const int columns = result_.Kept(sqlite3_column_count(row));
    result_.Offer(SizeOf(row, columns), [&] { return RowOf(row, columns); });
  }

  static bool BindAll(sqlite3_stmt* statement, const Value& one) {
    const Value* params = one.Find("params");
    if (params == nullptr || !params->is_list()) return true;
    for (std::size_t i = 0; i < params->list().size(); ++i) {
      const int at = sqlite3_bind_parameter_index(statement, fmt::format("${}", i + 1).c_str());
      if (at > 0 && BindOne(statement, at, params->list()[i]) != SQLITE_OK) return false;
    }
    return true;
  }

  Script& script_;
  AttemptLog& log_;
  SqlResult result_;
  Database database_;
};

}  // namespace

Result<std::unique_ptr<Job>> BeginSqlite(const Value& spec, const Tools& tools, AttemptLog& log, JobDone done) {
  const Value* statements = spec.Find("statements");
  if (statements == nullptr || !statements->is_list()) return Error{ErrorCode::kInvalid, "there are no statements", ""};
  auto script = std::make_shared<Script>();
  script->path = TextIn(spec, "path");
  script->statements = *statements;
  script->output = TextIn(spec, "output");
  if (script->path.find('\0') != std::string::npos) return Error{ErrorCode::kInvalid, "the path holds a NUL", ""};
  std::shared_ptr<StopFlag> stop(script, &script->stop);
  return RunOnThread(
      tools.loop, tools.threads, std::move(stop), [script, &log] { return ScriptRun(*script, log).Run(); },
      std::move(done));
}

}  // namespace pipelined::worker
