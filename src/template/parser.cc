// Recursive descent over Jinja's grammar; precedence as there.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "pipelined/base/near_match.h"
#include "template/ast.h"
#include "template/lexer.h"
#include "template/machine.h"

namespace pipelined::tmpl {
namespace {

constexpr int kDeepestNode = 150;    // a walk recurses this deep
constexpr int kDeepestNesting = 60;  // brackets and blocks within each other

std::string Hint(std::string_view word, const std::vector<std::string_view>& candidates) {
  const auto near = NearMatch(word, candidates);
  return near ? fmt::format("did you mean \"{}\"?", *near) : "";
}

class Parser {
 public:
  explicit Parser(Program* program) : program_(*program), tokens_(Tokenize(program->text)) {}

  void Run() {
    program_.body = ParseBlock({});
    if (Is(TokenType::kBlockBegin)) Fail(At(1), fmt::format("\"{}\" closes nothing", At(1).text));
  }

 private:
  // ---- tokens
  const Token& At(std::size_t ahead = 0) const { return tokens_[std::min(next_ + ahead, tokens_.size() - 1)]; }
  bool Is(TokenType type) const { return At().type == type; }
  bool IsOp(std::string_view op) const { return Is(TokenType::kOperator) && At().text == op; }
  bool IsName(std::string_view name) const { return Is(TokenType::kName) && At().text == name; }
  const Token& Take() { return tokens_[next_ < tokens_.size() - 1 ? next_++ : next_]; }
  bool TakeOp(std::string_view op) {
    if (!IsOp(op)) return false;
    Take();
    return true;
  }
  bool TakeName(std::string_view name) {
    if (!IsName(name)) return false;
    Take();
    return true;
  }
  [[noreturn]] void Fail(const Token& token, std::string message, std::string hint = {}) const {
    throw Fault{TemplateFault::kSyntax, std::move(message), std::move(hint), token.offset,
                std::max<std::size_t>(token.text.size(), 1)};
  }
  std::string Shown(const Token& token) const {
    switch (token.type) {
      case TokenType::kEnd:
        return "the end";
      case TokenType::kText:
        return "text";
      default:
        return fmt::format("\"{}\"", token.text);
    }
  }
  void ExpectOp(std::string_view op) {
    if (!TakeOp(op)) Fail(At(), fmt::format("\"{}\" is expected, not {}", op, Shown(At())));
  }
  std::string ExpectName(std::string_view what) {
    if (!Is(TokenType::kName)) Fail(At(), fmt::format("{} is expected, not {}", what, Shown(At())));
    return std::string(Take().text);
  }
  void ExpectBlockEnd() {
    if (!Is(TokenType::kBlockEnd)) Fail(At(), fmt::format("\"%}}\" is expected, not {}", Shown(At())));
    Take();
  }

  struct Nested {
    explicit Nested(Parser* parser) : parser_(*parser) {
      if (++parser_.nesting_ > kDeepestNesting) {
        throw Fault{TemplateFault::kLimit, fmt::format("nested deeper than {} levels", kDeepestNesting), "",
                    parser_.At().offset};
      }
    }
    ~Nested() { --parser_.nesting_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;
    Parser& parser_;
  };

  // ---- nodes
  static NodePtr Make(NodeType type, const Token& token, std::string name = {}) {
    auto node = std::make_unique<Node>();
    node->type = type;
    node->offset = token.offset;
    node->length = std::max<std::size_t>(token.text.size(), 1);
    node->name = std::move(name);
    return node;
  }
  static NodePtr Literal(const Token& token, Val value) {
    NodePtr node = Make(NodeType::kLiteral, token);
    node->literal = std::move(value);
    return node;
  }
  static void Add(const NodePtr& node, NodePtr kid) {
    if (kid) {
      node->depth = std::max(node->depth, kid->depth + 1);
      if (node->depth > kDeepestNode) {
        throw Fault{TemplateFault::kLimit, "the expression is too long", "split it with {% set %}", node->offset};
      }
    }
    node->kids.push_back(std::move(kid));
  }
  static NodePtr Pair(NodeType type, const Token& token, std::string name, NodePtr a, NodePtr b) {
    NodePtr node = Make(type, token, std::move(name));
    Add(node, std::move(a));
    Add(node, std::move(b));
    return node;
  }
  static NodePtr One(NodeType type, const Token& token, NodePtr a, std::string name = {}) {
    NodePtr node = Make(type, token, std::move(name));
    Add(node, std::move(a));
    return node;
  }

