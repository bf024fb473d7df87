#include "pipelined/schema/json_schema.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "pipelined/base/secret_name.h"
#include "pipelined/schema/json.h"
#include "schema/schema_shape.h"
#include "schema/text_format.h"

namespace pipelined {
namespace {

constexpr std::size_t kLongestShown = 60;
constexpr std::size_t kMostSteps = 500'000;
constexpr int kDeepest = 400;
constexpr std::size_t kMostFound = 1'000;

// Without what lies under a secret name.
Value Hidden(const Value& value) {
  if (value.is_list()) {
    Value::List items;
    for (const Value& item : value.list()) items.push_back(Hidden(item));
    return items;
  }
  if (!value.is_map()) return value;
  Value::Map map;
  for (const auto& [name, item] : value.map())
    map.emplace_back(name, IsSecretName(name) ? Value(kMasked) : Hidden(item));
  return map;
}

std::string Shown(const Value& value) {
  std::string text = ToJson(Hidden(value));
  if (text.size() > kLongestShown) {
    std::size_t end = kLongestShown;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not within a letter
    text = text.substr(0, end) + "…";
  }
  return text;
}

// What a type of JSON Schema is called in a message.
std::string TypeShown(const Value& type) {
  if (!type.is_list()) return type.is_string() ? type.string() : Shown(type);
  std::string text;
  for (std::size_t i = 0; i < type.list().size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == type.list().size() ? " or " : ", ", TypeShown(type.list()[i]));
  }
  return text;
}

std::string EnumShown(const Value& values) {
  constexpr std::size_t kMostShown = 20;
  std::string text;
  for (std::size_t i = 0; i < values.list().size(); ++i) {
    if (i == kMostShown) return text + fmt::format(" … ({} in all)", values.list().size());
    text += (text.empty() ? "" : ", ") + Shown(values.list()[i]);
  }
  return text;
}

bool Integral(const Value& value) {
  if (value.is_int()) return true;
  return value.is_double() && std::isfinite(value.number()) && std::trunc(value.number()) == value.number();
}

bool HasType(const Value& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return Integral(value);
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_list();
  return value.is_map();
}

bool HasAnyType(const Value& value, const Value& type) {
  if (type.is_string()) return HasType(value, type.string());
  return std::any_of(type.list().begin(), type.list().end(), [&](const Value& one) { return HasAnyType(value, one); });
}

std::size_t Characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Values that JSON Schema takes for equal have the same: 1 and 1.0, objects whatever the order of their keys.
std::string Canonical(const Value& value) {
  if (value.is_double() && Integral(value) && std::abs(value.number()) < 9.2e18)
    return ToJson(Value(static_cast<std::int64_t>(value.number())));
  if (value.is_list()) {
    std::string text = "[";
    for (const Value& item : value.list()) text += Canonical(item) + ",";
    return text + "]";
  }
  if (!value.is_map()) return ToJson(value);
  std::map<std::string, std::string> members;
  for (const auto& [name, member] : value.map()) members[name] = Canonical(member);
  std::string text = "{";
  for (const auto& [name, member] : members) text += ToJson(Value(name)) + ":" + member + ",";
  return text + "}";
}

// Wide enough for every whole number of 64 bits and every double.
long double Exact(const Value& number) {
  return number.is_int() ? static_cast<long double>(number.integer()) : static_cast<long double>(number.number());
}

bool IsMultiple(const Value& value, const Value& of) {
  if (value.is_int() && of.is_int()) return value.integer() % of.integer() == 0;
  if (!std::isfinite(value.number())) return false;
  const long double rest = std::abs(std::remainder(Exact(value), Exact(of)));
  return rest <= Exact(of) * 1e-9L;  // 0.3 is a multiple of 0.1, whatever its bits say
}

struct Place {
  std::string path, pointer;

  Place Member(const std::string& name) const {
    return {path.empty() ? name : path + "." + name, pointer + schema::PointerStep(name)};
  }
  Place Item(std::size_t i) const { return {fmt::format("{}[{}]", path, i), fmt::format("{}/{}", pointer, i)}; }
};

struct Endless {};

// Of a schema without a fault: each of its references leads to a schema.
class Validator {
 public:
  explicit Validator(const Value& root) : root_(root) {}

  std::vector<SchemaViolation> Run(const Value& instance) {
    Check({}, root_, instance);
    return std::move(*found_);
  }

 private:
  // Whether it fits, with what is found going nowhere.
  std::vector<SchemaViolation> Try(const Place& place, const Value& schema, const Value& value) {
    std::vector<SchemaViolation> apart;
    std::vector<SchemaViolation>* const before = std::exchange(found_, &apart);
    Check(place, schema, value);
    found_ = before;
    return apart;
  }

  void Say(const Place& place, std::string message) {
    if (found_->size() < kMostFound) found_->push_back({place.path, std::move(message), place.pointer});
  }

