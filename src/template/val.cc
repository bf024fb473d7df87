#include "template/val.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pipelined/base/near_match.h"
#include "template/machine.h"
#include "template/utf8.h"

namespace pipelined::tmpl {

struct Val::Items {
  Vals vals;
  int depth;
  bool group = false;
};
struct Val::Entries {
  Pairs pairs;
  int depth;
};

namespace {

int CheckDepth(int depth) {
  if (depth > Val::kDeepest)
    Raise(TemplateFault::kLimit, fmt::format("values are nested deeper than {} levels", Val::kDeepest));
  return depth;
}

bool SameKey(const Val& a, const Val& b) {
  if (a.is(Kind::kString) && b.is(Kind::kString)) return a.string() == b.string();
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  return a.is(Kind::kNone) && b.is(Kind::kNone);
}

bool CanBeKey(const Val& val) {
  return val.is(Kind::kString) || val.is_number() || val.is(Kind::kNone);
}

}  // namespace

Val Object::Call(Machine&, Args&) const {
  TypeError(fmt::format("{} cannot be called", Text()));
}

Val Val::Undefined(std::string what, std::string hint) {
  return Val(Kind::kUndefined,
             std::make_shared<const Missing>(Missing{std::move(what), std::move(hint), Fault::kNowhere, 1, false}));
}

Val Val::Nothing(std::string what) {
  return Val(Kind::kUndefined, std::make_shared<const Missing>(Missing{std::move(what), {}, Fault::kNowhere, 1, true}));
}

bool Val::is_nothing() const {
  return is(Kind::kUndefined) && std::get<std::shared_ptr<const Missing>>(data_)->nothing;
}

void Val::RaiseUndefined() const {
  const Missing& missing = *std::get<std::shared_ptr<const Missing>>(data_);
  throw Fault{TemplateFault::kUndefined, missing.what, missing.hint, missing.offset, missing.length};
}

Val Val::MissingAt(std::size_t offset, std::size_t length) const {
  Missing missing = *std::get<std::shared_ptr<const Missing>>(data_);
  if (missing.offset != Fault::kNowhere) return *this;
  missing.offset = offset;
  missing.length = length;
  return Val(Kind::kUndefined, std::make_shared<const Missing>(std::move(missing)));
}

const std::string& Val::missing_what() const {
  return std::get<std::shared_ptr<const Missing>>(data_)->what;
}
const std::string& Val::missing_hint() const {
  return std::get<std::shared_ptr<const Missing>>(data_)->hint;
}

Val Val::Sequence(Kind kind, Vals items) {
  int depth = 0;
  Origin origin = Origin::kFile;
  for (const Val& item : items) {
    depth = std::max(depth, item.depth());
    origin = origin | item.origin();
  }
  Val list(kind, std::make_shared<const Items>(Items{std::move(items), CheckDepth(depth + 1), false}));
  list.origin_ = origin;
  return list;
}

Val Val::Group(Val key, Val list) {
  Val group = Tuple({std::move(key), std::move(list)});
  Items items = *std::get<std::shared_ptr<const Items>>(group.data_);
  items.group = true;
  group.data_ = std::make_shared<const Items>(std::move(items));
  return group;
}

bool Val::is_group() const {
  return is(Kind::kTuple) && std::get<std::shared_ptr<const Items>>(data_)->group;
}

Val Val::Dict(Pairs pairs) {
  int depth = 0;
  Origin origin = Origin::kFile;
  Pairs unique;
  unique.reserve(pairs.size());
  for (auto& [key, value] : pairs) {
    if (!CanBeKey(key)) TypeError(fmt::format("unhashable type: '{}'", TypeName(key)));
    depth = std::max(depth, value.depth());
    origin = origin | key.origin() | value.origin();
    unique.emplace_back(std::move(key), std::move(value));
  }
  Val dict(Kind::kDict, std::make_shared<const Entries>(Entries{std::move(unique), CheckDepth(depth + 1)}));
  dict.origin_ = origin;
  return dict;
}

Val Val::From(const Value& value, Origin origin) {
  if (value.is_null()) return Val().With(origin);
  if (value.is_bool()) return Bool(value.boolean()).With(origin);
  if (value.is_int()) return Int(value.integer()).With(origin);
  if (value.is_double()) return Float(value.number()).With(origin);
  if (value.is_string()) return Str(value.string()).With(origin);
  if (value.is_list()) {
    Vals items;
    items.reserve(value.list().size());
    for (const Value& item : value.list()) items.push_back(From(item, origin));
    return List(std::move(items)).With(origin);
  }
  Pairs pairs;
  pairs.reserve(value.map().size());
  for (const auto& [key, item] : value.map()) pairs.emplace_back(Str(key).With(origin), From(item, origin));
  return Dict(std::move(pairs)).With(origin);
}

const Vals& Val::items() const {
  return std::get<std::shared_ptr<const Items>>(data_)->vals;
}
const Pairs& Val::pairs() const {
  return std::get<std::shared_ptr<const Entries>>(data_)->pairs;
}

int Val::depth() const {
  if (is_sequence()) return std::get<std::shared_ptr<const Items>>(data_)->depth;
  if (is(Kind::kDict)) return std::get<std::shared_ptr<const Entries>>(data_)->depth;
  if (is(Kind::kObject)) return object().Depth();
  if (is(Kind::kFunction)) return function().Depth();
  return 0;
}

std::string_view TypeName(const Val& val) {
  switch (val.kind()) {
    case Kind::kUndefined:
      val.RaiseUndefined();
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kDate:
      return val.date().date_only ? "date" : "datetime";
    case Kind::kDelta:
      return "timedelta";
    case Kind::kObject:
      return "object";
    case Kind::kFunction:
      return "function";
  }
  return "?";
}

bool Truth(const Val& val) {
  switch (val.kind()) {
    case Kind::kUndefined:
      if (val.is_nothing()) return false;
      val.RaiseUndefined();
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return val.boolean();
    case Kind::kInt:
      return val.integer() != 0;
    case Kind::kFloat:
      return val.number() != 0;
    case Kind::kString:
      return !val.string().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !val.items().empty();
    case Kind::kDict:
      return !val.pairs().empty();
    case Kind::kDelta:
      return val.delta().count() != 0;
    default:
      return true;
  }
}

bool Equal(Machine& machine, const Val& a, const Val& b) {
  machine.Step();
  if (a.is(Kind::kUndefined)) a.RaiseUndefined();
  if (b.is(Kind::kUndefined)) b.RaiseUndefined();
  if (a.is_number() && b.is_number()) {
    return a.is_integer() && b.is_integer() ? a.integer() == b.integer() : a.number() == b.number();
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNone:
      return true;
    case Kind::kString:
      machine.Step(a.string().size() / 64);
      return a.string() == b.string();
    case Kind::kList:
    case Kind::kTuple: {
      if (a.items().size() != b.items().size()) return false;
      for (std::size_t i = 0; i < a.items().size(); ++i) {
        if (!Equal(machine, a.items()[i], b.items()[i])) return false;
      }
      return true;
    }
    case Kind::kDict: {
      if (a.pairs().size() != b.pairs().size()) return false;
      for (const auto& [key, value] : a.pairs()) {
        const Val* other = FindKey(machine, b, key);
        if (other == nullptr || !Equal(machine, value, *other)) return false;
      }
      return true;
    }
    case Kind::kDate:
      return a.date().aware == b.date().aware &&
             (a.date().aware ? a.date().utc() == b.date().utc() : a.date().local == b.date().local);
    case Kind::kDelta:
      return a.delta() == b.delta();
    case Kind::kObject:
      return &a.object() == &b.object();
    case Kind::kFunction:
      return &a.function() == &b.function();
    default:
      return false;
  }
}

namespace {

template <class T>
int Order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

}  // namespace

int Compare(Machine& machine, const Val& a, const Val& b, std::string_view op) {
  machine.Step();
  const std::string_view type_a = TypeName(a), type_b = TypeName(b);  // both defined from here on
  if (a.is_integer() && b.is_integer()) return Order(a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return Order(a.number(), b.number());
  if (a.is(Kind::kString) && b.is(Kind::kString)) {
    machine.Step(std::min(a.string().size(), b.string().size()) / 64);
    return Order(a.string(), b.string());
  }
  if (a.is(Kind::kDelta) && b.is(Kind::kDelta)) return Order(a.delta(), b.delta());
  if (a.is(Kind::kDate) && b.is(Kind::kDate)) {
    if (a.date().aware != b.date().aware) TypeError("can't compare offset-naive and offset-aware datetimes");
    return a.date().aware ? Order(a.date().utc(), b.date().utc()) : Order(a.date().local, b.date().local);
  }
  if (a.is_sequence() && a.kind() == b.kind()) {
    for (std::size_t i = 0; i < std::min(a.items().size(), b.items().size()); ++i) {
      if (!Equal(machine, a.items()[i], b.items()[i])) return Compare(machine, a.items()[i], b.items()[i], op);
    }
    return Order(a.items().size(), b.items().size());
  }
  TypeError(fmt::format("'{}' not supported between instances of '{}' and '{}'", op, type_a, type_b));
}

const Val* FindKey(Machine& machine, const Val& dict, const Val& key) {
  if (key.is(Kind::kUndefined)) key.RaiseUndefined();
  if (!CanBeKey(key)) TypeError(fmt::format("unhashable type: '{}'", TypeName(key)));
  const Val* found = nullptr;
  for (const auto& [k, value] : dict.pairs()) {
    if (SameKey(k, key)) found = &value;
  }
  machine.Step(dict.pairs().size() / 4);
  return found;
}

const Val* FindKey(const Val& dict, std::string_view key) {
  const Val* found = nullptr;
  for (const auto& [k, value] : dict.pairs()) {
    if (k.is(Kind::kString) && k.string() == key) found = &value;
  }
  return found;
}

Vals Iterate(Machine& machine, const Val& val) {
  Vals items;
  switch (val.kind()) {
    case Kind::kUndefined:
      if (val.is_nothing()) break;
      val.RaiseUndefined();
    case Kind::kList:
    case Kind::kTuple:
      items = val.items();
      break;
    case Kind::kDict:
      for (const auto& [key, value] : val.pairs()) items.push_back(key);
      break;
    case Kind::kString:
      machine.Memory(val.string().size(), sizeof(Val));
      for (const std::string_view c : Characters(val.string())) items.push_back(Val::Str(std::string(c)));
      break;
    default:
      TypeError(fmt::format("'{}' object is not iterable", TypeName(val)));
  }
  machine.Memory(items.size(), sizeof(Val));
  for (Val& item : items) item = val.is(Kind::kString) ? item.With(val.origin()) : item.In(val);
  return items;
}

}  // namespace pipelined::tmpl