  // ---- names that the template binds itself
  bool Local(std::string_view name) const { return local_set_.count(std::string(name)) != 0; }
  struct LocalScope {
    explicit LocalScope(Parser* parser) : parser_(*parser), size_(parser->locals_.size()) {}
    ~LocalScope() {
      for (; parser_.locals_.size() > size_; parser_.locals_.pop_back())
        parser_.local_set_.erase(parser_.locals_.back());
    }
    LocalScope(const LocalScope&) = delete;
    LocalScope& operator=(const LocalScope&) = delete;
    Parser& parser_;
    std::size_t size_;
  };
  TemplatePlace Advance(std::size_t offset) {
    for (; place_.offset < offset; ++place_.offset) {
      const bool line_end = program_.text[place_.offset] == '\n';
      place_.line += line_end ? 1 : 0;
      place_.column = line_end ? 1 : place_.column + 1;
    }
    return place_;
  }
  void Bind(const std::string& name) {
    if (name.find('.') != std::string::npos) return;  // the namespace is bound already
    if (local_set_.insert(name).second) locals_.push_back(name);
  }

  // ---- statements
  // Up to one of `ends`, whose `{%` and name are left to be read; with none, up to the end.
  Block ParseBlock(std::initializer_list<std::string_view> ends) {
    const Nested nested(this);
    Block block;
    for (;;) {
      if (Is(TokenType::kEnd)) return block;
      if (Is(TokenType::kText)) {
        Statement text{StatementType::kText, At().offset, std::string(At().text), nullptr, {}, {}, {}};
        Take();
        block.push_back(std::move(text));
      } else if (Is(TokenType::kOutputBegin)) {
        block.push_back(ParseOutput());
      } else {
        const std::string_view word = At(1).text;
        if (std::find(ends.begin(), ends.end(), word) != ends.end()) return block;
        if (word.starts_with("end") || word == "else" || word == "elif") return block;  // the caller says what is wrong
        block.push_back(ParseStatement());
      }
    }
  }

  // Reads `{% word %}` where `word` must be.
  void Close(std::string_view word, const Token& opened) {
    if (Is(TokenType::kBlockBegin) && At(1).text == word) {
      Take();
      Take();
      return ExpectBlockEnd();
    }
    if (Is(TokenType::kEnd))
      Fail(opened, fmt::format("{{% {} %}} is not closed", opened.text), fmt::format("close it with {{% {} %}}", word));
    Fail(At(1), fmt::format("{{% {} %}} is expected, not {}", word, Shown(At(1))));
  }

  Statement ParseOutput() {
    Take();
    Statement output{StatementType::kOutput, At().offset, {}, ParseTupleOrExpression(), {}, {}, {}};
    if (!Is(TokenType::kOutputEnd)) Fail(At(), fmt::format("\"}}}}\" is expected, not {}", Shown(At())));
    Take();
    return output;
  }

  Statement ParseStatement() {
    Take();  // {%
    if (!Is(TokenType::kName)) Fail(At(), fmt::format("a statement is expected, not {}", Shown(At())));
    const Token word = Take();
    if (word.text == "if") return ParseIf(word);
    if (word.text == "for") return ParseFor(word);
    if (word.text == "set") return ParseSet(word);
    if (word.text == "macro") return ParseMacro(word);
    if (word.text == "filter") return ParseFilterBlock(word);
    if (word.text == "with") return ParseWith(word);
    for (const std::string_view missing :
         {"include", "import", "from", "extends", "block", "call", "do", "autoescape", "trans"}) {
      if (word.text == missing) Fail(word, fmt::format("{{% {} %}} is not part of this language", missing));
    }
    Fail(word, fmt::format("there is no statement \"{}\"", word.text),
         Hint(word.text, {"if", "elif", "else", "endif", "for", "endfor", "set", "macro", "filter", "with", "raw"}));
  }

  Statement ParseIf(const Token& word) {
    Statement statement{StatementType::kIf, word.offset, {}, nullptr, {}, {}, {}};
    for (;;) {
      statement.conditions.push_back(ParseExpression());
      ExpectBlockEnd();
      statement.bodies.push_back(ParseBlock({"elif", "else", "endif"}));
      if (Is(TokenType::kEnd) || At(1).text != "elif") break;
      Take();
      Take();
    }
    statement.bodies.push_back(ParseElse({"endif"}));
    Close("endif", word);
    return statement;
  }

  Block ParseElse(std::initializer_list<std::string_view> ends) {
    if (Is(TokenType::kEnd) || At(1).text != "else") return {};
    Take();
    Take();
    ExpectBlockEnd();
    return ParseBlock(ends);
  }

