// Which web pages may read answers. Without a setting none but the server's own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/http/http.h"

namespace pipelined::api {

// "https://a.example.com https://b.example.com" or "*".
std::vector<std::string> SplitOrigins(std::string_view text);
// "*", or what a browser sends as Origin: scheme, host and perhaps port in lower case, and nothing after them.
bool IsOrigin(std::string_view text);

// Says in the answer to a page of one of `origins` that it may read it; to others nothing is said, and a browser keeps
// it from them.
void AllowOrigin(const std::vector<std::string>& origins, const Request& request, Response& response);

// The value of Allow: a path that has GET has HEAD, and each has OPTIONS.
std::string Allow(const std::vector<std::string_view>& methods);
// What OPTIONS is answered where a path has `methods`; also a browser's question before a request with a token.
Response Options(const std::vector<std::string_view>& methods);

}  // namespace pipelined::api
