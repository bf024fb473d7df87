// The description of this API as an OpenAPI 3.1 document: made from the tables of routes, operations, parameters and
// objects, so that it cannot name what does not exist.
#pragma once

#include <string>

#include "pipelined/base/value.h"

namespace pipelined::api {

Value OpenApiDocument(const std::string& version);

// The same as a page of HTML that needs nothing beside itself; `style` is its style sheet, which a policy for its
// content can name by its hash.
struct DocsPage {
  std::string html, style;
};
DocsPage MakeDocsPage(const Value& document);

}  // namespace pipelined::api
