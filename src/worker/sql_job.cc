// A script for PostgreSQL, on a thread of its own.
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

#include "pipelined/base/clock.h"
#include "pipelined/schema/json.h"
#include "worker/job.h"
#include "worker/pg_pool.h"
#include "worker/sql_result.h"
#include "worker/thread_job.h"

namespace pipelined::worker {
namespace {

constexpr std::size_t kShownOfStatement = 300;
constexpr Micros kBeginPatience = std::chrono::seconds(30);
constexpr Micros kRollbackPatience = std::chrono::seconds(5);
constexpr Micros kCommitPatience = std::chrono::seconds(10);  // after a stop

enum Oid : unsigned {
  kBool = 16,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kJson = 114,
  kFloat4 = 700,
  kFloat8 = 701,
  kNumeric = 1700,
  kJsonb = 3802
};

std::optional<std::int64_t> WholeNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

// Numbers that JSON can hold exactly are numbers; all else is PostgreSQL's text.
Value FieldOf(const PGresult* row, int column) {
  if (PQgetisnull(row, 0, column) != 0) return {};
  const std::string text(PQgetvalue(row, 0, column), static_cast<std::size_t>(PQgetlength(row, 0, column)));
  const unsigned type = PQftype(row, column);
  if (type == kBool) return text == "t";
  if (type == kInt2 || type == kInt4 || type == kInt8 || type == kNumeric) {
    if (const auto number = WholeNumber(text)) return *number;
  }
  const bool finite = text.find_first_not_of("0123456789.eE+-") == std::string::npos;
  if ((type == kFloat4 || type == kFloat8 || (type == kNumeric && text.size() <= 16)) && finite)
    return std::strtod(text.c_str(), nullptr);
  if (type == kJson || type == kJsonb) {
    if (auto json = ParseJson(text, WideIntegers::kText)) return std::move(*json);
  }
  return text;
}

Value RowOf(const PGresult* row, int columns) {
  Value::Map map;
  for (int i = 0; i < columns; ++i) map.emplace_back(PQfname(row, i), FieldOf(row, i));
  return Value(std::move(map));
}

struct Statement {
  std::string text;
  std::vector<std::optional<std::string>> params;
  std::int64_t line = 1;
};

// What the thread and the loop share. The log is the thread's until the job is done.
struct Script {
  PgParameters parameters;
  std::vector<Statement> statements;
  Micros statement_timeout{0};
  bool autocommit = false;
  std::string output;
  StopFlag stop;
};

class ScriptRun {
 public:
  ScriptRun(Script& script, PgPool& pool, AttemptLog& log)
      : script_(script), pool_(pool), log_(log), result_(script.output) {}

  JobEnd Run() {
    Status ran = RunAll();
    JobEnd end;
    if (ran) end = result_.End();
    // What cannot be its outputs undoes it, too: another try does all of it again.
    if (ran && end.outcome == AttemptOutcome::kSucceeded && !script_.autocommit) ran = Commit();
    if (!ran) end = Failed(ran.error());
    if (!connection_ || connection_->IsLost()) return end;
    if (!connection_->IsIdle()) connection_->Simple("rollback", {kRollbackPatience});
    if (connection_->Reset()) pool_.Give(script_.parameters, std::move(connection_));
    return end;
  }

 private:
  JobEnd Failed(const Error& error) const {
    JobEnd end = JobEnd::Failed(error.message);
    end.was_stopped = script_.stop.raised();
    if (error.code == ErrorCode::kInDoubt) end.outcome = AttemptOutcome::kLost;
    return end;
  }

  Status RunAll() {
    if (const Status begun = Begin(); !begun) return begun;
    for (std::size_t i = 0; i < script_.statements.size(); ++i) {
      if (script_.stop.raised()) return Stopped();
      if (const Status ran = RunOne(script_.statements[i], i + 1); !ran) return ran;
    }
    if (!script_.autocommit || connection_->IsIdle()) return Ok();
    return Error{ErrorCode::kInvalid, "the script began a transaction and did not end it: nothing of that is stored",
                 ""};
  }

  static Error Stopped() { return {ErrorCode::kStale, "it was stopped", ""}; }

