#include "template/interpreter.h"

#include <fmt/format.h>

#include <algorithm>

#include "template/url_part.h"

namespace pipelined::tmpl {
namespace {

constexpr std::size_t kMostMade = 64;  // of what is made from secrets, remembered for an error
constexpr int kDeepest = 500;          // evaluations within each other, macros' calls included

// `loop` inside a for.
class Loop : public Object, public std::enable_shared_from_this<Loop> {
 public:
  Loop(std::shared_ptr<const Vals> items, std::size_t at, int depth)
      : items_(std::move(items)), at_(at), depth_(depth) {}
  int Depth() const override { return depth_; }
  Val Get(std::string_view name) const override {
    const auto number = [](std::size_t n) { return Val::Int(static_cast<std::int64_t>(n)); };
    const std::size_t size = items_->size();
    if (name == "index") return number(at_ + 1);
    if (name == "index0") return number(at_);
    if (name == "revindex") return number(size - at_);
    if (name == "revindex0") return number(size - at_ - 1);
    if (name == "first") return Val::Bool(at_ == 0);
    if (name == "last") return Val::Bool(at_ + 1 == size);
    if (name == "length") return number(size);
    if (name == "previtem") return at_ > 0 ? (*items_)[at_ - 1] : Val::Undefined("there is no previous item");
    if (name == "nextitem") return at_ + 1 < size ? (*items_)[at_ + 1] : Val::Undefined("there is no next item");
    if (name == "depth") return number(1);
    if (name == "depth0") return number(0);
    if (name == "cycle") return Val::Of(std::shared_ptr<const Function>(std::make_shared<Cycle>(at_)));
    return Val::Undefined(fmt::format("there is no \"{}\" in loop", name.substr(0, 80)));
  }
  std::vector<std::string> Names() const override {
    return {"index",  "index0",   "revindex", "revindex0", "first",  "last",
            "length", "previtem", "nextitem", "depth",     "depth0", "cycle"};
  }
  std::string Text() const override { return "loop"; }

 private:
  class Cycle : public Function {
   public:
    explicit Cycle(std::size_t at) : at_(at) {}
    Val Call(Machine&, Args& args) const override {
      const Vals values = args.Rest();
      if (values.empty()) TypeError("cycle() needs values");
      return values[at_ % values.size()];
    }
    std::string Text() const override { return "loop.cycle"; }

   private:
    std::size_t at_;
  };

  std::shared_ptr<const Vals> items_;
  std::size_t at_;
  int depth_;
};

// "params.opts" for a message.
std::string PathText(const Node& node) {
  if (node.type == NodeType::kName) return node.name;
  if (node.type == NodeType::kAttribute) return PathText(*node.kids[0]) + "." + node.name;
  return "it";
}

bool IsShell(Quote quote) {
  return quote == Quote::kShell || quote == Quote::kPosixShell;
}

// Whether the author says that the value is to be pasted as it is.
bool IsRaw(const Node& node) {
  return node.type == NodeType::kFilter && node.name == "raw";
}

}  // namespace

class MacroFunction : public Function {
 public:
  MacroFunction(Interpreter* interpreter, const Statement& macro) : interpreter_(*interpreter), macro_(macro) {}
  Val Call(Machine&, Args& args) const override { return interpreter_.CallMacro(macro_, args); }
  std::string Text() const override { return "<macro " + macro_.text + ">"; }

