// What client and server agree on whatever the route: media types, compression, and whether the client has the answer.
#pragma once

#include <optional>

#include "api/http/http.h"

namespace pipelined::api {

// 415: a body that is no JSON, or one that is compressed. A body without a type is taken for JSON.
std::optional<Response> RefuseMedia(const Request& request);

// 406: a client that reads no JSON.
std::optional<Response> RefuseAccept(const Request& request);

// Whether a client would rather read text than JSON, where a route has both: it names text/plain first.
bool WantsText(const Request& request);

// Turns the answer of a route into the one that this client wants: 304 where it has it (by the ETag of the handler,
// else of the body); compressed where it can read that and `gzip` is set. A handler's Cache-Control stays. Only answers
// 200 and 304 to GET and HEAD are touched.
void Negotiate(const Request& request, bool gzip, Response& response);

}  // namespace pipelined::api
