// What an answer shows of values that may be secret: "***" instead of them, by the names that they have, as Airflow.
#pragma once

#include <string>
#include <string_view>

#include "pipelined/base/secret_name.h"
#include "pipelined/base/value.h"

namespace pipelined::api {

// `text` as the value of `name`. JSON is written anew, as Python does, with what is secret in it masked.
std::string ShowValue(std::string_view name, const std::string& text);

// `sent` with every secret that is still "***" as it is in `stored`: who changes what an answer has shown does not know
// more.
Value Unmask(Value sent, const Value& stored);

// `value` with "***" for what has a secret name in it, at every depth.
Value MaskSecrets(const Value& value);

// JSON as Python's json.dumps() writes it: ", " and ": ", ASCII only.
std::string PythonJson(const Value& value);

}  // namespace pipelined::api
