#include "store/session.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace pipelined {
namespace {

constexpr std::size_t kMostListings = 100;

// SQLSTATEs after which the same thing may work on a new connection or a little later.
bool IsPassing(std::string_view state) {
  return state.starts_with("08") || state.starts_with("53") || state.starts_with("57P") || state == "40001" ||
         state == "40P01" || state == "25006";
}

std::string FirstLine(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

Error Unavailable(const char* what, std::string_view why) {
  return Error{ErrorCode::kUnavailable, fmt::format("cannot {}: {}", what, FirstLine(why)),
               "is PostgreSQL running and reachable?"};
}

Error OfSql(const char* what, const pqxx::sql_error& e) {
  const std::string state = e.sqlstate();
  const std::string message = fmt::format("cannot {}: {} (SQLSTATE {})", what, FirstLine(e.what()), state);
  if (state == "PL001" || state == "PL002") return Error{ErrorCode::kStale, message, ""};
  if (state == "PL003") return Error{ErrorCode::kConflict, "no admin would be left", "make another user admin first"};
  if (state == "PL004") return Error{ErrorCode::kInvalid, "there is no such role", "it was deleted just now"};
  if (state == "57014")  // a query was cancelled: by its timeout, or by somebody
    return Error{ErrorCode::kUnavailable, fmt::format("cannot {}: it takes too long", what), "ask for less"};
  if (state == "22P02" || state.starts_with("2200"))  // a text that is no number or no time, or none that there is
    return Error{ErrorCode::kInvalid, fmt::format("cannot {}: a value is malformed", what), ""};
  if (state == "55P03")  // a lock that was waited for only so long
    return Error{ErrorCode::kUnavailable, fmt::format("cannot {}: the table is in use all the time", what),
                 "try again"};
  if (IsPassing(state)) return Error{ErrorCode::kUnavailable, message, ""};
  if (state.starts_with("23")) return Error{ErrorCode::kConstraint, message, ""};
  if (state == "3F000" || state == "42P01" || state == "42883") {
    return Error{ErrorCode::kUnavailable, message, "the schema is missing or old: run `pipelined db migrate`"};
  }
  return Error{ErrorCode::kBug, message, ""};
}

struct OptionsFree {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// What libpq is told: `url`, and where that says nothing of it, how long a server is waited for that does not answer.
std::string ConnectionString(const std::string& url, Micros patience) {
  const std::unique_ptr<PQconninfoOption, OptionsFree> parsed(PQconninfoParse(url.c_str(), nullptr));
  if (!parsed) return url;  // which then says what is wrong with it
  const std::int64_t ms = std::max<std::int64_t>(patience.count() / 1000, 2000);
  const std::pair<std::string_view, std::int64_t> waits[] = {{"connect_timeout", std::min<std::int64_t>(ms / 1000, 10)},
                                                             {"tcp_user_timeout", ms},
                                                             {"keepalives_idle", 15},
                                                             {"keepalives_interval", 5},
                                                             {"keepalives_count", 3}};
  std::string text;
  const auto add = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("{}='", name);
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += "' ";
  };
  // What comes later counts. A service has its own word on it.
  const auto named = [&](std::string_view keyword) {
    for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
      if (option->keyword == keyword && option->val != nullptr) return true;
    }
    return false;
  };
  const bool has_service = named("service") || std::getenv("PGSERVICE") != nullptr;
  for (const auto& [name, value] : waits) {
    const bool is_given = has_service || (name == "connect_timeout" && std::getenv("PGCONNECT_TIMEOUT") != nullptr);
    if (!is_given) add(name, std::to_string(value));
  }
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) add(option->keyword, option->val);
  }
  return text;
}

}  // namespace

Error TranslateException(const char* what) {
  try {
    throw;
  } catch (const StaleRow& e) {
    return Error{ErrorCode::kStale, fmt::format("cannot {}: {}", what, e.what()), ""};
  } catch (const pqxx::in_doubt_error& e) {
    return Error{ErrorCode::kInDoubt,
                 fmt::format("{}: the connection broke in COMMIT: it may or may not have happened", what), ""};
  } catch (const pqxx::broken_connection& e) {
    return Unavailable(what, e.what());
  } catch (const pqxx::sql_error& e) {
    return OfSql(what, e);
  } catch (const std::exception& e) {
    return Error{ErrorCode::kBug, fmt::format("cannot {}: {}", what, FirstLine(e.what())), ""};
  }
}

std::string QuoteIdentifier(const std::string& name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

Session::Session(const StoreOptions& options, const char* application)
    : connection_(ConnectionString(options.url, options.patience)) {
  // A quiet reconnect would lose settings, LISTEN and the knowledge that anything was lost at all.
  connection_.inhibit_reactivation(true);
  pqxx::nontransaction setup(connection_);
  setup.exec(
      fmt::format("set search_path to {}; set timezone to 'UTC'; set jit to off; set client_min_messages to warning; "
                  "set synchronous_commit to on; set application_name to '{}'",
                  QuoteIdentifier(options.schema), application));
  // A node that remembers rows by the million it expects takes memory for all of them each time, for the fifty that a
  // page has. PostgreSQL 13 has no such nodes.
  setup.exec("select set_config(name, 'off', false) from pg_settings where name = 'enable_memoize'");
}

void Session::Prepare(const std::string& name, const std::string& sql) {
  connection_.prepare(name, sql);
}

// Of the prepared statement; the one that was not asked for longest makes room.
const std::string& Session::NameOf(const std::string& listing) {
  if (const auto found = by_text_.find(listing); found != by_text_.end()) {
    listings_.splice(listings_.begin(), listings_, found->second);
    return listings_.front().name;
  }
  if (listings_.size() >= kMostListings) {
    connection_.unprepare(listings_.back().name);
    by_text_.erase(listings_.back().text);
    listings_.pop_back();
  }
  std::string name = fmt::format("listing_{}", ++prepared_);
  connection_.prepare(name, listing);
  listings_.push_front({listing, std::move(name)});
  by_text_.emplace(listings_.front().text, listings_.begin());
  return listings_.front().name;
}

pqxx::result Session::RunListing(const std::string& sql, const std::vector<std::string>& parameters) {
  const std::string& name = NameOf(sql);
  pqxx::nontransaction transaction(connection_);
  return transaction.exec_prepared(name, pqxx::prepare::make_dynamic_params(parameters));
}

bool Session::HungUp() {
  pollfd watched{connection_.sock(), POLLIN | POLLRDHUP, 0};
  if (watched.fd < 0) return true;
  while (poll(&watched, 1, 0) > 0) {
    if ((watched.revents & (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL)) != 0) return true;
    try {
      connection_.get_notifs();
    } catch (const pqxx::failure&) {
      return true;
    }
  }
  return false;
}

}  // namespace pipelined
