// `is defined`, `is none` …
#include <array>

#include "template/machine.h"
#include "template/utf8.h"

namespace pipelined::tmpl {
namespace {

using Test = bool (*)(Machine&, const Val&, Args&);

bool Ordered(Machine& machine, const Val& self, Args& args, std::string_view op) {
  const int order = Compare(machine, self, args.Required("other"), op);
  return op == "<" ? order < 0 : op == "<=" ? order <= 0 : op == ">" ? order > 0 : order >= 0;
}

struct Entry {
  std::string_view name;
  Test test;
};

constexpr Test kEqual = [](Machine& m, const Val& v, Args& a) { return Equal(m, v, a.Required("other")); };
constexpr Test kDiffers = [](Machine& m, const Val& v, Args& a) { return !Equal(m, v, a.Required("other")); };
constexpr Test kLess = [](Machine& m, const Val& v, Args& a) { return Ordered(m, v, a, "<"); };
constexpr Test kAtMost = [](Machine& m, const Val& v, Args& a) { return Ordered(m, v, a, "<="); };
constexpr Test kGreater = [](Machine& m, const Val& v, Args& a) { return Ordered(m, v, a, ">"); };
constexpr Test kAtLeast = [](Machine& m, const Val& v, Args& a) { return Ordered(m, v, a, ">="); };

// Python's `is`: what is of one kind and equal; lists and dicts only when they are one and the same.
constexpr Test kSame = [](Machine& m, const Val& v, Args& a) {
  const Val& other = a.Required("other");
  if (v.kind() != other.kind()) return false;
  if (v.is_sequence()) return &v.items() == &other.items();
  if (v.is(Kind::kDict)) return &v.pairs() == &other.pairs();
  return Equal(m, v, other);
};

const std::array kTests{
    Entry{"defined", [](Machine&, const Val& v, Args&) { return !v.is(Kind::kUndefined); }},
    Entry{"undefined", [](Machine&, const Val& v, Args&) { return v.is(Kind::kUndefined); }},
    Entry{"none", [](Machine&, const Val& v, Args&) { return v.is(Kind::kNone); }},
    Entry{"boolean", [](Machine&, const Val& v, Args&) { return v.is(Kind::kBool); }},
    Entry{"true", [](Machine&, const Val& v, Args&) { return v.is(Kind::kBool) && v.boolean(); }},
    Entry{"false", [](Machine&, const Val& v, Args&) { return v.is(Kind::kBool) && !v.boolean(); }},
    Entry{"integer", [](Machine&, const Val& v, Args&) { return v.is(Kind::kInt); }},
    Entry{"float", [](Machine&, const Val& v, Args&) { return v.is(Kind::kFloat); }},
    Entry{"number", [](Machine&, const Val& v, Args&) { return v.is_number(); }},
    Entry{"string", [](Machine&, const Val& v, Args&) { return v.is(Kind::kString); }},
    Entry{"mapping", [](Machine&, const Val& v, Args&) { return v.is(Kind::kDict); }},
    Entry{"sequence",
          [](Machine&, const Val& v, Args&) { return v.is_sequence() || v.is(Kind::kString) || v.is(Kind::kDict); }},
    Entry{"iterable",
          [](Machine&, const Val& v, Args&) { return v.is_sequence() || v.is(Kind::kString) || v.is(Kind::kDict); }},
    Entry{"callable", [](Machine&, const Val& v, Args&) { return v.is(Kind::kFunction); }},
    Entry{"odd", [](Machine&, const Val& v, Args&) { return AsInteger(v, "what is odd") % 2 != 0; }},
    Entry{"even", [](Machine&, const Val& v, Args&) { return AsInteger(v, "what is even") % 2 == 0; }},
    Entry{"divisibleby",
          [](Machine& m, const Val& v, Args& a) { return !Truth(Binary(m, "%", v, a.Required("num"))); }},
    Entry{"lower",
          [](Machine& m, const Val& v, Args&) {
            const std::string t = Text(m, v);
            return Lower(t) == t && Upper(t) != t;
          }},
    Entry{"upper",
          [](Machine& m, const Val& v, Args&) {
            const std::string t = Text(m, v);
            return Upper(t) == t && Lower(t) != t;
          }},
    Entry{"in", [](Machine& m, const Val& v, Args& a) { return Contains(m, a.Required("seq"), v); }},
    Entry{"filter", [](Machine&, const Val& v, Args&) { return v.is(Kind::kString) && KnownFilter(v.string()); }},
    Entry{"test", [](Machine&, const Val& v, Args&) { return v.is(Kind::kString) && KnownTest(v.string()); }},
    Entry{"sameas", kSame},
    Entry{"==", kEqual},
    Entry{"!=", kDiffers},
    Entry{"<", kLess},
    Entry{"<=", kAtMost},
    Entry{">", kGreater},
    Entry{">=", kAtLeast},
    Entry{"eq", kEqual},
    Entry{"equalto", kEqual},
    Entry{"ne", kDiffers},
    Entry{"lt", kLess},
    Entry{"lessthan", kLess},
    Entry{"le", kAtMost},
    Entry{"gt", kGreater},
    Entry{"greaterthan", kGreater},
    Entry{"ge", kAtLeast}};

const Entry* FindTest(std::string_view name) {
  for (const Entry& entry : kTests) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace

bool KnownTest(std::string_view name) {
  return FindTest(name) != nullptr;
}

std::vector<std::string_view> TestNames() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kTests) names.push_back(entry.name);
  return names;
}

std::string_view AbsentTestHint(std::string_view name) {
  return name == "escaped" ? "a text does not know whether it was escaped: escape it once" : std::string_view();
}

bool ApplyTest(Machine& machine, std::string_view name, const Val& self, Args& args) {
  const Entry* entry = FindTest(name);
  if (self.is(Kind::kUndefined) && name != "defined" && name != "undefined") self.RaiseUndefined();
  const bool holds = entry->test(machine, self, args);
  args.Done();
  return holds;
}

}  // namespace pipelined::tmpl
