// The request target ("/api/v2/dags/a%20b?limit=5") taken apart. Decoded first and judged afterwards, so that no
// encoding hides a slash or "..". Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/http/http.h"
#include "pipelined/base/result.h"

namespace pipelined::api {

struct Target {
  std::string path;
  std::vector<std::string>
      segments;  // none for "/" alone; one is empty where a slash is trailing or doubled: no route has such
  Pairs query;
};

// kInvalid: "%zz", a slash or backslash or control character hidden in a segment, "." or "..", invalid UTF-8.
Result<Target> ParseTarget(std::string_view raw);

// "%41+" -> "A+"; `plus_is_blank` for queries. kInvalid for a bad escape.
Result<std::string> PercentDecode(std::string_view text, bool plus_is_blank);

}  // namespace pipelined::api
