// Outgoing HTTP. The door to cpprestsdk's client.
#pragma once

#include <map>
#include <string>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"

namespace pipelined {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // absolute, already encoded
  std::map<std::string, std::string> headers;
  std::string body;
  Micros timeout = std::chrono::seconds(30);
  std::string ca_file;           // PEM: who may vouch for the server, beside whom the system trusts; empty: nobody else
  bool keep_connection = true;   // for the next request to this server; one that the server has closed meanwhile fails
  bool follow_redirects = true;  // false: their statuses are answers like others
  // For servers that are not trusted to end: the whole exchange takes no longer than `timeout`, and only so many bytes
  // of the answer's body are read, what follows is dropped with the connection, and a body that breaks off is what came
  // of it. 0: neither.
  std::size_t most_body = 0;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// Blocks until the answer is there. kUnavailable: no connection, or no answer in time. Any status is a success here.
// Thread-safe; connections to one server are kept.
Result<HttpResponse> SendHttp(const HttpRequest& request);

}  // namespace pipelined