  Statement ParseFor(const Token& word) {
    Statement statement{StatementType::kFor, word.offset, {}, nullptr, ParseTargets(), {}, {}};
    if (!TakeName("in")) Fail(At(), fmt::format("\"in\" is expected, not {}", Shown(At())));
    statement.expr = ParseTuple(/*conditional=*/false);
    {
      const LocalScope scope(this);
      for (const std::string& target : statement.targets) Bind(target);
      Bind("loop");
      statement.conditions.push_back(TakeName("if") ? ParseExpression() : nullptr);
      if (IsName("recursive")) Fail(At(), "recursive loops are not part of this language");
      ExpectBlockEnd();
      statement.bodies.push_back(ParseBlock({"else", "endfor"}));
    }
    const LocalScope scope(this);
    statement.bodies.push_back(ParseElse({"endfor"}));
    Close("endfor", word);
    return statement;
  }

  // `members`: those of a namespace may be set, too. Such a target is "ns.name".
  std::vector<std::string> ParseTargets(bool members = false) {
    const bool parens = TakeOp("(");
    std::vector<std::string> targets;
    do {
      if (!targets.empty() && !Is(TokenType::kName)) break;
      const Token token = At();
      targets.push_back(ExpectName("a name"));
      for (const std::string_view reserved :
           {"true", "false", "none", "True", "False", "None", "loop", "not", "in", "if", "else"}) {
        if (targets.back() == reserved) Fail(token, fmt::format("\"{}\" cannot be set", reserved));
      }
      if (!members || !IsOp(".")) continue;
      Take();
      NameNode(token);
      targets.back() += "." + ExpectName("a member's name");
    } while (TakeOp(","));
    if (parens) ExpectOp(")");
    return targets;
  }

  Statement ParseSet(const Token& word) {
    Statement statement{StatementType::kSet, word.offset, {}, nullptr, ParseTargets(true), {}, {}};
    if (IsOp(".")) Fail(At(), "only names and members of a namespace() can be set");
    if (TakeOp("=")) {
      statement.expr = ParseTupleOrExpression();
      ExpectBlockEnd();
    } else {
      statement.type = StatementType::kSetBlock;
      statement.expr = ParseFilters(Literal(word, Val::Str("")));
      ExpectBlockEnd();
      const LocalScope scope(this);
      statement.bodies.push_back(ParseBlock({"endset"}));
      Close("endset", word);
    }
    for (const std::string& target : statement.targets) Bind(target);
    return statement;
  }

  Statement ParseMacro(const Token& word) {
    Statement statement{StatementType::kMacro, word.offset, ExpectName("the macro's name"), nullptr, {}, {}, {}};
    Bind(statement.text);
    ExpectOp("(");
    while (!IsOp(")")) {
      if (!statement.targets.empty()) ExpectOp(",");
      statement.targets.push_back(ExpectName("a parameter's name"));
      statement.conditions.push_back(TakeOp("=") ? ParseExpression() : nullptr);
    }
    Take();
    ExpectBlockEnd();
    const LocalScope scope(this);
    for (const std::string& target : statement.targets) Bind(target);
    statement.bodies.push_back(ParseBlock({"endmacro"}));
    Close("endmacro", word);
    return statement;
  }

  Statement ParseFilterBlock(const Token& word) {
    NodePtr chain = ParseFilter(Literal(word, Val::Str("")), At());
    Statement statement{StatementType::kFilterBlock, word.offset, {}, ParseFilters(std::move(chain)), {}, {}, {}};
    ExpectBlockEnd();
    const LocalScope scope(this);
    statement.bodies.push_back(ParseBlock({"endfilter"}));
    Close("endfilter", word);
    return statement;
  }

  Statement ParseWith(const Token& word) {
    Statement statement{StatementType::kWith, word.offset, {}, nullptr, {}, {}, {}};
    while (!Is(TokenType::kBlockEnd)) {
      if (!statement.targets.empty()) ExpectOp(",");
      statement.targets.push_back(ExpectName("a name"));
      ExpectOp("=");
      statement.conditions.push_back(ParseExpression());
    }
    ExpectBlockEnd();
    const LocalScope scope(this);
    for (const std::string& target : statement.targets) Bind(target);
    statement.bodies.push_back(ParseBlock({"endwith"}));
    Close("endwith", word);
    return statement;
  }

  // ---- expressions
  NodePtr ParseTupleOrExpression() { return ParseTuple(true); }

