// A text of SQL as single statements with numbered parameters. Knows quotes, comments and bodies of functions, so that
// neither a semicolon nor a value is taken for what it is not. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/value.h"

namespace pipelined {

enum class SqlDialect : unsigned char { kPostgres, kSqlite };

// Who begins and ends transactions: whoever runs the script, around all of it, or the script.
enum class SqlTransaction : unsigned char { kAroundAll, kOwn };

struct SqlStatement {
  std::string text;           // its parameters are $1, $2 … without gaps
  std::vector<Value> params;  // as many
  int line = 1;               // in the script, where it begins
};

struct SqlFault {
  std::size_t offset = 0;
  int line = 1;
  std::string message, hint;
};

// `script`: as rendered with Quote::kBind, a NUL for each of `bound`. $1, $2 … that stand in it are of `given`.
// Nothing, and `fault` filled: a value stands within quotes, something is not closed, there is no such parameter, a
// statement begins or ends the transaction around all.
std::optional<std::vector<SqlStatement>> SplitSql(std::string_view script, SqlDialect dialect,
                                                  SqlTransaction transaction, const std::vector<Value>& bound,
                                                  const std::vector<Value>& given, SqlFault* fault);

// The same of a template that is not rendered: what can be said of it before. `given`: how many parameters it gets.
std::optional<SqlFault> CheckSqlTemplate(std::string_view text, SqlDialect dialect, SqlTransaction transaction,
                                         std::size_t given);

}  // namespace pipelined