  void Check(const Place& place, const Value& schema, const Value& value) {
    if (++steps_ > kMostSteps || depth_ > kDeepest) throw Endless{};
    if (schema.is_bool()) {
      if (!schema.boolean()) Say(place, "is not allowed here");
      return;
    }
    ++depth_;
    if (const Value* reference = schema.Find("$ref")) {  // what stands beside it does not count
      Check(place, *schema::Resolve(root_, reference->string()), value);
    } else {
      CheckKeywords(place, schema, value);
    }
    --depth_;
  }

  void CheckKeywords(const Place& place, const Value& schema, const Value& value) {
    if (const Value* type = schema.Find("type"); type != nullptr && !HasAnyType(value, *type))
      return Say(place, fmt::format("{} is not of type {}", Shown(value), TypeShown(*type)));
    if (const Value* values = schema.Find("enum")) Enum(place, *values, value);
    if (const Value* constant = schema.Find("const"); constant != nullptr && Canonical(*constant) != Canonical(value))
      Say(place, fmt::format("{} is not {}", Shown(value), Shown(*constant)));
    if (value.is_number()) Number(place, schema, value);
    if (value.is_string()) Text(place, schema, value);
    if (value.is_list()) List(place, schema, value.list());
    if (value.is_map()) Object(place, schema, value);
    Combinations(place, schema, value);
  }

  void Enum(const Place& place, const Value& values, const Value& value) {
    const std::string canonical = Canonical(value);
    steps_ += values.list().size() / 64;  // they are cheap: a list of texts may each be looked for among many
    for (const Value& allowed : values.list()) {
      if (Canonical(allowed) == canonical) return;
    }
    Say(place, fmt::format("{} is not one of {}", Shown(value), EnumShown(values)));
  }

  void Number(const Place& place, const Value& schema, const Value& value) {
    const long double n = Exact(value);
    if (const Value* least = schema.Find("minimum"); least && n < Exact(*least))
      Say(place, fmt::format("must be ≥ {}, not {}", Shown(*least), Shown(value)));
    if (const Value* most = schema.Find("maximum"); most && n > Exact(*most))
      Say(place, fmt::format("must be ≤ {}, not {}", Shown(*most), Shown(value)));
    if (const Value* least = schema.Find("exclusiveMinimum"); least && n <= Exact(*least))
      Say(place, fmt::format("must be > {}, not {}", Shown(*least), Shown(value)));
    if (const Value* most = schema.Find("exclusiveMaximum"); most && n >= Exact(*most))
      Say(place, fmt::format("must be < {}, not {}", Shown(*most), Shown(value)));
    if (const Value* of = schema.Find("multipleOf"); of && !IsMultiple(value, *of))
      Say(place, fmt::format("must be a multiple of {}, not {}", Shown(*of), Shown(value)));
  }

  void Count(const Place& place, const Value& schema, std::size_t count, std::string_view least_key,
             std::string_view most_key, std::string_view what) {
    const auto size = static_cast<long double>(count);
    if (const Value* least = schema.Find(least_key); least && size < Exact(*least))
      Say(place, fmt::format("must have at least {} {}, has {}", Shown(*least), what, count));
    if (const Value* most = schema.Find(most_key); most && size > Exact(*most))
      Say(place, fmt::format("must have at most {} {}, has {}", Shown(*most), what, count));
  }

  bool Matches(const std::string& pattern, const std::string& text) {
    auto& known = patterns_[pattern];
    if (known == nullptr) known = std::make_unique<re2::RE2>(pattern, re2::RE2::Quiet);
    steps_ += text.size() / 64;
    return re2::RE2::PartialMatch(text, *known);
  }

  void Text(const Place& place, const Value& schema, const Value& value) {
    const std::string& text = value.string();
    Count(place, schema, Characters(text), "minLength", "maxLength", "characters");
    if (const Value* pattern = schema.Find("pattern"); pattern != nullptr && !Matches(pattern->string(), text))
      Say(place, fmt::format("{} does not match the pattern {}", Shown(value), Shown(*pattern)));
    if (const Value* format = schema.Find("format"); format && !schema::HasFormat(format->string(), text))
      Say(place, fmt::format("{} is not a {}", Shown(value), format->string()));
  }

  void List(const Place& place, const Value& schema, const Value::List& list) {
    Count(place, schema, list.size(), "minItems", "maxItems", "items");
    const Value* items = schema.Find("items");
    const Value* additional = schema.Find("additionalItems");
    for (std::size_t i = 0; items != nullptr && i < list.size(); ++i) {
      if (!items->is_list()) {
        Check(place.Item(i), *items, list[i]);
      } else if (i < items->list().size()) {
        Check(place.Item(i), items->list()[i], list[i]);
      } else if (additional != nullptr) {
        Check(place.Item(i), *additional, list[i]);
      }
    }
    if (const Value* unique = schema.Find("uniqueItems"); unique != nullptr && unique->boolean()) Unique(place, list);
    const Value* contains = schema.Find("contains");
    if (contains == nullptr) return;
    for (const Value& item : list) {
      if (Try(place, *contains, item).empty()) return;
    }
    Say(place, "has no item of the kind that it must contain");
  }

