// A value in a URL that is being put together.
#pragma once

#include <string>
#include <string_view>

namespace pipelined::tmpl {

// `value` as it may stand behind `before`: in the path, the query and the fragment percent-encoded, so that it is one
// part of them; at the very beginning, where it may be a URL itself, as it is; in the host only what a host is made of.
// Raises kUnsafe for what cannot stand there.
std::string UrlPart(std::string_view before, std::string_view value);

}  // namespace pipelined::tmpl
