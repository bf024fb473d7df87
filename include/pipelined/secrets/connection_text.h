// A connection as it is written in a variable of the environment or in a file.
#pragma once

#include <string>
#include <string_view>

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"

namespace pipelined::secrets {

// {"conn_type", "host", "login", "password", "schema", "port", "extra"}: as Airflow writes a connection in a variable
// of the environment, a URI (postgres://user:password@host:5432/database?sslmode=require) or JSON. kInvalid: neither;
// the text is not repeated.
Result<Value> ParseConnection(std::string_view text);

// The type by the name that is used here: Airflow knows some by several.
std::string ConnectionType(std::string type);

}  // namespace pipelined::secrets
