// Jinja's expressions, by recursive descent; precedence as there.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "template/ast.h"
#include "template/token_reader.h"

namespace pipelined::tmpl {

// Notes in `program` what its expressions refer to, and where values are pasted as they are. Errors: kSyntax, kLimit.
class ExpressionParser : protected TokenReader {
 protected:
  explicit ExpressionParser(Program* program) : TokenReader(program->text), program_(*program) {}

  NodePtr ParseTupleOrExpression() { return ParseTuple(true); }
  NodePtr ParseTuple(bool conditional);
  NodePtr ParseExpression();
  NodePtr ParseFilters(NodePtr node);
  NodePtr ParseFilter(NodePtr input, const Token& token_here);
  NodePtr NameNode(const Token& token);
  static NodePtr Literal(const Token& token, Val value);
  static std::string Hint(std::string_view word, const std::vector<std::string_view>& candidates);

  // ---- names that the template binds itself
  bool Local(std::string_view name) const { return local_set_.count(std::string(name)) != 0; }
  struct LocalScope {
    explicit LocalScope(ExpressionParser* parser) : parser_(*parser), size_(parser->locals_.size()) {}
    ~LocalScope() {
      for (; parser_.locals_.size() > size_; parser_.locals_.pop_back())
        parser_.local_set_.erase(parser_.locals_.back());
    }
    LocalScope(const LocalScope&) = delete;
    LocalScope& operator=(const LocalScope&) = delete;
    ExpressionParser& parser_;
    std::size_t size_;
  };
  void Bind(const std::string& name);

 private:
  static NodePtr Make(NodeType type, const Token& token, std::string name = {});
  static void Add(const NodePtr& node, NodePtr kid);
  static NodePtr Pair(NodeType type, const Token& token, std::string name, NodePtr a, NodePtr b);
  static NodePtr One(NodeType type, const Token& token, NodePtr a, std::string name = {});
  NodePtr ParseOr();
  NodePtr ParseAnd();
  NodePtr ParseNot();
  std::string ComparisonHere();
  NodePtr ParseCompare();
  using Level = NodePtr (ExpressionParser::*)();
  NodePtr ParseBinary(std::initializer_list<std::string_view> ops, Level next);
  NodePtr ParseSum();
  NodePtr ParseConcat();
  NodePtr ParseProduct();
  NodePtr ParsePower();
  NodePtr ParseFiltered();
  NodePtr ParseUnary();
  NodePtr ParsePostfix();
  // Adds the last step to the reference; false when it is no constant, which ends the path.
  bool ExtendReference(std::size_t reference, const Node& node);
  NodePtr ParseMember(NodePtr node);
  NodePtr ParseSubscript(NodePtr node);
  void ParseArguments(const NodePtr& call);
  NodePtr ParseCall(NodePtr callee);
  NodePtr ParseTest(NodePtr input, std::size_t reference);
  bool BeginsOperand() const;
  NodePtr IntegerLiteral(const Token& token) const;
  NodePtr FloatLiteral(const Token& token) const;
  NodePtr ParsePrimary();
  NodePtr ParseParens();
  NodePtr ParseList();
  NodePtr ParseDict();
  TemplatePlace Advance(std::size_t offset);

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  Program& program_;
  std::size_t reference_ = kNone;    // of the operand just parsed, when it is a name with its path
  std::vector<std::string> locals_;  // in the order in which they were bound
  std::unordered_set<std::string> local_set_;
  TemplatePlace place_;  // of the last reference: they come in the order of the text
};

}  // namespace pipelined::tmpl
