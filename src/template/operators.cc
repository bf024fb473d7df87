// Arithmetic, indexing and membership, with Python's rules and errors. A result is from outside when an operand is.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "pipelined/base/near_match.h"
#include "template/machine.h"
#include "template/utf8.h"

namespace pipelined::tmpl {
namespace {

[[noreturn]] void TooLarge() {
  Raise(TemplateFault::kLimit, "the number is too large");
}
[[noreturn]] void ByZero() {
  Raise(TemplateFault::kZeroDivision, "division by zero");
}

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) {
  if (b == 0) ByZero();
  if (b == -1) {
    if (a == std::numeric_limits<std::int64_t>::min()) TooLarge();
    return -a;
  }
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

Val Power(const Val& a, const Val& b) {
  if (!a.is_integer() || !b.is_integer() || b.integer() < 0) {
    if (a.number() == 0 && b.number() < 0) ByZero();
    const double power = std::pow(a.number(), b.number());
    if (std::isinf(power) || std::isnan(power)) TooLarge();
    return Val::Float(power);
  }
  std::int64_t result = 1, base = a.integer();
  for (std::int64_t exponent = b.integer(); exponent > 0;) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) TooLarge();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) TooLarge();
  }
  return Val::Int(result);
}

Val Integers(std::string_view op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  if (op == "+") overflow = __builtin_add_overflow(a, b, &result);
  if (op == "-") overflow = __builtin_sub_overflow(a, b, &result);
  if (op == "*") overflow = __builtin_mul_overflow(a, b, &result);
  if (op == "//") result = FloorDivide(a, b);
  if (op == "%") {
    if (b == 0) ByZero();
    result = b == -1 ? 0 : a % b;
    if (result != 0 && (result < 0) != (b < 0)) result += b;
  }
  if (overflow) TooLarge();
  return Val::Int(result);
}

