// A parsed template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipelined/template/template.h"
#include "template/val.h"

namespace pipelined::tmpl {

struct Node;
using NodePtr = std::unique_ptr<Node>;

enum class NodeType : std::uint8_t {
  kLiteral,
  kName,
  kAttribute,
  kIndex,
  kSlice,
  kCall,
  kFilter,
  kTest,
  kBinary,
  kNegate,
  kPlus,
  kNot,
  kAnd,
  kOr,
  kCompare,
  kConditional,
  kList,
  kTuple,
  kDict
};

// An expression. What `kids` hold: operands in the order of the text; for a call the callee and its arguments; for a
// conditional value, condition, otherwise (may be null); for a slice value, first, last, step (may be null); for a dict
// keys and values in turn.
struct Node {
  NodeType type;
  std::size_t offset = 0, length = 1;
  int depth = 1;
  bool negated = false;  // kTest: `is not`
  std::string name;      // of a name, attribute, filter, test or operator
  Val literal;
  std::vector<std::string> ops;  // kCompare: one less than kids
  std::vector<NodePtr> kids;
  std::vector<std::pair<std::string, NodePtr>> named;  // arguments by name
};

enum class StatementType : std::uint8_t { kText, kOutput, kIf, kFor, kSet, kSetBlock, kMacro, kFilterBlock, kWith };

struct Statement;
using Block = std::vector<Statement>;

// kIf: conditions with their bodies, and one more body for `else`. kFor: expr, targets, conditions[0] (may be null),
// the body and the body of `else`. kMacro: text is its name, targets its parameters, conditions their defaults (may be
// null). kFilterBlock: expr is a chain of filters over an empty literal (the leaf).
struct Statement {
  StatementType type;
  std::size_t offset = 0;
  std::string text;
  NodePtr expr;
  std::vector<std::string> targets;
  std::vector<NodePtr> conditions;
  std::vector<Block> bodies;
};

struct Program {
  std::string text;
  bool literal = false;
  Block body;
  std::vector<TemplateReference> references;
  std::vector<TemplatePlace> raw_uses;
};

// Raises kSyntax or kLimit.
void ParseInto(Program* program);

TemplatePlace PlaceOf(std::string_view text, std::size_t offset);

}  // namespace pipelined::tmpl
