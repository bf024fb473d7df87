// What client and server agree on whatever the route: media types, compression, and whether the client has the answer.
#pragma once

#include <optional>

#include "api/http.h"

namespace pipelined::api {

// 415: a body that is no JSON, or one that is compressed. A body without a type is taken for JSON.
std::optional<Response> RefuseMedia(const Request& request);

// Turns the answer of a route into the one that this client wants: 406 where it reads no JSON; 304 where it has it
// (ETag); compressed where it can read that and `gzip` is set. Only answers 200 to GET and HEAD are touched.
void Settle(const Request& request, bool gzip, Response& response);

}  // namespace pipelined::api
