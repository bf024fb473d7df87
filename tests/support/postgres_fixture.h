// A PostgreSQL server of one test program: made at first use in a temporary folder, reached by a unix socket only, gone
// at exit.
#pragma once

#include <sys/types.h>

#include <string>

namespace pipelined::testing {

class PostgresFixture {
 public:
  static PostgresFixture& Shared();
  ~PostgresFixture();
  const std::string& url() const { return url_; }
  // A name that no other test uses.
  std::string NewSchema();

 private:
  PostgresFixture();
  std::string dir_, url_;
  pid_t server_ = -1;
  int schemas_ = 0;
};

}  // namespace pipelined::testing
