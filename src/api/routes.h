// The table of all routes. What is not in it does not exist: no handler is reached by a prefix, a suffix or a default.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/http.h"
#include "api/access/need.h"
#include "api/service.h"

namespace pipelined::api {

enum class Answer : unsigned char {
  kJson,
  kOther,  // or what the handler makes of Accept
  kPage,   // the same, for browsers: the handler also reads what forms send
};

struct Route {
  std::string_view method;
  std::string_view pattern;       // "/api/v2/dags/{dag_id}"; literal segments win over {…}
  std::string_view operation_id;  // Airflow's
  Need need;
  Response (*handler)(const Call&) = nullptr;
  Answer answer = Answer::kJson;
};

std::span<const Route> Routes();

struct Match {
  const Route* route = nullptr;           // nullptr: no such path, or not with this method
  std::vector<std::string_view> methods;  // of this path, when only the method is wrong
  std::vector<std::pair<std::string_view, std::string>> args;
};

Match FindRoute(std::string_view method, const std::vector<std::string>& segments);

// From a request to its answer: route, token, permission, handler. Never throws.
Response Dispatch(Service& service, const Request& request);

}  // namespace pipelined::api
