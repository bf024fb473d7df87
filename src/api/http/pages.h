// The few pages that are made here: plain, without script, not to be framed.
#pragma once

#include <string>
#include <string_view>

#include "api/http/http.h"

namespace pipelined::api {

std::string EscapeHtml(std::string_view text);

// `body` is HTML; `refresh` a path that the browser goes on to at once, empty: it stays.
Response Page(int status, std::string_view title, std::string_view body, std::string_view refresh = "");

bool WantsPage(const Request& request);  // a browser that shows what it gets
// What is wrong, as a page or as JSON.
Response Refuse(const Request& request, int status, std::string_view message);

Response Redirect(int status, std::string location);

// A path of this server, to go to afterwards; empty: the one given is none, or leads elsewhere.
std::string SafeNext(std::string_view next);

// "a=1&b=x+y" as pairs; those that are malformed are left out.
Pairs ReadForm(std::string_view body);
bool IsForm(const Request& request);

}  // namespace pipelined::api
