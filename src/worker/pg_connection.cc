#include "worker/pg_connection.h"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <thread>

#include "pipelined/base/clock.h"
#include "pipelined/schema/json.h"
#include "worker/job.h"

namespace pipelined::worker {
namespace {

constexpr Micros kConnectPatience = std::chrono::seconds(30);
constexpr Micros kCancelPatience = std::chrono::seconds(5);  // for a query to end that was cancelled
constexpr Micros kAnswerPatience = std::chrono::seconds(5);  // for what takes no time
constexpr std::size_t kMostKept = 1 << 20;                   // bytes of one message, for a connection that is kept

// A peer that died without a word is noticed within half a minute, also where libpq itself waits for it.
const PgParameters kDeadPeer{{"tcp_user_timeout", "30000"},
                             {"keepalives", "1"},
                             {"keepalives_idle", "15"},
                             {"keepalives_interval", "5"},
                             {"keepalives_count", "3"}};

// Of a connection's extra, what libpq may be told. Nothing that names files of passwords, or another server.
constexpr std::array<std::string_view, 17> kExtras{"sslmode",
                                                   "sslrootcert",
                                                   "sslcert",
                                                   "sslkey",
                                                   "sslcrl",
                                                   "ssl_min_protocol_version",
                                                   "channel_binding",
                                                   "application_name",
                                                   "connect_timeout",
                                                   "options",
                                                   "target_session_attrs",
                                                   "gssencmode",
                                                   "keepalives",
                                                   "keepalives_idle",
                                                   "keepalives_interval",
                                                   "keepalives_count",
                                                   "tcp_user_timeout"};

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

// Until the socket is ready or `stop` is raised, at most for `patience`. False: neither.
bool Await(int socket, short events, const StopFlag* stop, Micros patience) {
  pollfd waits[2] = {{socket, events, 0}, {stop == nullptr ? -1 : stop->fd(), POLLIN, 0}};
  const int ms = static_cast<int>(std::min<std::int64_t>(patience.count() / 1000 + 1, 60'000));
  return poll(waits, 2, std::max(ms, 0)) != 0;
}

bool IsScalar(const Value& value) {
  return !value.is_list() && !value.is_map();
}

// {1,"a \"quoted\" one",NULL}
std::string ArrayText(const Value::List& list) {
  std::string text = "{";
  for (const Value& item : list) {
    if (text.size() > 1) text += ',';
    if (item.is_null()) {
      text += "NULL";
    } else if (item.is_list()) {
      text += ArrayText(item.list());
    } else if (!item.is_string()) {
      text += ToJson(item);
    } else {
      text += '"';
      for (const char c : item.string()) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
      }
      text += '"';
    }
  }
  return text + "}";
}

bool IsArray(const Value& value) {
  return value.is_list() && std::all_of(value.list().begin(), value.list().end(),
                                        [](const Value& item) { return IsScalar(item) || IsArray(item); });
}

}  // namespace

std::string PgErrorText(const PGresult* result) {
  return Trimmed(PQresultErrorMessage(result));
}

Result<PgParameters> PgParametersOf(const Value& connection) {
  const std::string type = TextIn(connection, "conn_type");
  if (type != "postgres" && type != "postgresql" && type != "pgsql")
    return Error{ErrorCode::kInvalid, fmt::format("the connection is of type \"{}\", not postgres", type), ""};
  PgParameters parameters{{"client_encoding", "UTF8"}, {"fallback_application_name", "pipelined"}};
  parameters.insert(parameters.end(), kDeadPeer.begin(), kDeadPeer.end());  // what comes later counts
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) parameters.emplace_back(name, value);
  };
  add("host", TextIn(connection, "host"));
  if (const std::int64_t port = NumberIn(connection, "port"); port != 0) add("port", std::to_string(port));
  add("user", TextIn(connection, "login"));
  add("password", TextIn(connection, "password"));
  add("dbname", TextIn(connection, "schema"));
  const auto extra = ParseJson(TextIn(connection, "extra"));
  if (!extra || !extra->is_map()) return parameters;
  for (const auto& [name, value] : extra->map()) {
    if (std::find(kExtras.begin(), kExtras.end(), name) != kExtras.end()) add(name.c_str(), ToText(value));
  }
  return parameters;
}

Result<std::optional<std::string>> PgText(const Value& value) {
  std::optional<std::string> text;
  if (value.is_null()) return text;
  text = IsArray(value) ? ArrayText(value.list()) : ToText(value);
  if (text->find('\0') != std::string::npos)
    return Error{ErrorCode::kInvalid, "a value holds a NUL, which PostgreSQL cannot keep", ""};
  return text;
}

Result<std::unique_ptr<PgConnection>> PgConnection::Open(const PgParameters& parameters, const StopFlag& stop) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : parameters) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<PgConnection> made(new PgConnection(PQconnectStartParams(names.data(), values.data(), 0)));
  const Micros limit = SystemClock().Monotonic() + kConnectPatience;
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  while (PQstatus(made->connection_) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
         status != PGRES_POLLING_FAILED) {
    const Micros left = limit - SystemClock().Monotonic();
    if (stop.raised()) return Error{ErrorCode::kStale, "it was stopped", ""};
    if (left.count() <= 0) return Error{ErrorCode::kUnavailable, "the database does not answer within 30s", ""};
    Await(PQsocket(made->connection_), status == PGRES_POLLING_READING ? POLLIN : POLLOUT, &stop, left);
    status = PQconnectPoll(made->connection_);
  }
  if (made->IsLost()) return Error{ErrorCode::kUnavailable, made->LastError(), ""};
  PQsetNoticeReceiver(made->connection_, TakeNotice, made.get());
  return made;
}

