// What each operation is for, what it takes and what it answers, as the description of the API tells it. The routes say
// who may call it and where; parameters.h says what its query may hold.
#pragma once

#include <string_view>
#include <vector>

#include "api/routes.h"

namespace pipelined::api {

struct OperationRow {
  std::string_view id, summary;
  std::string_view body;     // a type of schemas.h; empty: takes none
  std::string_view answers;  // "200 DAGResponse text/plain; 409": status, type when it is JSON, other media types
};

// nullptr: nothing is written down of it, which a test refuses.
const OperationRow* FindOperation(std::string_view id);

struct Documented {
  int status = 200;
  std::string_view type;                // of the JSON; empty: no JSON, or no body
  std::vector<std::string_view> media;  // beside JSON
};

// Its answers, with those that come of its route: 401 and 403 where a token is needed, 404 of a name in the path …
std::vector<Documented> AnswersOf(const Route& route);

// Who may call it, as far as the description tells: anybody; nobody without a token.
bool IsPublic(const Route& route);
bool NeedsToken(const Route& route);

// The heading under which an operation is listed.
std::string_view HeadingOf(const Route& route);

}  // namespace pipelined::api