  // A kept connection may have died since: then another one, for nothing was asked of it yet.
  Status Begin() {
    for (connection_ = pool_.Take(script_.parameters);; connection_.reset()) {
      const bool kept = connection_ != nullptr;
      if (!kept) {
        auto opened = PgConnection::Open(script_.parameters, script_.stop);
        if (!opened) return opened.error();
        connection_ = std::move(*opened);
      }
      connection_->OnNotice([this](const std::string& notice) { log_.Line(notice); });
      const Result<PgResult> begun = BeginOn(*connection_);
      if (!begun) return begun.error();
      const ExecStatusType kind = PQresultStatus(begun->get());
      if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK) return Ok();
      if (script_.stop.raised()) return Stopped();
      if (!kept)
        return Error{ErrorCode::kUnavailable, *begun ? PgErrorText(begun->get()) : "the database does not answer", ""};
    }
  }

  // The server looks whether this worker is still there, so that a killed one leaves no query, and no locks, behind.
  static std::string Watched(PgConnection& connection, const PgConnection::Patience& patience, std::string_view scope) {
    if (!connection.CanWatch(patience)) return {};
    return fmt::format("; set {} client_connection_check_interval = '2s'", scope);
  }

  // Without a transaction the timeout is the session's. A pooler may give that to another client, and another one to
  // the statement.
  Result<PgResult> BeginOn(PgConnection& connection) {
    const PgConnection::Patience patience{kBeginPatience, &script_.stop};
    const auto ms =
        std::max<std::int64_t>(script_.statement_timeout.count() / 1000, script_.statement_timeout.count() > 0);
    if (!script_.autocommit)
      return connection.Simple(
          fmt::format("begin; set local statement_timeout = {}{}", ms, Watched(connection, patience, "local")).c_str(),
          patience);
    PgResult process = connection.Simple("select pg_backend_pid()", patience);
    if (PQresultStatus(process.get()) != PGRES_TUPLES_OK) return process;
    const bool is_pooled = PQgetvalue(process.get(), 0, 0) != std::to_string(connection.ToldProcess());
    if (is_pooled && ms == 0) return process;
    if (!is_pooled) {
      return connection.Simple(
          fmt::format("set session statement_timeout = {}{}", ms, Watched(connection, patience, "session")).c_str(),
          patience);
    }
    return Error{ErrorCode::kInvalid,
                 "statement_timeout with autocommit needs a session of its own, and the connection leads to a pooler: "
                 "give the connection the address of PostgreSQL itself, or use execution_timeout",
                 ""};
  }

  Status RunOne(const Statement& statement, std::size_t number) {
    if (script_.statements.size() > 1)
      log_.Line(fmt::format("-- statement {} of {}, line {}", number, script_.statements.size(), statement.line));
    log_.Line(log_.Shown(statement.text, kShownOfStatement));
    const Micros begin = SystemClock().Monotonic();
    result_.BeginStatement();
    std::optional<Error> failure;
    std::string tag;
    const Status ran = connection_->Run(statement.text, statement.params, script_.stop, [&](PGresult* result) {
      switch (PQresultStatus(result)) {
        case PGRES_SINGLE_TUPLE:
          result_.CountRow();
          if (result_.Wants()) Keep(result);
          return;
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
          tag = PQcmdStatus(result);
          if (const auto rows = WholeNumber(PQcmdTuples(result))) result_.Affected(*rows);
          return;
        default:
          if (!failure) failure = Explain(result, statement);
      }
    });
    if (!ran) return Lost(ran.error(), failure);
    if (failure) return *failure;
    log_.Line(fmt::format("{}: {} rows, {:.1f} ms", tag, result_.count(),
                          static_cast<double>((SystemClock().Monotonic() - begin).count()) / 1000.0));
    if (script_.autocommit || connection_->InTransaction()) return Ok();
    return Error{
        ErrorCode::kInvalid,
        fmt::format("the statement in line {} ended the transaction that all statements share", statement.line), ""};
  }

  void Keep(const PGresult* row) {
    const int columns = result_.Kept(PQnfields(row));
    std::size_t bytes = 0;
    for (int i = 0; i < columns; ++i) bytes += static_cast<std::size_t>(PQgetlength(row, 0, i));
    result_.Offer(bytes, [&] { return RowOf(row, columns); });
  }

