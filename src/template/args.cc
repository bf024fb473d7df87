#include <fmt/format.h>

#include <algorithm>

#include "template/machine.h"

namespace pipelined::tmpl {

const Val* Args::Named(std::string_view name) {
  for (auto& [key, value] : named_) {
    if (key != name) continue;
    key.clear();  // taken
    return &value;
  }
  return nullptr;
}

const Val* Args::Optional(std::string_view name) {
  const Val* named = Named(name);
  if (next_ >= positional_.size()) return named;
  if (named != nullptr) TypeError(fmt::format("{}() got multiple values for argument '{}'", function_, name));
  return &positional_[next_++];
}

const Val& Args::Required(std::string_view name) {
  const Val* given = Optional(name);
  if (given == nullptr) TypeError(fmt::format("{}() misses its argument '{}'", function_, name));
  return *given;
}

std::int64_t Args::Integer(std::string_view name, std::int64_t otherwise) {
  const Val* given = Optional(name);
  return given == nullptr || given->is(Kind::kNone) ? otherwise : AsInteger(*given, name);
}
std::int64_t Args::RequiredInteger(std::string_view name) {
  return AsInteger(Required(name), name);
}

std::string Args::String(std::string_view name, std::string otherwise) {
  const Val* given = Optional(name);
  return given == nullptr || given->is(Kind::kNone) ? otherwise : AsString(*given, name);
}
std::string Args::RequiredString(std::string_view name) {
  return AsString(Required(name), name);
}

bool Args::Flag(std::string_view name, bool otherwise) {
  const Val* given = Optional(name);
  return given == nullptr ? otherwise : Truth(*given);
}

Vals Args::Rest() {
  Vals rest(positional_.begin() + static_cast<std::ptrdiff_t>(next_), positional_.end());
  next_ = positional_.size();
  return rest;
}

std::vector<std::pair<std::string, Val>> Args::RestNamed() {
  std::vector<std::pair<std::string, Val>> rest;
  for (auto& [key, value] : named_) {
    if (!key.empty()) rest.emplace_back(key, value);
    key.clear();
  }
  return rest;
}

void Args::Done() {
  if (next_ < positional_.size())
    TypeError(fmt::format("{}() takes at most {} arguments, not {}", function_, next_, positional_.size()));
  for (const auto& [key, value] : named_) {
    if (!key.empty()) TypeError(fmt::format("{}() got an unexpected argument '{}'", function_, key));
  }
}

Origin Args::origin() const {
  Origin origin = Origin::kFile;
  for (const Val& val : positional_) origin = origin | val.origin();
  for (const auto& [name, val] : named_) origin = origin | val.origin();
  return origin;
}

const std::string& AsString(const Val& val, std::string_view what) {
  if (!val.is(Kind::kString)) TypeError(fmt::format("{} must be a text (str), not {}", what, TypeName(val)));
  return val.string();
}

std::int64_t AsInteger(const Val& val, std::string_view what) {
  if (!val.is_integer()) TypeError(fmt::format("{} must be a whole number (int), not {}", what, TypeName(val)));
  return val.integer();
}

}  // namespace pipelined::tmpl
