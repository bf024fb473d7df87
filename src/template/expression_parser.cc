#include "template/expression_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "pipelined/base/near_match.h"
#include "template/machine.h"

namespace pipelined::tmpl {
namespace {

constexpr int kDeepestNode = 150;  // a walk recurses this deep

}  // namespace

std::string ExpressionParser::Hint(std::string_view word, const std::vector<std::string_view>& candidates) {
  const auto near = NearMatch(word, candidates);
  return near ? fmt::format("did you mean \"{}\"?", *near) : "";
}

NodePtr ExpressionParser::Make(NodeType type, const Token& token, std::string name) {
  auto node = std::make_unique<Node>();
  node->type = type;
  node->offset = token.offset;
  node->length = std::max<std::size_t>(token.text.size(), 1);
  node->name = std::move(name);
  return node;
}

NodePtr ExpressionParser::Literal(const Token& token, Val value) {
  NodePtr node = Make(NodeType::kLiteral, token);
  node->literal = std::move(value);
  return node;
}

void ExpressionParser::Add(const NodePtr& node, NodePtr kid) {
  if (kid) {
    node->depth = std::max(node->depth, kid->depth + 1);
    if (node->depth > kDeepestNode) {
      throw Fault{TemplateFault::kLimit, "the expression is too long", "split it with {% set %}", node->offset};
    }
  }
  node->kids.push_back(std::move(kid));
}

NodePtr ExpressionParser::Pair(NodeType type, const Token& token, std::string name, NodePtr a, NodePtr b) {
  NodePtr node = Make(type, token, std::move(name));
  Add(node, std::move(a));
  Add(node, std::move(b));
  return node;
}

NodePtr ExpressionParser::One(NodeType type, const Token& token, NodePtr a, std::string name) {
  NodePtr node = Make(type, token, std::move(name));
  Add(node, std::move(a));
  return node;
}

TemplatePlace ExpressionParser::Advance(std::size_t offset) {
  for (; place_.offset < offset; ++place_.offset) {
    const bool line_end = program_.text[place_.offset] == '\n';
    place_.line += line_end ? 1 : 0;
    place_.column = line_end ? 1 : place_.column + 1;
  }
  return place_;
}

void ExpressionParser::Bind(const std::string& name) {
  if (name.find('.') != std::string::npos) return;  // the namespace is bound already
  if (local_set_.insert(name).second) locals_.push_back(name);
}

NodePtr ExpressionParser::ParseTuple(bool conditional) {
  const Token begin = At();
  NodePtr first = conditional ? ParseExpression() : ParseOr();
  if (!IsOp(",")) return first;
  NodePtr tuple = One(NodeType::kTuple, begin, std::move(first));
  while (TakeOp(",")) {
    if (Is(TokenType::kOutputEnd) || Is(TokenType::kBlockEnd) || IsOp(")")) break;
    Add(tuple, conditional ? ParseExpression() : ParseOr());
  }
  return tuple;
}

NodePtr ExpressionParser::ParseExpression() {
  const Nested nested(this);
  NodePtr value = ParseOr();
  while (IsName("if")) {
    const Token token = Take();
    NodePtr node = Pair(NodeType::kConditional, token, {}, std::move(value), ParseOr());
    Add(node, TakeName("else") ? ParseExpression() : nullptr);
    value = std::move(node);
  }
  return value;
}

NodePtr ExpressionParser::ParseOr() {
  NodePtr left = ParseAnd();
  while (IsName("or")) {
    const Token token = Take();
    left = Pair(NodeType::kOr, token, {}, std::move(left), ParseAnd());
  }
  return left;
}

NodePtr ExpressionParser::ParseAnd() {
  NodePtr left = ParseNot();
  while (IsName("and")) {
    const Token token = Take();
    left = Pair(NodeType::kAnd, token, {}, std::move(left), ParseNot());
  }
  return left;
}

NodePtr ExpressionParser::ParseNot() {
  if (!IsName("not")) return ParseCompare();
  const Nested nested(this);
  const Token token = Take();
  return One(NodeType::kNot, token, ParseNot());
}

std::string ExpressionParser::ComparisonHere() {
  for (const std::string_view op : {"==", "!=", "<", ">", "<=", ">="}) {
    if (TakeOp(op)) return std::string(op);
  }
  if (TakeName("in")) return "in";
  if (IsName("not") && At(1).type == TokenType::kName && At(1).text == "in") {
    Take();
    Take();
    return "not in";
  }
  return {};
}

NodePtr ExpressionParser::ParseCompare() {
  NodePtr left = ParseSum();
  const Token token = At();
  NodePtr node;
  for (std::string op = ComparisonHere(); !op.empty(); op = ComparisonHere()) {
    if (!node) node = One(NodeType::kCompare, token, std::move(left));
    node->ops.push_back(std::move(op));
    Add(node, ParseSum());
  }
  return node ? std::move(node) : std::move(left);
}

NodePtr ExpressionParser::ParseBinary(std::initializer_list<std::string_view> ops, Level next) {
  NodePtr left = (this->*next)();
  while (Is(TokenType::kOperator) && std::find(ops.begin(), ops.end(), At().text) != ops.end()) {
    const Token token = Take();
    left = Pair(NodeType::kBinary, token, std::string(token.text), std::move(left), (this->*next)());
  }
  return left;
}

NodePtr ExpressionParser::ParseSum() {
  return ParseBinary({"+", "-"}, &ExpressionParser::ParseConcat);
}
NodePtr ExpressionParser::ParseConcat() {
  return ParseBinary({"~"}, &ExpressionParser::ParseProduct);
}
NodePtr ExpressionParser::ParseProduct() {
  return ParseBinary({"*", "/", "//", "%"}, &ExpressionParser::ParsePower);
}
NodePtr ExpressionParser::ParsePower() {
  return ParseBinary({"**"}, &ExpressionParser::ParseFiltered);
}

NodePtr ExpressionParser::ParseFiltered() {
  NodePtr node = ParseUnary();
  return ParseFilters(std::move(node));
}

NodePtr ExpressionParser::ParseUnary() {
  const bool minus = IsOp("-");
  if (!minus && !IsOp("+")) return ParsePostfix();
  const Nested nested(this);
  const Token token = Take();
  NodePtr node = One(minus ? NodeType::kNegate : NodeType::kPlus, token, ParseUnary());
  reference_ = kNone;
  return node;
}

NodePtr ExpressionParser::ParsePostfix() {
  NodePtr node = ParsePrimary();
  const std::size_t reference = reference_;
  bool path = reference != kNone;  // everything so far is a constant path from a name
  for (;;) {
    if (IsOp(".")) {
      node = ParseMember(std::move(node));
    } else if (IsOp("[")) {
      node = ParseSubscript(std::move(node));
    } else if (IsOp("(")) {
      node = ParseCall(std::move(node));
    } else {
      break;
    }
    path = path && ExtendReference(reference, *node);
  }
  reference_ = reference;
  return node;
}

// Adds the last step to the reference; false when it is no constant, which ends the path.
bool ExpressionParser::ExtendReference(std::size_t reference, const Node& node) {
  std::vector<std::string>& path = program_.references[reference].path;
  if (node.type == NodeType::kAttribute) {
    path.push_back(node.name);
    return true;
  }
  if (node.type == NodeType::kIndex && node.kids[1]->type == NodeType::kLiteral &&
      node.kids[1]->literal.is(Kind::kString)) {
    path.push_back(node.kids[1]->literal.string());
    return true;
  }
  if (node.type == NodeType::kCall && path.size() > 1) {  // a method, not a member
    program_.references[reference].called = std::move(path.back());
    path.pop_back();
  }
  return false;
}

NodePtr ExpressionParser::ParseMember(NodePtr node) {
  Take();
  const Token token = At();
  if (token.type == TokenType::kInteger) {
    Take();
    return Pair(NodeType::kIndex, token, {}, std::move(node), IntegerLiteral(token));
  }
  return One(NodeType::kAttribute, token, std::move(node), ExpectName("a member's name"));
}

NodePtr ExpressionParser::ParseSubscript(NodePtr node) {
  const Nested nested(this);
  const Token token = Take();
  NodePtr parts[3];
  int colons = 0;
  while (!IsOp("]")) {
    if (TakeOp(":")) {
      if (++colons > 2) Fail(token, "a slice has at most three parts");
    } else {
      if (parts[colons]) Fail(At(), fmt::format("\"]\" is expected, not {}", Shown(At())));
      parts[colons] = ParseTupleOrExpression();
    }
  }
  Take();
  if (colons == 0 && !parts[0]) Fail(token, "an index is missing");
  if (colons == 0) return Pair(NodeType::kIndex, token, {}, std::move(node), std::move(parts[0]));
  NodePtr slice = One(NodeType::kSlice, token, std::move(node));
  for (NodePtr& part : parts) Add(slice, std::move(part));
  return slice;
}

void ExpressionParser::ParseArguments(const NodePtr& call) {
  const Nested nested(this);
  ExpectOp("(");
  bool first = true;
  while (!IsOp(")")) {
    if (!first) {
      ExpectOp(",");
      if (IsOp(")")) break;
    }
    first = false;
    if (IsOp("*") || IsOp("**")) Fail(At(), "arguments cannot be unpacked here");
    if (Is(TokenType::kName) && At(1).type == TokenType::kOperator && At(1).text == "=") {
      std::string name(Take().text);
      Take();
      NodePtr value = ParseExpression();
      call->depth = std::max(call->depth, value->depth + 1);
      call->named.emplace_back(std::move(name), std::move(value));
    } else {
      if (!call->named.empty()) Fail(At(), "an argument without a name after one with a name");
      Add(call, ParseExpression());
    }
  }
  Take();
}

NodePtr ExpressionParser::ParseCall(NodePtr callee) {
  NodePtr call = Make(NodeType::kCall, Token{TokenType::kOperator, "(", callee->offset});
  call->length = callee->length;
  Add(call, std::move(callee));
  ParseArguments(call);
  return call;
}

NodePtr ExpressionParser::ParseFilters(NodePtr node) {
  for (;;) {
    const std::size_t reference = reference_;
    if (IsOp("|")) {
      Take();
      if (reference != kNone && (IsName("default") || IsName("d"))) program_.references[reference].guarded = true;
      node = ParseFilter(std::move(node), At());
    } else if (IsName("is")) {
      node = ParseTest(std::move(node), reference);
    } else if (IsOp("(")) {
      node = ParseCall(std::move(node));
    } else {
      return node;
    }
    reference_ = kNone;
  }
}

NodePtr ExpressionParser::ParseFilter(NodePtr input, const Token& token_here) {
  const Token token = token_here;
  std::string name = ExpectName("a filter");
  if (!KnownFilter(name)) {
    const std::string_view instead = AbsentFilterHint(name);
    Fail(token, fmt::format("there is no filter \"{}\"", name),
         instead.empty() ? Hint(name, FilterNames()) : std::string(instead));
  }
  if (name == "raw") program_.raw_uses.push_back(Advance(token.offset));
  NodePtr node = One(NodeType::kFilter, token, std::move(input), std::move(name));
  if (IsOp("(")) ParseArguments(node);
  return node;
}

NodePtr ExpressionParser::ParseTest(NodePtr input, std::size_t reference) {
  Take();
  const bool negated = TakeName("not");
  const Token token = At();
  std::string name = ExpectName("a test");
  if (!KnownTest(name)) {
    const std::string_view instead = AbsentTestHint(name);
    Fail(token, fmt::format("there is no test \"{}\"", name),
         instead.empty() ? Hint(name, TestNames()) : std::string(instead));
  }
  if (reference != kNone && (name == "defined" || name == "undefined")) program_.references[reference].guarded = true;
  NodePtr node = One(NodeType::kTest, token, std::move(input), std::move(name));
  node->negated = negated;
  if (IsOp("(")) {
    ParseArguments(node);
  } else if (BeginsOperand()) {
    Add(node, ParsePostfix());
  }
  return node;
}

bool ExpressionParser::BeginsOperand() const {
  if (Is(TokenType::kName)) {
    for (const std::string_view word : {"and", "or", "if", "else", "is", "not", "in"}) {
      if (At().text == word) return false;
    }
    return true;
  }
  return Is(TokenType::kString) || Is(TokenType::kInteger) || Is(TokenType::kFloat) || IsOp("[") || IsOp("{");
}

NodePtr ExpressionParser::IntegerLiteral(const Token& token) const {
  std::string digits(token.text);
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc()) Fail(token, fmt::format("{} is too large a number", token.text));
  return Literal(token, Val::Int(number));
}

