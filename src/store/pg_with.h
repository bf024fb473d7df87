// PgStore::With, for the files that PgStore is written in.
#pragma once

#include "store/pg_store.h"

namespace pipelined {

template <class Work>
auto PgStore::With(const char* what, Work&& work) -> std::invoke_result_t<Work> {
  return Guard(what, [&]() -> std::invoke_result_t<Work> {
    if (session_ == nullptr) throw pqxx::broken_connection("not connected");
    if (session_->HungUp()) {
      Disconnect();
      throw pqxx::broken_connection("the server closed the connection");
    }
    try {
      return work();
    } catch (const pqxx::broken_connection&) {
      Disconnect();
      throw;
    }
  });
}

}  // namespace pipelined
