// Runs a parsed template once.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "template/ast.h"
#include "template/machine.h"
#include "template/shell_quote.h"

namespace pipelined::tmpl {

class Interpreter {
 public:
  Interpreter(const Program& program, const Scope& scope, const RenderOptions& options)
      : program_(program), machine_(scope, options), options_(options) {}

  // Both raise Fault.
  std::string Render();
  Value Evaluate();

 private:
  friend class MacroFunction;
  struct Deeper;
  struct Frame;
  struct Capture {
    std::string text;
    Origin origin = Origin::kFile;
  };

  void Run(const Block& block);
  void Run(const Statement& statement);
  void RunIf(const Statement& statement);
  void RunFor(const Statement& statement);
  void RunSet(const Statement& statement);
  void RunFilterBlock(const Statement& statement);
  void RunWith(const Statement& statement);
  Val Captured(const Block& block);
  Vals LoopItems(const Statement& statement);
  void BindTargets(const std::vector<std::string>& targets, const Val& value);
  void BindTarget(const std::string& target, const Val& value);

  void EmitLiteral(std::string_view text);
  void Emit(const Val& value, bool raw = false);
  void Note(const Val& value) const;  // that it gets into the answer
  void KeepMade(const Val& value);
  void KeepMade(const Val& value, std::size_t* most);
  void TellMade() const;
  Value EvaluateOnly();
  void Append(std::string_view text);

  Val Eval(const Node& node);
  Val EvalNode(const Node& node);
  Val FindName(const std::string& wanted);
  Val EvalAttribute(const Node& node);
  Val EvalIndex(const Node& node);
  Val EvalCall(const Node& node);
  Val EvalFilter(const Node& node, const Val& input);
  Val EvalTest(const Node& node);
  Val EvalCompare(const Node& node);
  Val EvalDict(const Node& node);
  Val EvalChain(const Node& node, const Val& leaf);
  Vals EvalAll(const Node& node, std::size_t from);
  Args Arguments(const Node& node, std::size_t from, std::string_view function);
  Val CallMacro(const Statement& macro, Args& args);

  const Program& program_;
  Machine machine_;
  const RenderOptions& options_;
  std::vector<std::pair<std::string, Val>> locals_;  // the innermost last
  int depth_ = 0;
  std::string out_;
  ShellText shell_{options_.quote == Quote::kPosixShell};
  Capture* capture_ = nullptr;
  std::deque<Val> made_;  // texts made from secrets, the latest last
};

}  // namespace pipelined::tmpl