std::string PgConnection::LastError() const {
  return Trimmed(PQerrorMessage(connection_));
}

void PgConnection::TakeNotice(void* self, const PGresult* result) {
  auto* const connection = static_cast<PgConnection*>(self);
  connection->NoteSize(PQresultMemorySize(result));
  if (connection->notice_) connection->notice_(PgErrorText(result));
}

Status PgConnection::Run(const std::string& statement, const std::vector<std::optional<std::string>>& params,
                         const StopFlag& stop, const std::function<void(PGresult*)>& take) {
  std::vector<const char*> values;
  std::size_t bytes = statement.size();
  for (const auto& param : params) {
    values.push_back(param ? param->c_str() : nullptr);
    if (param) bytes += param->size();
  }
  NoteSize(bytes);
  if (PQsendQueryParams(connection_, statement.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                        nullptr, nullptr, 0) != 1)
    return Error{ErrorCode::kUnavailable, LastError(), ""};
  PQsetSingleRowMode(connection_);
  bool cancelled = false;
  for (;;) {
    if (const Status awaited = AwaitResult(stop, &cancelled); !awaited) return awaited;
    const PgResult result(PQgetResult(connection_));
    if (!result) return IsLost() ? Status(Error{ErrorCode::kUnavailable, LastError(), ""}) : Ok();
    NoteSize(PQresultMemorySize(result.get()));
    const ExecStatusType kind = PQresultStatus(result.get());
    take(result.get());
    if (kind == PGRES_COPY_IN || kind == PGRES_COPY_OUT || kind == PGRES_COPY_BOTH)
      return Error{ErrorCode::kInvalid, "COPY to or from the client is not possible here", ""};
  }
}

// Until PQgetResult() does not block.
Status PgConnection::AwaitResult(const StopFlag& stop, bool* cancelled) {
  Micros give_up{0};
  for (;;) {
    const int unsent = PQflush(connection_);
    if (unsent < 0) return Error{ErrorCode::kUnavailable, LastError(), ""};
    if (PQisBusy(connection_) == 0) return Ok();
    if (stop.raised() && !*cancelled) {
      *cancelled = true;
      Cancel();
    }
    if (*cancelled && give_up.count() == 0) give_up = SystemClock().Monotonic() + kCancelPatience;
    const Micros left = *cancelled ? give_up - SystemClock().Monotonic() : Micros(60'000'000);
    if (left.count() <= 0) {
      is_given_up_ = true;
      return Error{ErrorCode::kUnavailable, "the database does not answer to a cancel", ""};
    }
    Await(PQsocket(connection_), static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0)), *cancelled ? nullptr : &stop,
          left);
    if (PQconsumeInput(connection_) != 1) return Error{ErrorCode::kUnavailable, LastError(), ""};
  }
}

// libpq waits for as long as TCP does until the server has taken it: not here.
void PgConnection::Cancel() {
  PGcancel* cancel = PQgetCancel(connection_);
  if (cancel == nullptr) return;
  const auto ask = [cancel] {
    char why[256];
    PQcancel(cancel, why, sizeof why);
    PQfreeCancel(cancel);
  };
  try {
    std::thread(ask).detach();
  } catch (const std::system_error&) {  // no thread is left: nobody asks, and the wait for the answer ends by itself
    PQfreeCancel(cancel);
  }
}

PgResult PgConnection::Simple(const char* statements, const Patience& patience) {
  PgResult last;
  if (IsLost() || PQsendQuery(connection_, statements) != 1) return last;
  std::optional<Micros> limit;
  if (patience.at_most) limit = SystemClock().Monotonic() + *patience.at_most;
  const StopFlag* stop = patience.stop;
  for (;;) {
    const int unsent = PQflush(connection_);
    if (unsent == 0 && PQisBusy(connection_) == 0) {
      PgResult result(PQgetResult(connection_));
      if (!result) return last;
      last = std::move(result);
      continue;
    }
    const Micros now = SystemClock().Monotonic();
    if (stop != nullptr && stop->raised()) {
      limit = std::min(limit.value_or(now + patience.after_stop), now + patience.after_stop);
      stop = nullptr;
    }
    if (unsent < 0 || (limit && now >= *limit)) {
      is_given_up_ = true;
      return {};
    }
    Await(PQsocket(connection_), static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0)), stop,
          limit ? *limit - now : Micros(60'000'000));
    if (PQconsumeInput(connection_) != 1) {
      // Whoever hangs up may have said why before.
      if (PQresultStatus(last.get()) != PGRES_FATAL_ERROR) last.reset();
      return last;
    }
  }
}

void PgConnection::NoteSize(std::size_t bytes) {
  if (bytes > kMostKept) is_large_ = true;
}

bool PgConnection::CanWatch(const Patience& patience) {
  constexpr int kKnowsIt = 140'000;
  if (PQserverVersion(connection_) < kKnowsIt) return false;
  if (!can_watch_) {
    const PgResult said = Simple("select version() like '%linux%'", patience);
    if (PQresultStatus(said.get()) != PGRES_TUPLES_OK) return false;
    can_watch_ = std::string_view(PQgetvalue(said.get(), 0, 0)) == "t";
  }
  return *can_watch_;
}

bool PgConnection::Reset() {
  notice_ = nullptr;
  if (IsLost() || !IsIdle() || is_large_) return false;
  return PQresultStatus(Simple("discard all", {kAnswerPatience}).get()) == PGRES_COMMAND_OK;
}

}  // namespace pipelined::worker