  NodePtr ParseTuple(bool conditional) {
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

  NodePtr ParseExpression() {
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

  NodePtr ParseOr() {
    NodePtr left = ParseAnd();
    while (IsName("or")) {
      const Token token = Take();
      left = Pair(NodeType::kOr, token, {}, std::move(left), ParseAnd());
    }
    return left;
  }

  NodePtr ParseAnd() {
    NodePtr left = ParseNot();
    while (IsName("and")) {
      const Token token = Take();
      left = Pair(NodeType::kAnd, token, {}, std::move(left), ParseNot());
    }
    return left;
  }

  NodePtr ParseNot() {
    if (!IsName("not")) return ParseCompare();
    const Nested nested(this);
    const Token token = Take();
    return One(NodeType::kNot, token, ParseNot());
  }

  std::string ComparisonHere() {
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

  NodePtr ParseCompare() {
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

  using Level = NodePtr (Parser::*)();
  NodePtr ParseBinary(std::initializer_list<std::string_view> ops, Level next) {
    NodePtr left = (this->*next)();
    while (Is(TokenType::kOperator) && std::find(ops.begin(), ops.end(), At().text) != ops.end()) {
      const Token token = Take();
      left = Pair(NodeType::kBinary, token, std::string(token.text), std::move(left), (this->*next)());
    }
    return left;
  }
  NodePtr ParseSum() { return ParseBinary({"+", "-"}, &Parser::ParseConcat); }
  NodePtr ParseConcat() { return ParseBinary({"~"}, &Parser::ParseProduct); }
  NodePtr ParseProduct() { return ParseBinary({"*", "/", "//", "%"}, &Parser::ParsePower); }
  NodePtr ParsePower() { return ParseBinary({"**"}, &Parser::ParseFiltered); }

  NodePtr ParseFiltered() {
    NodePtr node = ParseUnary();
    return ParseFilters(std::move(node));
  }

  NodePtr ParseUnary() {
    const bool minus = IsOp("-");
    if (!minus && !IsOp("+")) return ParsePostfix();
    const Nested nested(this);
    const Token token = Take();
    NodePtr node = One(minus ? NodeType::kNegate : NodeType::kPlus, token, ParseUnary());
    reference_ = kNone;
    return node;
  }

  NodePtr ParsePostfix() {
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
  bool ExtendReference(std::size_t reference, const Node& node) {
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

  NodePtr ParseMember(NodePtr node) {
    Take();
    const Token token = At();
    if (token.type == TokenType::kInteger) {
      Take();
      return Pair(NodeType::kIndex, token, {}, std::move(node), IntegerLiteral(token));
    }
    return One(NodeType::kAttribute, token, std::move(node), ExpectName("a member's name"));
  }

  NodePtr ParseSubscript(NodePtr node) {
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

  void ParseArguments(const NodePtr& call) {
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

  NodePtr ParseCall(NodePtr callee) {
    NodePtr call = Make(NodeType::kCall, Token{TokenType::kOperator, "(", callee->offset});
    call->length = callee->length;
    Add(call, std::move(callee));
    ParseArguments(call);
    return call;
  }

  NodePtr ParseFilters(NodePtr node) {
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

  NodePtr ParseFilter(NodePtr input, const Token& token_here) {
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

  NodePtr ParseTest(NodePtr input, std::size_t reference) {
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

  bool BeginsOperand() const {
    if (Is(TokenType::kName)) {
      for (const std::string_view word : {"and", "or", "if", "else", "is", "not", "in"}) {
        if (At().text == word) return false;
      }
      return true;
    }
    return Is(TokenType::kString) || Is(TokenType::kInteger) || Is(TokenType::kFloat) || IsOp("[") || IsOp("{");
  }

  NodePtr IntegerLiteral(const Token& token) const {
    std::string digits(token.text);
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc()) Fail(token, fmt::format("{} is too large a number", token.text));
    return Literal(token, Val::Int(number));
  }

  NodePtr FloatLiteral(const Token& token) const {
    std::string digits(token.text);
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc()) Fail(token, fmt::format("{} is too large a number", token.text));
    return Literal(token, Val::Float(number));
  }

  NodePtr NameNode(const Token& token) {
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

  NodePtr ParsePrimary() {
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

  NodePtr ParseParens() {
    const Token token = Take();
    if (TakeOp(")")) return Make(NodeType::kTuple, token);
    NodePtr node = ParseTupleOrExpression();
    ExpectOp(")");
    return node;
  }

  NodePtr ParseList() {
    NodePtr list = Make(NodeType::kList, Take());
    while (!IsOp("]")) {
      Add(list, ParseExpression());
      if (!TakeOp(",")) break;
    }
    ExpectOp("]");
    return list;
  }

  NodePtr ParseDict() {
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

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  Program& program_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  int nesting_ = 0;
  std::size_t reference_ = kNone;    // of the operand just parsed, when it is a name with its path
  std::vector<std::string> locals_;  // in the order in which they were bound
  std::unordered_set<std::string> local_set_;
  TemplatePlace place_;  // of the last reference: they come in the order of the text
};

}  // namespace

TemplatePlace PlaceOf(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const auto line_begin = before.rfind('\n');
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t column = line_begin == std::string_view::npos ? offset : offset - line_begin - 1;
  return TemplatePlace{offset, static_cast<int>(lines) + 1, static_cast<int>(column) + 1};
}

void ParseInto(Program* program) {
  Parser(program).Run();
}

}  // namespace pipelined::tmpl
