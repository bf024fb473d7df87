#include "store/outputs.h"

#include <utility>

namespace pipelined {

void AddOutput(Value::Map& outputs, std::string key, Value value, bool to_list) {
  if (outputs.empty() || outputs.back().first != key)
    outputs.emplace_back(std::move(key), to_list ? Value(Value::List{}) : Value());
  Value& entry = outputs.back().second;
  if (to_list) {
    entry.list().push_back(std::move(value));
  } else {
    entry = std::move(value);
  }
}

}  // namespace pipelined
