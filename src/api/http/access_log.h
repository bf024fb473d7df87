// One line of the log per request, as key=value.
#pragma once

#include <string>

#include "api/transport/transport.h"
#include "pipelined/api/server.h"

namespace pipelined::api {

struct LoggedRequest {
  std::string method, target;  // as sent
  std::string peer, agent;
  std::string user;  // empty: nobody, or nobody known
  int status = 0;
  std::size_t bytes = 0;  // of the body, as sent
  Micros took{0};         // waiting included
  std::string id;
};

bool IsLogged(AccessLog which, const std::string& method, int status);
// Always one line, whatever the client sent, and of limited length.
std::string AccessLine(const LoggedRequest& request);

}  // namespace pipelined::api
