#include <fmt/format.h>

#include "cli/commands.h"
#include "pipelined/schema/json.h"

namespace pipelined::cli {

Result<Value> ParamsFromOptions(const std::string& conf, const std::vector<std::string>& params) {
  Value all = Value(Value::Map{});
  if (!conf.empty()) {
    auto parsed = ParseJson(conf, WideIntegers::kRefuse);
    if (!parsed)
      return Error{ErrorCode::kInvalid, "--conf is " + parsed.error().message,
                   "for example: --conf '{\"region\": \"eu\"}'"};
    if (!parsed->is_map())
      return Error{ErrorCode::kInvalid, "--conf is no JSON object", "for example: --conf '{\"region\": \"eu\"}'"};
    all = std::move(*parsed);
  }
  for (const std::string& given : params) {
    const auto equals = given.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{ErrorCode::kInvalid, fmt::format("-p {}: not of the form key=value", given),
                   "for example: -p region=eu"};
    }
    const std::string text = given.substr(equals + 1);
    const auto parsed = ParseJson(text, WideIntegers::kRefuse);
    if (!parsed && (text.starts_with('{') || text.starts_with('[')) && ParseJson(text))
      return Error{ErrorCode::kInvalid, fmt::format("-p {}: {}", given.substr(0, equals), parsed.error().message), ""};
    all.Set(given.substr(0, equals), parsed ? *parsed : Value(text));
  }
  return all;
}

}  // namespace pipelined::cli
