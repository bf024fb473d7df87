// Changing many at once: {"actions": [{"action": "create", "entities": […]}, …]}: how such a body is read and such a
// request answered. What went wrong with an action is in the answer, which is then 200.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/http/body.h"
#include "api/service.h"

namespace pipelined::api {

struct BulkAction {
  enum class Kind : std::uint8_t { kCreate, kUpdate, kDelete } kind = Kind::kCreate;
  std::string otherwise = "fail";  // where an entity is there already, or is not: fail, skip, overwrite
  std::vector<std::string> update_mask;
  Value::List entities;
  Value::List where;  // of the entities, for refusals
};
std::string_view ToString(BulkAction::Kind kind);  // "create", "update", "delete"

// Whether a refusal repeats what was sent.
enum class Inputs : std::uint8_t { kShown, kHidden };

// The actions of a body, or its refusal.
std::variant<std::vector<BulkAction>, Response> ReadBulk(const Request& request, Inputs inputs);

class BulkResults {
 public:
  void Begin(BulkAction::Kind kind);
  void Done(BulkAction::Kind kind, const std::vector<std::string>& names);
  void Fail(BulkAction::Kind kind, int status, const std::string& message);
  Response Answer() const;

 private:
  struct Part {
    bool asked = false;
    Value::List success, errors;
  };
  Part parts_[3];
};

}  // namespace pipelined::api
