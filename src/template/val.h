// What an expression evaluates to: Python's small types. Immutable and shared, so copies are cheap and cycles
// impossible.
//
// Each knows where it comes from, and what is made of several comes from all of them: what comes from outside the file
// gets quoted, and what was made from a secret may not stand everywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "pipelined/base/value.h"
#include "template/date.h"
#include "template/fault.h"

namespace pipelined::tmpl {

class Machine;
class Args;
class Val;

using Vals = std::vector<Val>;
using Pairs = std::vector<std::pair<Val, Val>>;

// Bits.
enum class Origin : std::uint8_t { kFile = 0, kOutside = 1, kHidden = 2, kSecret = kOutside | kHidden };
constexpr Origin operator|(Origin a, Origin b) {
  return static_cast<Origin>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool Has(Origin origin, Origin bit) {
  return (static_cast<std::uint8_t>(origin) & static_cast<std::uint8_t>(bit)) != 0;
}

enum class Kind : std::uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kDate,
  kDelta,
  kObject,
  kFunction
};

// Something of the engine: `macros`, `dag_run`. Its members are made when asked for.
class Object {
 public:
  virtual ~Object() = default;
  virtual Val Get(std::string_view name) const = 0;  // undefined when there is no such member
  virtual std::vector<std::string> Names() const { return {}; }
  virtual std::string Text() const = 0;
  virtual std::string Name() const { return Text(); }  // in messages
  virtual Val Call(Machine& machine, Args& args) const;  // TypeError unless it can be called
  virtual int Depth() const { return 0; }                // of the values that it owns, as Val::depth()
};

// A macro of the template, or a function such as range.
class Function {
 public:
  virtual ~Function() = default;
  virtual Val Call(Machine& machine, Args& args) const = 0;
  virtual std::string Text() const = 0;
  virtual int Depth() const { return 0; }
};

class Val {
 public:
  static constexpr int kDeepest = 100;  // levels of lists and dicts, so that no walk can exhaust the stack

  Val() = default;  // None
  static Val Undefined(std::string what, std::string hint = {});
  // What an `if` without an `else` gives when it is false: undefined, yet it prints as nothing.
  static Val Nothing(std::string what);
  static Val Bool(bool b) { return Val(Kind::kBool, b); }
  static Val Int(std::int64_t i) { return Val(Kind::kInt, i); }
  static Val Float(double d) { return Val(Kind::kFloat, d); }
  static Val Str(std::string s) { return Val(Kind::kString, std::make_shared<const std::string>(std::move(s))); }
  static Val List(Vals items) { return Sequence(Kind::kList, std::move(items)); }
  static Val Tuple(Vals items) { return Sequence(Kind::kTuple, std::move(items)); }
  static Val Group(Val key, Val list);  // groupby's: a tuple whose items are also its `grouper` and its `list`
  static Val Dict(Pairs pairs);         // of duplicate keys the last one counts
  static Val Date(DateTime date) { return Val(Kind::kDate, std::make_shared<const DateTime>(std::move(date))); }
  static Val Delta(Micros delta) { return Val(Kind::kDelta, delta); }
  static Val Of(std::shared_ptr<const Object> object) { return Val(Kind::kObject, std::move(object)); }
  static Val Of(std::shared_ptr<const Function> function) { return Val(Kind::kFunction, std::move(function)); }
  static Val From(const Value& value, Origin origin);
  static Val From(const Value& value, bool outside) { return From(value, outside ? Origin::kOutside : Origin::kFile); }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }
  bool is_integer() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  bool is_number() const { return is_integer() || kind_ == Kind::kFloat; }

  Origin origin() const { return origin_; }
  bool outside() const { return Has(origin_, Origin::kOutside); }
  bool secret() const { return Has(origin_, Origin::kHidden); }
  Val With(Origin origin) const {  // the same value, made with something of this origin
    Val made = *this;
    made.origin_ = origin_ | origin;
    return made;
  }
  // An element of a container: it knows by itself whether it is a secret.
  Val In(const Val& container) const { return With(container.outside() ? Origin::kOutside : Origin::kFile); }
  Val Trusted() const {  // not to be quoted
    Val plain = *this;
    plain.origin_ = secret() ? Origin::kHidden : Origin::kFile;
    return plain;
  }

  // Each needs the kind that its name says.
  bool boolean() const { return std::get<bool>(data_); }
  std::int64_t integer() const { return is(Kind::kBool) ? boolean() : std::get<std::int64_t>(data_); }
  double number() const { return is(Kind::kFloat) ? std::get<double>(data_) : static_cast<double>(integer()); }
  const std::string& string() const { return *std::get<std::shared_ptr<const std::string>>(data_); }
  const Vals& items() const;
  bool is_group() const;
  const Pairs& pairs() const;
  const DateTime& date() const { return *std::get<std::shared_ptr<const DateTime>>(data_); }
  Micros delta() const { return std::get<Micros>(data_); }
  const Object& object() const { return *std::get<std::shared_ptr<const Object>>(data_); }
  const Function& function() const { return *std::get<std::shared_ptr<const Function>>(data_); }
  int depth() const;

  bool is_nothing() const;

  // These need kUndefined.
  [[noreturn]] void RaiseUndefined() const;
  const std::string& missing_what() const;
  const std::string& missing_hint() const;
  Val MissingAt(std::size_t offset, std::size_t length) const;  // with its place in the text, unless it has one

 private:
  struct Items;
  struct Entries;
  struct Missing {
    std::string what, hint;
    std::size_t offset = Fault::kNowhere, length = 1;
    bool nothing = false;
  };
  using Data = std::variant<std::monostate, bool, std::int64_t, double, std::shared_ptr<const std::string>,
                            std::shared_ptr<const Items>, std::shared_ptr<const Entries>,
                            std::shared_ptr<const DateTime>, Micros, std::shared_ptr<const Object>,
                            std::shared_ptr<const Function>, std::shared_ptr<const Missing>>;
  template <class T>
  Val(Kind kind, T data) : kind_(kind), data_(std::move(data)) {}
  static Val Sequence(Kind kind, Vals items);

  Kind kind_ = Kind::kNone;
  Origin origin_ = Origin::kFile;
  Data data_;
};

// Undefined values are errors for all of these, as with Jinja's StrictUndefined.
std::string_view TypeName(const Val& val);  // "int", "str" …
bool Truth(const Val& val);
// Python's ==; never an error. Costs a step per element.
bool Equal(Machine& machine, const Val& a, const Val& b);
int Compare(Machine& machine, const Val& a, const Val& b, std::string_view op);  // TypeError when there is no order
std::string Text(Machine& machine, const Val& val);                              // str()
std::string Repr(Machine& machine, const Val& val);                              // repr()
std::string FloatText(double number);
// The entry of a dict with this key, or nullptr.
const Val* FindKey(Machine& machine, const Val& dict, const Val& key);
const Val* FindKey(const Val& dict, std::string_view key);
// What a `for` or a filter walks over: the items of a sequence, the keys of a dict, the characters of a string.
Vals Iterate(Machine& machine, const Val& val);
Value ToValue(Machine& machine, const Val& val);                       // dates become ISO text, objects their text
std::string ToJsonText(Machine& machine, const Val& val, int indent);  // as Jinja's tojson: sorted, HTML-safe

}  // namespace pipelined::tmpl