Val Floats(std::string_view op, double a, double b) {
  if (op == "+") return Val::Float(a + b);
  if (op == "-") return Val::Float(a - b);
  if (op == "*") return Val::Float(a * b);
  if (b == 0) ByZero();
  if (op == "/") return Val::Float(a / b);
  if (op == "//") return Val::Float(std::floor(a / b));
  const double rest = std::fmod(a, b);
  return Val::Float(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
}

Val Numbers(std::string_view op, const Val& a, const Val& b) {
  if (op == "**") return Power(a, b);
  if (a.is_integer() && b.is_integer() && op != "/") return Integers(op, a.integer(), b.integer());
  return Floats(op, a.number(), b.number());
}

Val Repeat(Machine& machine, const Val& val, std::int64_t count) {
  const auto times = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
  if (val.is(Kind::kString)) {
    machine.Memory(times, val.string().size());
    std::string text;
    if (!val.string().empty()) {
      text.reserve(times * val.string().size());
      for (std::size_t i = 0; i < times; ++i) text += val.string();
    }
    return Val::Str(std::move(text));
  }
  machine.Memory(times, val.items().size() * sizeof(Val));
  Vals items;
  if (!val.items().empty()) {
    for (std::size_t i = 0; i < times; ++i) items.insert(items.end(), val.items().begin(), val.items().end());
  }
  return val.is(Kind::kList) ? Val::List(std::move(items)) : Val::Tuple(std::move(items));
}

Micros Scale(Micros delta, const Val& by) {
  const double scaled = static_cast<double>(delta.count()) * by.number();
  std::int64_t exact = 0;
  if (by.is_integer()) {
    if (__builtin_mul_overflow(delta.count(), by.integer(), &exact)) TooLarge();
    return Micros(exact);
  }
  if (!(std::abs(scaled) < 9e18)) TooLarge();
  return Micros(std::llround(scaled));
}

// Dates and lengths of time; nothing when the operands are something else.
std::optional<Val> Times(std::string_view op, const Val& a, const Val& b) {
  const bool plus = op == "+", minus = op == "-";
  if (a.is(Kind::kDate) && b.is(Kind::kDelta) && (plus || minus)) {
    if (b.delta() == Micros::min()) TooLarge();
    return Val::Date(AddMicros(a.date(), plus ? b.delta() : -b.delta()));
  }
  if (a.is(Kind::kDelta) && b.is(Kind::kDate) && plus) return Val::Date(AddMicros(b.date(), a.delta()));
  if (a.is(Kind::kDate) && b.is(Kind::kDate) && minus) {
    if (a.date().aware != b.date().aware) TypeError("can't subtract offset-naive and offset-aware datetimes");
    return Val::Delta(a.date().utc() - b.date().utc());
  }
  if (a.is(Kind::kDelta) && b.is(Kind::kDelta)) {
    if (plus || minus) return Val::Delta(Micros(Integers(op, a.delta().count(), b.delta().count()).integer()));
    if (op == "/") return Floats(op, static_cast<double>(a.delta().count()), static_cast<double>(b.delta().count()));
    if (op == "//") return Val::Int(FloorDivide(a.delta().count(), b.delta().count()));
  }
  if (a.is(Kind::kDelta) && b.is_number()) {
    if (op == "*") return Val::Delta(Scale(a.delta(), b));
    if (op == "/" || op == "//") {
      if (b.number() == 0) ByZero();
      return Val::Delta(Scale(a.delta(), Val::Float(1 / b.number())));
    }
  }
  if (a.is_number() && b.is(Kind::kDelta) && op == "*") return Val::Delta(Scale(b.delta(), a));
  return std::nullopt;
}

Val Calculate(Machine& machine, std::string_view op, const Val& a, const Val& b) {
  if (op == "~") return Val::Str(Text(machine, a) + Text(machine, b));
  const std::string_view type_a = TypeName(a), type_b = TypeName(b);
  if (a.is_number() && b.is_number()) return Numbers(op, a, b);
  if (op == "%" && a.is(Kind::kString)) return Val::Str(PercentFormat(machine, a.string(), b));
  if (op == "+" && a.is(Kind::kString) && b.is(Kind::kString)) {
    machine.Memory(a.string().size() + b.string().size());
    return Val::Str(a.string() + b.string());
  }
  if (op == "+" && a.is_sequence() && a.kind() == b.kind()) {
    machine.Memory(a.items().size() + b.items().size(), sizeof(Val));
    Vals items = a.items();
    items.insert(items.end(), b.items().begin(), b.items().end());
    return a.is(Kind::kList) ? Val::List(std::move(items)) : Val::Tuple(std::move(items));
  }
  if (op == "*" && (a.is(Kind::kString) || a.is_sequence()) && b.is_integer()) return Repeat(machine, a, b.integer());
  if (op == "*" && (b.is(Kind::kString) || b.is_sequence()) && a.is_integer()) return Repeat(machine, b, a.integer());
  if (auto time = Times(op, a, b)) return *time;
  if (auto time = RelativeTimes(op, a, b)) return *time;
  TypeError(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", op, type_a, type_b));
}

// Python's rule for the ends of slices.
std::int64_t Clamp(std::int64_t index, std::int64_t size, bool down) {
  if (index < 0) index += size;
  return std::max<std::int64_t>(down ? -1 : 0, std::min(index, down ? size - 1 : size));
}

std::vector<std::size_t> SliceIndexes(std::int64_t size, const Val& first, const Val& last, const Val& step_val) {
  const std::int64_t step = step_val.is(Kind::kNone) ? 1 : AsInteger(step_val, "a slice's step");
  if (step == 0) ValueError("slice step cannot be zero");
  const bool down = step < 0;
  std::int64_t i =
      first.is(Kind::kNone) ? (down ? size - 1 : 0) : Clamp(AsInteger(first, "a slice's first index"), size, down);
  const std::int64_t end =
      last.is(Kind::kNone) ? (down ? -1 : size) : Clamp(AsInteger(last, "a slice's last index"), size, down);
  std::vector<std::size_t> indexes;
  while (down ? i > end : i < end) {
    indexes.push_back(static_cast<std::size_t>(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return indexes;
}

Val MissingKey(const Val& dict, std::string_view key, std::string_view where) {
  constexpr std::size_t kMostCandidates = 200;
  std::vector<std::string> names;
  for (const auto& [name, value] : dict.pairs()) {
    if (name.is(Kind::kString) && names.size() < kMostCandidates) names.push_back(name.string());
  }
  return Val::Undefined(fmt::format("there is no \"{}\" in {}", key.substr(0, 80), where), NearHint(key, names));
}

}  // namespace

std::string NearHint(std::string_view name, const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  const auto near = NearMatch(name, views);
  return near ? fmt::format("did you mean \"{}\"?", *near) : "";
}

Val Binary(Machine& machine, std::string_view op, const Val& a, const Val& b) {
  return Calculate(machine, op, a, b).With(a.origin() | b.origin());
}

Val Negate(const Val& val) {
  if (val.is_integer()) return Integers("-", 0, val.integer()).With(val.origin());
  if (val.is(Kind::kFloat)) return Val::Float(-val.number()).With(val.origin());
  if (val.is(Kind::kDelta) && val.delta() != Micros::min()) return Val::Delta(-val.delta()).With(val.origin());
  if (auto time = RelativeTimes("*", val, Val::Int(-1))) return time->With(val.origin());
  TypeError(fmt::format("bad operand type for unary -: '{}'", TypeName(val)));
}

bool Contains(Machine& machine, const Val& container, const Val& item) {
  if (item.is(Kind::kUndefined)) item.RaiseUndefined();
  if (container.is(Kind::kString)) {
    machine.Step(1 + container.string().size() / 64);
    return FindText(container.string(), AsString(item, "what is looked for in a text")) != std::string_view::npos;
  }
  if (container.is(Kind::kDict)) return FindKey(machine, container, item) != nullptr;
  if (container.is(Kind::kObject) && item.is(Kind::kString))
    return !container.object().Get(item.string()).is(Kind::kUndefined);
  if (!container.is_sequence()) TypeError(fmt::format("argument of type '{}' is not iterable", TypeName(container)));
  for (const Val& candidate : container.items()) {
    if (Equal(machine, candidate, item)) return true;
  }
  return false;
}

Val Subscript(Machine& machine, const Val& container, const Val& index, std::string_view where) {
  if (container.is(Kind::kUndefined)) container.RaiseUndefined();
  if (index.is(Kind::kUndefined)) index.RaiseUndefined();
  if (container.is(Kind::kDict)) {
    if (const Val* found = FindKey(machine, container, index)) return found->In(container);
    return MissingKey(container, Text(machine, index), where);
  }
  if (index.is(Kind::kString)) return Attribute(machine, container, index.string(), where);
  if ((container.is_sequence() || container.is(Kind::kString)) && index.is_integer()) {
    const auto size =
        static_cast<std::int64_t>(container.is(Kind::kString) ? Length(container.string()) : container.items().size());
    const std::int64_t i = index.integer() < 0 ? index.integer() + size : index.integer();
    if (i < 0 || i >= size)
      return Val::Undefined(fmt::format("there is no element {}: it has {}", index.integer(), size));
    if (container.is_sequence()) return container.items()[static_cast<std::size_t>(i)].In(container);
    machine.Step(container.string().size() / 64);
    const std::size_t at = ByteOffset(container.string(), static_cast<std::size_t>(i));
    const std::string_view rest = std::string_view(container.string()).substr(at);
    return Val::Str(std::string(rest.substr(0, CharacterSize(rest)))).With(container.origin());
  }
  return Val::Undefined(fmt::format("'{}' has no element {}", TypeName(container), Text(machine, index).substr(0, 80)));
}

Val Slice(Machine& machine, const Val& container, const Val& first, const Val& last, const Val& step) {
  if (container.is(Kind::kUndefined)) container.RaiseUndefined();
  if (container.is(Kind::kString)) {
    machine.Memory(container.string().size(), sizeof(std::string_view) + sizeof(std::size_t));
    const std::vector<std::string_view> characters = Characters(container.string());
    std::string text;
    for (const std::size_t i : SliceIndexes(static_cast<std::int64_t>(characters.size()), first, last, step))
      text += characters[i];
    return Val::Str(std::move(text)).With(container.origin());
  }
  if (!container.is_sequence()) TypeError(fmt::format("'{}' object cannot be sliced", TypeName(container)));
  machine.Memory(container.items().size(), sizeof(Val) + sizeof(std::size_t));
  Vals items;
  for (const std::size_t i : SliceIndexes(static_cast<std::int64_t>(container.items().size()), first, last, step)) {
    items.push_back(container.items()[i]);
  }
  return (container.is(Kind::kList) ? Val::List(std::move(items)) : Val::Tuple(std::move(items)))
      .With(container.origin());
}

Val Attribute(Machine& machine, const Val& container, const std::string& name, std::string_view where) {
  switch (container.kind()) {
    case Kind::kUndefined:
      container.RaiseUndefined();
    case Kind::kDict:
      if (const Val* found = FindKey(container, name)) {
        machine.Step(container.pairs().size() / 4);
        return found->In(container);
      }
      return MissingKey(container, name, where);
    case Kind::kObject: {
      Val found = container.object().Get(name);
      if (!found.is(Kind::kUndefined) || found.is_nothing()) return found.In(container);
      const std::string hint = NearHint(name, container.object().Names());
      if (hint.empty()) return found;
      return Val::Undefined(fmt::format("there is no \"{}\" in {}", name.substr(0, 80), container.object().Name()),
                            hint);
    }
    case Kind::kTuple:
      if (container.is_group() && (name == "grouper" || name == "list"))
        return container.items()[name == "list" ? 1 : 0].In(container);
      break;
    case Kind::kDate:
    case Kind::kDelta:
      if (auto found = DateAttribute(container, name)) return found->With(container.origin());
      break;
    default:
      break;
  }
  return Val::Undefined(fmt::format("'{}' has no \"{}\"", TypeName(container), name.substr(0, 80)));
}

}  // namespace pipelined::tmpl