NodePtr ExpressionParser::FloatLiteral(const Token& token) const {
  std::string digits(token.text);
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc()) Fail(token, fmt::format("{} is too large a number", token.text));
  return Literal(token, Val::Float(number));
}

NodePtr ExpressionParser::NameNode(const Token& token) {
  const std::string_view name = token.text;
  if (name == "true" || name == "True") return Literal(token, Val::Bool(true));
  if (name == "false" || name == "False") return Literal(token, Val::Bool(false));
  if (name == "none" || name == "None") return Literal(token, Val());
  for (const std::string_view reserved : {"and", "or", "not", "in", "is", "if", "else", "elif"}) {
    if (name == reserved) Fail(token, fmt::format("a value is expected, not \"{}\"", name));
  }
  if (!Local(name) && GlobalFunction(name).is(Kind::kUndefined)) {
    const TemplatePlace place = Advance(token.offset);
    program_.references.push_back(TemplateReference{
        {std::string(name)}, place.offset, place.line, place.column, static_cast<int>(name.size()), false});
    reference_ = program_.references.size() - 1;
  }
  return Make(NodeType::kName, token, std::string(name));
}

NodePtr ExpressionParser::ParsePrimary() {
  reference_ = kNone;
  const Token token = At();
  switch (token.type) {
    case TokenType::kName:
      return NameNode(Take());
    case TokenType::kInteger:
      return IntegerLiteral(Take());
    case TokenType::kFloat:
      return FloatLiteral(Take());
    case TokenType::kString: {
      std::string text;
      while (Is(TokenType::kString)) text += Unescape(Take());
      return Literal(token, Val::Str(std::move(text)));
    }
    default:
      break;
  }
  NodePtr node;
  if (IsOp("(")) {
    node = ParseParens();
  } else if (IsOp("[")) {
    node = ParseList();
  } else if (IsOp("{")) {
    node = ParseDict();
  }
  const bool reference =
      node && (node->type == NodeType::kName || node->type == NodeType::kAttribute || node->type == NodeType::kIndex);
  if (!reference) reference_ = kNone;
  if (!node) Fail(token, fmt::format("a value is expected, not {}", Shown(token)));
  return node;
}

NodePtr ExpressionParser::ParseParens() {
  const Token token = Take();
  if (TakeOp(")")) return Make(NodeType::kTuple, token);
  NodePtr node = ParseTupleOrExpression();
  ExpectOp(")");
  return node;
}

NodePtr ExpressionParser::ParseList() {
  NodePtr list = Make(NodeType::kList, Take());
  while (!IsOp("]")) {
    Add(list, ParseExpression());
    if (!TakeOp(",")) break;
  }
  ExpectOp("]");
  return list;
}

NodePtr ExpressionParser::ParseDict() {
  NodePtr dict = Make(NodeType::kDict, Take());
  while (!IsOp("}")) {
    Add(dict, ParseExpression());
    ExpectOp(":");
    Add(dict, ParseExpression());
    if (!TakeOp(",")) break;
  }
  ExpectOp("}");
  return dict;
}

}  // namespace pipelined::tmpl