  void Unique(const Place& place, const Value::List& list) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
      ++steps_;
      if (!seen.insert(Canonical(list[i])).second) Say(place.Item(i), fmt::format("{} is there twice", Shown(list[i])));
    }
  }

  void Object(const Place& place, const Value& schema, const Value& value) {
    Count(place, schema, value.map().size(), "minProperties", "maxProperties", "members");
    if (const Value* required = schema.Find("required")) {
      for (const Value& name : required->list()) {
        if (value.Find(name.string()) == nullptr) Say(place.Member(name.string()), "is required");
      }
    }
    if (const Value* dependencies = schema.Find("dependencies")) Dependencies(place, *dependencies, value);
    const Value* names = schema.Find("propertyNames");
    for (const auto& [name, member] : value.map()) {
      Member(place, schema, name, member);
      if (names == nullptr) continue;
      for (const SchemaViolation& violation : Try(place, *names, Value(name)))
        Say(place.Member(name), "has a name that is not allowed: " + violation.message);
    }
  }

  void Member(const Place& place, const Value& schema, const std::string& name, const Value& member) {
    bool known = false;
    if (const Value* properties = schema.Find("properties")) {
      if (const Value* own = properties->Find(name)) {
        known = true;
        Check(place.Member(name), *own, member);
      }
    }
    if (const Value* patterns = schema.Find("patternProperties")) {
      for (const auto& [pattern, own] : patterns->map()) {
        if (!Matches(pattern, name)) continue;
        known = true;
        Check(place.Member(name), own, member);
      }
    }
    const Value* additional = schema.Find("additionalProperties");
    if (known || additional == nullptr) return;
    if (additional->is_bool()) {
      if (!additional->boolean()) Say(place.Member(name), "is not known here");
      return;
    }
    Check(place.Member(name), *additional, member);
  }

  void Dependencies(const Place& place, const Value& dependencies, const Value& value) {
    for (const auto& [name, needs] : dependencies.map()) {
      if (value.Find(name) == nullptr) continue;
      if (!needs.is_list()) {
        Check(place, needs, value);
        continue;
      }
      for (const Value& other : needs.list()) {
        if (value.Find(other.string()) == nullptr)
          Say(place.Member(other.string()), fmt::format("is required beside {}", name));
      }
    }
  }

  void Combinations(const Place& place, const Value& schema, const Value& value) {
    if (const Value* all = schema.Find("allOf")) {
      for (const Value& one : all->list()) Check(place, one, value);
    }
    if (const Value* any = schema.Find("anyOf")) Alternatives(place, *any, value, false);
    if (const Value* one = schema.Find("oneOf")) Alternatives(place, *one, value, true);
    if (const Value* no = schema.Find("not"); no != nullptr && Try(place, *no, value).empty())
      Say(place, fmt::format("{} is what it must not be", Shown(value)));
    if (const Value* condition = schema.Find("if")) {
      const Value* then = schema.Find(Try(place, *condition, value).empty() ? "then" : "else");
      if (then != nullptr) Check(place, *then, value);
    }
  }

  void Alternatives(const Place& place, const Value& schemas, const Value& value, bool exactly_one) {
    constexpr std::size_t kMostTold = 4;
    std::size_t fitting = 0;
    std::vector<std::string> why;
    for (const Value& schema : schemas.list()) {
      const auto faults = Try(place, schema, value);
      if (faults.empty()) ++fitting;
      if (faults.empty() || why.size() >= kMostTold) continue;
      const SchemaViolation& first = faults.front();
      const bool here = first.path == place.path;
      why.push_back(here ? first.message : fmt::format("{}: {}", first.path, first.message));
    }
    if (fitting == 1 || (fitting > 1 && !exactly_one)) return;
    if (fitting > 1) {
      return Say(place, fmt::format("{} fits {} of {} alternatives, and must fit one only", Shown(value), fitting,
                                    schemas.list().size()));
    }
    Say(place, fmt::format("{} fits no alternative: {}", Shown(value), fmt::join(why, ", or ")));
  }

  const Value& root_;
  std::vector<SchemaViolation> all_;
  std::vector<SchemaViolation>* found_ = &all_;
  std::map<std::string, std::unique_ptr<re2::RE2>> patterns_;
  std::size_t steps_ = 0;
  int depth_ = 0;
};

std::vector<SchemaViolation> Broken(std::string_view why) {
  return {{"", fmt::format("the schema itself is not valid: {}", why), ""}};
}

}  // namespace

std::string SchemaFault(const Value& schema) {
  return schema.is_null() ? "" : schema::FaultOf(schema);
}

std::vector<SchemaViolation> ValidateSchema(const Value& schema, const Value& instance) {
  if (schema.is_null() || (schema.is_map() && schema.map().empty())) return {};
  if (const std::string fault = schema::FaultOf(schema); !fault.empty()) return Broken(fault);
  try {
    return Validator(schema).Run(instance);
  } catch (const Endless&) {
    return Broken("it refers to itself without end, or takes too many steps");
  }
}

}  // namespace pipelined
