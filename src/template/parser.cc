// Jinja's statements, by recursive descent.
#include <fmt/format.h>

#include <algorithm>

#include "template/ast.h"
#include "template/expression_parser.h"

namespace pipelined::tmpl {
namespace {

class Parser : private ExpressionParser {
 public:
  explicit Parser(Program* program) : ExpressionParser(program), body_(program->body) {}

  void Run() {
    body_ = ParseBlock({});
    if (Is(TokenType::kBlockBegin)) Fail(At(1), fmt::format("\"{}\" closes nothing", At(1).text));
  }

 private:
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

  Block& body_;
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
