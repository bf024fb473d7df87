// The bytes of an answer up to its body.
#pragma once

#include <string>

#include "api/http/http.h"
#include "pipelined/base/time.h"

namespace pipelined::api {

enum class Framing : unsigned char { kLength, kChunked, kUntilClosed };

struct Sending {
  bool keep_alive = false;
  Instant now;
  Framing framing = Framing::kLength;  // how the client finds the body's end
};

// Status line and fields, the blank line included. Content-Length is the body's, also where the body is then not sent
// (HEAD); 204 and 304 have none. A line break in a value becomes a blank: no answer can be split in two.
std::string ResponseHead(const Response& response, const Sending& how);

}  // namespace pipelined::api
