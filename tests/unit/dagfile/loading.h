// A DAG from a few lines of YAML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelined/dagfile/load.h"

namespace pipelined {

class UtcOnly : public ZoneSource {
 public:
  Result<std::shared_ptr<const Zone>> Find(std::string_view name) const override {
    if (name == "UTC") return Zone::Utc();
    return Error{ErrorCode::kNotFound, "there is no time zone " + std::string(name), "did you mean \"UTC\"?"};
  }
};

inline LoadResult Load(std::string_view yaml, std::vector<std::string> defaults = {}, LoadLimits limits = {}) {
  LoadOptions options{"/dags/team/sales.yaml", "team/sales.yaml", "", {}, limits};
  for (std::string& text : defaults) options.defaults.push_back({"team/defaults.yaml", std::move(text)});
  return LoadText(yaml, options, UtcOnly());
}

// The only DAG of a text without mistakes; a test that gets another sees an empty one and the reasons on stderr.
inline Dag LoadOne(std::string_view yaml, std::vector<std::string> defaults = {}) {
  const LoadResult result = Load(yaml, std::move(defaults));
  if (!result.diagnostics.empty()) fprintf(stderr, "%s", Format(result.diagnostics).c_str());
  return result.dags.size() == 1 ? *result.dags[0].dag : Dag();
}

}  // namespace pipelined