 private:
  Interpreter& interpreter_;
  const Statement& macro_;
};

struct Interpreter::Deeper {
  explicit Deeper(Interpreter* interpreter) : it(*interpreter) {
    if (it.depth_ >= kDeepest) Raise(TemplateFault::kLimit, "the template calls itself too deeply");
    ++it.depth_;
  }
  ~Deeper() { --it.depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;
  Interpreter& it;
};

// Names set inside are forgotten at the end.
struct Interpreter::Frame {
  explicit Frame(Interpreter* interpreter) : it(*interpreter), size(interpreter->locals_.size()) {}
  ~Frame() { it.locals_.erase(it.locals_.begin() + static_cast<std::ptrdiff_t>(size), it.locals_.end()); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  Interpreter& it;
  std::size_t size;
};

std::string Interpreter::Render() {
  try {
    Run(program_.body);
    return std::move(out_);
  } catch (const Fault&) {
    TellMade();
    throw;
  }
}

Value Interpreter::Evaluate() {
  try {
    return EvaluateOnly();
  } catch (const Fault&) {
    TellMade();
    throw;
  }
}

Value Interpreter::EvaluateOnly() {
  if (program_.body.size() == 1 && program_.body[0].type == StatementType::kOutput) {
    const Val value = Eval(*program_.body[0].expr);
    Note(value);
    return ToValue(machine_, value);
  }
  Run(program_.body);
  return Value(std::move(out_));
}

// ---- statements

void Interpreter::Run(const Block& block) {
  const Deeper deeper(this);
  for (const Statement& statement : block) {
    try {
      machine_.Step();
      Run(statement);
    } catch (Fault& fault) {
      if (fault.offset == Fault::kNowhere) fault.offset = statement.offset;
      throw;
    }
  }
}

void Interpreter::Run(const Statement& statement) {
  switch (statement.type) {
    case StatementType::kText:
      return EmitLiteral(statement.text);
    case StatementType::kOutput:
      return Emit(Eval(*statement.expr), IsRaw(*statement.expr));
    case StatementType::kIf:
      return RunIf(statement);
    case StatementType::kFor:
      return RunFor(statement);
    case StatementType::kSet:
      return BindTargets(statement.targets, Eval(*statement.expr));
    case StatementType::kSetBlock:
      return RunSet(statement);
    case StatementType::kMacro:
      locals_.emplace_back(statement.text,
                           Val::Of(std::shared_ptr<const Function>(std::make_shared<MacroFunction>(this, statement))));
      return;
    case StatementType::kFilterBlock:
      return RunFilterBlock(statement);
    case StatementType::kWith:
      return RunWith(statement);
  }
}

void Interpreter::RunIf(const Statement& statement) {
  for (std::size_t i = 0; i < statement.conditions.size(); ++i) {
    if (Truth(Eval(*statement.conditions[i]))) return Run(statement.bodies[i]);
  }
  Run(statement.bodies.back());
}

Vals Interpreter::LoopItems(const Statement& statement) {
  Vals items = Iterate(machine_, Eval(*statement.expr));
  const Node* condition = statement.conditions[0].get();
  if (condition == nullptr) return items;
  Vals chosen;
  for (Val& item : items) {
    const Frame frame(this);
    BindTargets(statement.targets, item);
    if (Truth(Eval(*condition))) chosen.push_back(std::move(item));
  }
  return chosen;
}

void Interpreter::RunFor(const Statement& statement) {
  const Val list = Val::List(LoopItems(statement));  // which is refused when it is too deep
  const std::shared_ptr<const Vals> items(std::make_shared<const Val>(list), &list.items());
  for (std::size_t i = 0; i < items->size(); ++i) {
    machine_.Step();
    const Frame frame(this);
    BindTargets(statement.targets, (*items)[i]);
    locals_.emplace_back("loop",
                         Val::Of(std::shared_ptr<const Object>(std::make_shared<Loop>(items, i, list.depth()))));
    Run(statement.bodies[0]);
  }
  if (items->empty()) Run(statement.bodies[1]);
}

void Interpreter::BindTargets(const std::vector<std::string>& targets, const Val& value) {
  if (value.is(Kind::kUndefined) && !value.is_nothing()) value.RaiseUndefined();
  machine_.Memory(targets.size(), sizeof(Val) + sizeof(std::string));
  if (targets.size() == 1) return BindTarget(targets[0], value);
  const Vals items = Iterate(machine_, value);
  if (items.size() != targets.size()) ValueError(fmt::format("{} values for {} names", items.size(), targets.size()));
  for (std::size_t i = 0; i < targets.size(); ++i) BindTarget(targets[i], items[i]);
}

void Interpreter::BindTarget(const std::string& target, const Val& value) {
  const std::size_t dot = target.find('.');
  if (dot == std::string::npos) {
    locals_.emplace_back(target, value);
    return;
  }
  SetMember(machine_, FindName(target.substr(0, dot)), target.substr(dot + 1), value);
}

Val Interpreter::Captured(const Block& block) {
  Capture capture;
  Capture* const before = capture_;
  capture_ = &capture;
  const Frame frame(this);
  try {
    Run(block);
  } catch (...) {
    capture_ = before;
    throw;
  }
  capture_ = before;
  const Val text = Val::Str(std::move(capture.text)).With(capture.origin);
  KeepMade(text);
  return text;
}

void Interpreter::RunSet(const Statement& statement) {
  BindTargets(statement.targets, EvalChain(*statement.expr, Captured(statement.bodies[0])));
}

void Interpreter::RunFilterBlock(const Statement& statement) {
  Emit(EvalChain(*statement.expr, Captured(statement.bodies[0])));
}

void Interpreter::RunWith(const Statement& statement) {
  const Frame frame(this);
  Vals values;
  for (const NodePtr& node : statement.conditions) values.push_back(Eval(*node));
  for (std::size_t i = 0; i < values.size(); ++i) locals_.emplace_back(statement.targets[i], values[i]);
  Run(statement.bodies[0]);
}

// A chain of filters over a text that was captured.
Val Interpreter::EvalChain(const Node& node, const Val& leaf) {
  if (node.type != NodeType::kFilter) return leaf;
  const Val filtered = EvalFilter(node, EvalChain(*node.kids[0], leaf));
  KeepMade(filtered);
  return filtered;
}

Val Interpreter::CallMacro(const Statement& macro, Args& args) {
  const Deeper deeper(this);
  const Frame frame(this);
  for (std::size_t i = 0; i < macro.targets.size(); ++i) {
    const Val* given = args.Optional(macro.targets[i]);
    const Node* otherwise = macro.conditions[i].get();
    Val value = given != nullptr ? *given
                : otherwise != nullptr
                    ? Eval(*otherwise)
                    : Val::Undefined(fmt::format("the parameter \"{}\" of the macro \"{}\" was not given",
                                                 macro.targets[i], macro.text));
    locals_.emplace_back(macro.targets[i], std::move(value));
  }
  args.Done();
  return Captured(macro.bodies[0]);
}

// ---- output

void Interpreter::Append(std::string_view text) {
  std::string& to = capture_ != nullptr ? capture_->text : out_;
  if (capture_ != nullptr) machine_.Memory(text.size());
  if (to.size() + text.size() > options_.max_output) {
    Raise(TemplateFault::kLimit, fmt::format("the text is longer than {} bytes", options_.max_output));
  }
  to += text;
}

void Interpreter::EmitLiteral(std::string_view text) {
  Append(text);
  if (capture_ == nullptr && IsShell(options_.quote)) shell_.Literal(text);
}

void Interpreter::Note(const Val& value) const {
  if (!value.secret()) return;
  if (options_.secret != nullptr) *options_.secret = true;
  if (options_.on_secret && value.is(Kind::kString)) options_.on_secret(value.string());
}

// What was made from secrets on the way to an error, whose words may repeat it.
void Interpreter::TellMade() const {
  if (!options_.on_secret) return;
  for (const Val& made : made_) options_.on_secret(made.string());
}

void Interpreter::KeepMade(const Val& value) {
  if (!options_.on_secret) return;
  std::size_t most = kMostMade;
  KeepMade(value, &most);
}

// Of lists what is in them, at every depth: batch() makes lists of lists.
void Interpreter::KeepMade(const Val& value, std::size_t* most) {
  if (!value.secret() || *most == 0) return;
  --*most;
  if (value.is(Kind::kString)) {
    if (made_.size() >= kMostMade) made_.pop_front();
    made_.push_back(value);
  }
  if (!value.is_sequence()) return;
  for (const Val& item : value.items()) {
    if (*most == 0) return;
    KeepMade(item, most);
  }
}

void Interpreter::Emit(const Val& value, bool raw) {
  const std::string text = Text(machine_, value);
  if (capture_ != nullptr) {
    capture_->origin = capture_->origin | value.origin();
    return Append(text);
  }
  Note(value);
  if (options_.quote == Quote::kUrl && !raw) return Append(UrlPart(out_, text));
  if (options_.quote == Quote::kBind && !raw) {
    machine_.Memory(text.size() + sizeof(Value));
    options_.bound->push_back(ToValue(machine_, value));
    return Append(std::string_view("\0", 1));
  }
  if (options_.quote == Quote::kBind && text.find('\0') != std::string::npos)
    Raise(TemplateFault::kUnsafe, "the value holds a NUL");
  if (!IsShell(options_.quote) || !value.outside()) return EmitLiteral(text);
  machine_.Memory(text.size());
  Append(shell_.Value(text));
}

// ---- expressions

Val Interpreter::Eval(const Node& node) {
  const Deeper deeper(this);
  machine_.Step();
  try {
    Val value = EvalNode(node);
    KeepMade(value);
    return value.is(Kind::kUndefined) ? value.MissingAt(node.offset, node.length) : value;
  } catch (Fault& fault) {
    if (fault.offset == Fault::kNowhere) {
      fault.offset = node.offset;
      fault.length = node.length;
    }
    throw;
  }
}

Val Interpreter::EvalNode(const Node& node) {
  const auto kid = [&](std::size_t i) { return Eval(*node.kids[i]); };
  const auto maybe = [&](std::size_t i) { return node.kids[i] ? Eval(*node.kids[i]) : Val(); };
  switch (node.type) {
    case NodeType::kLiteral:
      return node.literal;
    case NodeType::kName:
      return FindName(node.name);
    case NodeType::kAttribute:
      return EvalAttribute(node);
    case NodeType::kIndex:
      return EvalIndex(node);
    case NodeType::kSlice: {
      const Val value = kid(0), first = maybe(1), last = maybe(2);
      return Slice(machine_, value, first, last, maybe(3));
    }
    case NodeType::kCall:
      return EvalCall(node);
    case NodeType::kFilter:
      return EvalFilter(node, kid(0));
    case NodeType::kTest:
      return EvalTest(node);
    case NodeType::kBinary: {
      const Val left = kid(0);
      return Binary(machine_, node.name, left, kid(1));
    }
    case NodeType::kNegate:
      return Negate(kid(0));
    case NodeType::kPlus:
      return Binary(machine_, "+", Val::Int(0), kid(0));
    case NodeType::kNot: {
      const Val value = kid(0);
      return Val::Bool(!Truth(value)).With(value.origin());
    }
    case NodeType::kAnd: {
      Val left = kid(0);
      return Truth(left) ? kid(1) : left;
    }
    case NodeType::kOr: {
      Val left = kid(0);
      return Truth(left) ? left : kid(1);
    }
    case NodeType::kCompare:
      return EvalCompare(node);
    case NodeType::kConditional:
      if (Truth(kid(1))) return kid(0);
      return node.kids[2] ? kid(2) : Val::Nothing("the condition is false, and there is no \"else\"");
    case NodeType::kList:
      return Val::List(EvalAll(node, 0));
    case NodeType::kTuple:
      return Val::Tuple(EvalAll(node, 0));
    case NodeType::kDict:
      return EvalDict(node);
  }
  return Val();
}

Val Interpreter::FindName(const std::string& wanted) {
  for (std::size_t i = locals_.size(); i-- > 0;) {
    if (locals_[i].first == wanted) {
      machine_.Step((locals_.size() - i) / 16);
      return locals_[i].second;
    }
  }
  machine_.Step(locals_.size() / 16);
  Val found = machine_.scope().Find(wanted);
  if (!found.is(Kind::kUndefined)) return found;
  Val function = GlobalFunction(wanted);
  if (!function.is(Kind::kUndefined) || !found.missing_hint().empty())
    return function.is(Kind::kUndefined) ? found : function;
  machine_.Step(50);
  std::vector<std::string> names = machine_.scope().Names();
  for (const auto& [name, value] : locals_) {
    if (names.size() < 200) names.push_back(name);
  }
  return Val::Undefined(found.missing_what(), NearHint(wanted, names));
}

Val Interpreter::EvalAttribute(const Node& node) {
  const Val container = Eval(*node.kids[0]);
  Val found = Attribute(machine_, container, node.name);
  if (found.is(Kind::kUndefined) && container.is(Kind::kDict)) {
    return Attribute(machine_, container, node.name, PathText(*node.kids[0]));
  }
  return found;
}

Val Interpreter::EvalIndex(const Node& node) {
  const Val container = Eval(*node.kids[0]);
  const Val index = Eval(*node.kids[1]);
  Val found = Subscript(machine_, container, index);
  if (found.is(Kind::kUndefined) && container.is(Kind::kDict))
    return Subscript(machine_, container, index, PathText(*node.kids[0]));
  return found.is(Kind::kUndefined) ? found : found.With(index.origin());
}

Vals Interpreter::EvalAll(const Node& node, std::size_t from) {
  machine_.Memory(node.kids.size() - from, sizeof(Val));
  Vals values;
  for (std::size_t i = from; i < node.kids.size(); ++i) {
    values.push_back(Eval(*node.kids[i]));
    if (values.back().is(Kind::kUndefined)) values.back().RaiseUndefined();
  }
  return values;
}

Val Interpreter::EvalDict(const Node& node) {
  const Vals values = EvalAll(node, 0);
  Pairs pairs;
  for (std::size_t i = 0; i + 1 < values.size(); i += 2) {
    machine_.Step(pairs.size() / 4);
    bool replaced = false;
    for (auto& [key, value] : pairs) {
      if (!Equal(machine_, key, values[i])) continue;
      value = values[i + 1];
      replaced = true;
    }
    if (!replaced) pairs.emplace_back(values[i], values[i + 1]);
  }
  return Val::Dict(std::move(pairs));
}

Args Interpreter::Arguments(const Node& node, std::size_t from, std::string_view function) {
  Vals positional = EvalAll(node, from);
  std::vector<std::pair<std::string, Val>> named;
  for (const auto& [name, value] : node.named) {
    named.emplace_back(name, Eval(*value));
    if (named.back().second.is(Kind::kUndefined)) named.back().second.RaiseUndefined();
  }
  return Args(function, std::move(positional), std::move(named));
}

Val Interpreter::EvalCall(const Node& node) {
  const Node& callee = *node.kids[0];
  if (callee.type == NodeType::kAttribute) {
    const Val self = Eval(*callee.kids[0]);
    Args args = Arguments(node, 1, callee.name);
    return CallMethod(machine_, self, callee.name, args);
  }
  const Val function = Eval(callee);
  if (function.is(Kind::kUndefined)) function.RaiseUndefined();
  Args args = Arguments(node, 1, callee.name);
  return Call(machine_, function, args);
}

Val Interpreter::EvalFilter(const Node& node, const Val& input) {
  Args args = Arguments(node, 1, node.name);
  return ApplyFilter(machine_, node.name, input, args);
}

Val Interpreter::EvalTest(const Node& node) {
  const Val value = Eval(*node.kids[0]);
  Args args = Arguments(node, 1, node.name);
  return Val::Bool(ApplyTest(machine_, node.name, value, args) != node.negated);
}

Val Interpreter::EvalCompare(const Node& node) {
  Val left = Eval(*node.kids[0]);
  Origin origin = left.origin();
  for (std::size_t i = 0; i < node.ops.size(); ++i) {
    const Val right = Eval(*node.kids[i + 1]);
    origin = origin | right.origin();
    const std::string& op = node.ops[i];
    bool holds = false;
    if (op == "==" || op == "!=") {
      holds = Equal(machine_, left, right) == (op == "==");
    } else if (op == "in" || op == "not in") {
      holds = Contains(machine_, right, left) == (op == "in");
    } else {
      const int order = Compare(machine_, left, right, op);
      holds = op == "<" ? order < 0 : op == "<=" ? order <= 0 : op == ">" ? order > 0 : order >= 0;
    }
    if (!holds) return Val::Bool(false).With(origin);
    left = right;
  }
  return Val::Bool(true).With(origin);
}

}  // namespace pipelined::tmpl
