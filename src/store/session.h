// One connection to the database, opened on purpose and never reopened behind our back, and the one place where
// libpqxx's exceptions become errors.
#pragma once

#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/store/options.h"
#include "store/known_counts.h"

namespace pipelined {

// A row was not as expected, found by this program rather than by the database.
struct StaleRow : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Of the exception that is being handled. `what` says what was attempted: "store the turn".
Error TranslateException(const char* what);

// What `work` answers, or the error that it threw.
template <class Work>
auto Guard(const char* what, Work&& work) -> std::invoke_result_t<Work> {
  try {
    return work();
  } catch (const std::exception&) {
    return TranslateException(what);
  }
}

// Not thread-safe. Throws what libpqxx throws.
class Session {
 public:
  // Connects; the schema need not exist.
  Session(const StoreOptions& options, const char* application);

  pqxx::connection& raw() { return connection_; }
  // Sends PREPARE once per name.
  void Prepare(const std::string& name, const std::string& sql);
  // Whether the server has hung up, as far as this side can know without asking it. Takes in notifications.
  bool HungUp();
  int fd() { return connection_.sock(); }

  // A statement that is a transaction of its own: one round trip.
  template <class... Args>
  pqxx::result Run(const std::string& name, const std::string& sql, const Args&... args) {
    Prepare(name, sql);
    pqxx::nontransaction transaction(connection_);
    return transaction.exec_prepared(name, args...);
  }
  template <class... Args>
  pqxx::result In(pqxx::transaction_base& transaction, const std::string& name, const std::string& sql,
                  const Args&... args) {
    Prepare(name, sql);
    return transaction.exec_prepared(name, args...);
  }

  // A statement whose text is put together for what was asked. Most are asked for again, and to plan one of many joins
  // takes longer than to carry it out: the texts that were asked for last stay prepared.
  pqxx::result RunListing(const std::string& sql, const std::vector<std::string>& parameters);
  KnownCounts& counts() { return *counts_; }
  void Share(std::shared_ptr<KnownCounts> counts) { counts_ = std::move(counts); }  // with other sessions

 private:
  const std::string& NameOf(const std::string& listing);

  pqxx::connection connection_;
  struct Prepared {
    std::string text, name;
  };
  std::list<Prepared> listings_;  // the last one asked for first
  std::unordered_map<std::string_view, std::list<Prepared>::iterator> by_text_;
  std::int64_t prepared_ = 0;  // so many since the start
  std::shared_ptr<KnownCounts> counts_ = std::make_shared<KnownCounts>();
};

std::string QuoteIdentifier(const std::string& name);

}  // namespace pipelined
