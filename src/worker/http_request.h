// A request put together from the action and its connection, and how it may be shown: without its secrets.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"

namespace pipelined::worker {

struct HttpRequest {
  std::string method, url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> connection_headers;  // names of those that came from the connection
  std::string body;
  bool has_body = false;
  std::string username, password, token;  // how to log in, if at all
  std::string ca_file;
  bool verify = true, follow_redirects = false;
  bool is_bound = false;  // it says who asks: meant for this server and no other one
  std::string shown_url;  // for the log

  bool IsOfConnection(std::string_view header) const {
    return std::find(connection_headers.begin(), connection_headers.end(), header) != connection_headers.end();
  }
};

// kNotAllowed: it would carry what a connection logs in with to another server.
// kInvalid names what cannot be sent: a header of two lines, a scheme that is not http, a text that is not UTF-8.
Result<HttpRequest> MakeRequest(const Value& spec);

// Whether both URLs lead to one server, as libcurl reads them: scheme, host and port.
bool SameServer(const std::string& a, const std::string& b);

// Whether the value of a header may not be shown.
bool IsSecretHeader(std::string_view name);

// `{a: 1, b: [x, y]}` as a=1&b=x&b=y.
std::string FormEncode(const Value& map);

}  // namespace pipelined::worker