  Error Explain(const PGresult* result, const Statement& statement) {
    const auto field = [&](int code) {
      const char* text = PQresultErrorField(result, code);
      return std::string(text == nullptr ? "" : text);
    };
    if (script_.stop.raised()) return Stopped();
    for (const int code : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT, PG_DIAG_CONTEXT}) {
      if (const std::string text = field(code); !text.empty()) log_.Line("  " + text);
    }
    std::int64_t line = statement.line;
    if (const auto position = WholeNumber(field(PG_DIAG_STATEMENT_POSITION))) {
      const std::string_view before = std::string_view(statement.text).substr(0, static_cast<std::size_t>(*position));
      line += std::count(before.begin(), before.end(), '\n');
    }
    std::string primary = field(PG_DIAG_MESSAGE_PRIMARY);
    if (primary.empty()) primary = PgErrorText(result);
    return {ErrorCode::kFailed, fmt::format("{} (SQLSTATE {}, line {})", primary, field(PG_DIAG_SQLSTATE), line), ""};
  }

  // Within the transaction all of it is undone. Without one, nobody knows of the statement that was under way.
  // `said`: what the server said before it hung up.
  Error Lost(const Error& error, const std::optional<Error>& said) const {
    if (error.code == ErrorCode::kInvalid) return error;
    if (!script_.autocommit && script_.stop.raised()) return Stopped();
    const std::string& why = said ? said->message : error.message;
    if (!script_.autocommit)
      return {ErrorCode::kUnavailable, "the connection was lost, so nothing of the script is stored: " + why, ""};
    return {ErrorCode::kInDoubt,
            "the connection was lost while a statement ran: whether it took effect cannot be known: " + why, ""};
  }

  // Not to be cancelled: it would not be known what became of it.
  Status Commit() {
    const PgResult committed = connection_->Simple("commit", {std::nullopt, &script_.stop, kCommitPatience});
    if (connection_->IsLost()) {
      return Error{ErrorCode::kInDoubt, "no answer came to the commit: whether it took effect cannot be known", ""};
    }
    if (PQresultStatus(committed.get()) == PGRES_COMMAND_OK &&
        std::string_view(PQcmdStatus(committed.get())) == "COMMIT")
      return Ok();
    const std::string why = PgErrorText(committed.get());
    return Error{ErrorCode::kFailed, why.empty() ? "the transaction was rolled back" : why, ""};
  }

  Script& script_;
  PgPool& pool_;
  AttemptLog& log_;
  SqlResult result_;
  std::unique_ptr<PgConnection> connection_;
};

Result<std::vector<Statement>> ReadStatements(const Value& spec) {
  std::vector<Statement> statements;
  const Value* list = spec.Find("statements");
  if (list == nullptr || !list->is_list()) return Error{ErrorCode::kInvalid, "there are no statements", ""};
  for (const Value& one : list->list()) {
    Statement statement{TextIn(one, "text"), {}, NumberIn(one, "line", 1)};
    if (const Value* params = one.Find("params"); params != nullptr && params->is_list()) {
      for (const Value& value : params->list()) {
        auto text = PgText(value);
        if (!text) return text.error();
        statement.params.push_back(std::move(*text));
      }
    }
    statements.push_back(std::move(statement));
  }
  return statements;
}

}  // namespace

Result<std::unique_ptr<Job>> BeginSql(const Value& spec, const Tools& tools, AttemptLog& log, JobDone done) {
  const Value* connection = spec.Find("connection");
  auto parameters = PgParametersOf(connection == nullptr ? Value() : *connection);
  if (!parameters) return parameters.error();
  auto statements = ReadStatements(spec);
  if (!statements) return statements.error();
  auto script = std::make_shared<Script>();
  script->parameters = std::move(*parameters);
  script->statements = std::move(*statements);
  script->statement_timeout = Micros(NumberIn(spec, "statement_timeout"));
  script->autocommit = FlagIn(spec, "autocommit", false);
  script->output = TextIn(spec, "output");
  std::shared_ptr<StopFlag> stop(script, &script->stop);
  return RunOnThread(
      tools.loop, tools.threads, std::move(stop),
      [script, &pool = tools.databases, &log] { return ScriptRun(*script, pool, log).Run(); }, std::move(done));
}

}  // namespace pipelined::worker
