// A request put together from the action and its connection, and how it may be shown: without its secrets.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"

namespace pipelined::worker {

struct HttpRequest {
  std::string method, url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool has_body = false;
  std::string username, password, token;  // how to log in, if at all
  std::string ca_file;
  bool verify = true, follow_redirects = false;
  std::string shown_url;  // for the log
};

// kInvalid names what cannot be sent: a header of two lines, a scheme that is not http, a text that is not UTF-8.
Result<HttpRequest> MakeRequest(const Value& spec);

// `text` as it may stand in a log: values of secret names in a query are ***.
std::string ShowUrl(std::string_view url);

// Whether the value of a header may not be shown.
bool IsSecretHeader(std::string_view name);

// `{a: 1, b: [x, y]}` as a=1&b=x&b=y.
std::string FormEncode(const Value& map);

}  // namespace pipelined::worker
