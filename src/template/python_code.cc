#include "pipelined/template/python_code.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "template/ast.h"

namespace pipelined {
namespace {

using tmpl::Block;
using tmpl::Node;
using tmpl::NodePtr;
using tmpl::NodeType;
using tmpl::Statement;
using tmpl::StatementType;

// What may become of a value within code; the greater is the worse.
enum class Danger : unsigned char { kNone, kJson, kText };

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Where in Python one is: within which quotes, or in a comment.
class PythonText {
 public:
  void Read(std::string_view text) {
    for (std::size_t at = 0; at < text.size();)
      at += quote_ == '\0' ? Outside(text.substr(at)) : Inside(text.substr(at));
  }
  void ReadValue() { word_.clear(), escaped_ = false; }
  bool keeps_json() const { return quote_ == '\0' || (quote_ == '\'' && is_raw_ && !is_format_); }

 private:
  // How many bytes were read.
  std::size_t Outside(std::string_view text) {
    const char c = text[0];
    if (c == '\n') in_comment_ = false;
    if (c == '#') in_comment_ = true;
    if (in_comment_ || (c != '"' && c != '\'')) {
      if (!IsLetter(c)) {
        word_.clear();
      } else if (word_.size() <= kLongestPrefix) {
        word_.push_back(c);
      }
      return 1;
    }
    const auto has = [this](std::string_view letters) {
      return word_.size() <= kLongestPrefix && word_.find_first_of(letters) != std::string::npos;
    };
    is_raw_ = has("rR");
    is_format_ = has("fFtT");
    word_.clear();
    const std::string three(3, c);
    if (text.starts_with(std::string_view(three).substr(1)) && !text.starts_with(three)) return 2;  // an empty text
    quote_ = c;
    is_long_ = text.starts_with(three);
    return is_long_ ? 3 : 1;
  }

  std::size_t Inside(std::string_view text) {
    if (std::exchange(escaped_, false)) return 1;
    const char c = text[0];
    if (c == '\\') escaped_ = true;
    if (c == '\n' && !is_long_) quote_ = '\0';  // a mistake of Python
    if (c != quote_) return 1;
    if (is_long_ && !text.starts_with(std::string(3, c))) return 1;
    quote_ = '\0';
    return is_long_ ? 3 : 1;
  }

  char quote_ = '\0';  // none
  bool is_long_ = false, is_raw_ = false, is_format_ = false;
  bool in_comment_ = false, escaped_ = false;
  static constexpr std::size_t kLongestPrefix = 2;  // r, rb, fr …
  std::string word_;                                // right before the next character; longer ones are cut
};

class Paste {
 public:
  using IsOutside = std::function<bool(const std::vector<std::string>&)>;
  Paste(const std::string& text, const IsOutside& is_outside) : text_(text), is_outside_(is_outside) {}

  void Walk(const Block& block) {
    for (const Statement& statement : block) Walk(statement);
  }
  std::vector<PastedValue> Take() { return std::move(pasted_); }

 private:
  void Walk(const Statement& statement) {
    switch (statement.type) {
      case StatementType::kText:
        return python_.Read(statement.text);
      case StatementType::kOutput:
        return Put(statement.offset, Of(*statement.expr));
      case StatementType::kIf:
        return WalkEach(statement.bodies);
      case StatementType::kFor:
        return WalkFor(statement);
      case StatementType::kSet:
        return Bind(statement.targets, Of(*statement.expr));
      case StatementType::kSetBlock:
        return Bind(statement.targets, OfChain(*statement.expr, Captured(statement.bodies[0])));
      case StatementType::kMacro:
        return Bind({statement.text}, Captured(statement.bodies[0], statement.targets));
      case StatementType::kFilterBlock:
        return Put(statement.offset, OfChain(*statement.expr, Captured(statement.bodies[0])));
      case StatementType::kWith:
        return WalkWith(statement);
    }
  }

  // One of them is what runs.
  void WalkEach(const std::vector<Block>& bodies) {
    const PythonText before = python_;
    std::optional<PythonText> after;
    for (const Block& body : bodies) {
      python_ = before;
      Walk(body);
      if (!after) after = python_;
    }
    if (after) python_ = *after;
  }

  void WalkFor(const Statement& statement) {
    const std::size_t bound = bound_.size();
    const Danger items = Of(*statement.expr);
    Bind(statement.targets, items);
    Bind({"loop"}, items);
    WalkEach(statement.bodies);
    Unbind(bound);
  }

  void WalkWith(const Statement& statement) {
    const std::size_t bound = bound_.size();
    for (std::size_t i = 0; i < statement.targets.size(); ++i)
      Bind({statement.targets[i]}, Of(*statement.conditions[i]));
    Walk(statement.bodies[0]);
    Unbind(bound);
  }

  // Of one that is bound twice the worse counts: which of them it is depends on branches.
  void Bind(const std::vector<std::string>& targets, Danger danger) {
    for (const std::string& target : targets) {
      const auto [found, added] = names_.try_emplace(target, danger);
      bound_.emplace_back(target, added ? std::nullopt : std::optional(found->second));
      found->second = std::max(found->second, danger);
    }
  }
  void Unbind(std::size_t until) {
    for (; bound_.size() > until; bound_.pop_back()) {
      const auto& [name, before] = bound_.back();
      if (before) names_[name] = *before;
      if (!before) names_.erase(name);
    }
  }

  // The text that a block gives, which is put somewhere else. What a macro is called with is looked at where it is.
  Danger Captured(const Block& block, const std::vector<std::string>& parameters = {}) {
    const std::size_t bound = bound_.size();
    const PythonText before = python_;
    const Danger outer = std::exchange(worst_, Danger::kNone);
    ++captures_;
    Bind(parameters, Danger::kNone);
    Walk(block);
    --captures_;
    Unbind(bound);
    python_ = before;
    return std::exchange(worst_, outer);
  }

  void Put(std::size_t offset, Danger danger) {
    worst_ = std::max(worst_, danger == Danger::kNone ? danger : Danger::kText);
    const bool is_harmless = danger == Danger::kNone || (danger == Danger::kJson && python_.keeps_json());
    python_.ReadValue();
    if (is_harmless || captures_ > 0) return;
    if (offset > 0 && (text_[offset - 1] == '"' || text_[offset - 1] == '\'')) --offset;  // of a text
    const std::size_t end = std::min(text_.find_first_of("\n}", offset), text_.size());
    const std::size_t last = text_.find_last_not_of(" \t\r-", end == 0 ? 0 : end - 1);
    const std::size_t length = last == std::string::npos || last < offset ? 1 : last + 1 - offset;
    pasted_.push_back({Advance(offset), static_cast<int>(length), danger == Danger::kJson});
  }

  // They come in the order of the text.
  TemplatePlace Advance(std::size_t offset) {
    for (; place_.offset < offset; ++place_.offset) {
      const bool is_line_end = text_[place_.offset] == '\n';
      place_.line += is_line_end ? 1 : 0;
      place_.column = is_line_end ? 1 : place_.column + 1;
    }
    return place_;
  }

  Danger OfName(const std::string& name, const std::vector<std::string>& path) const {
    const auto found = names_.find(name);
    if (found == names_.end()) return is_outside_(path) ? Danger::kText : Danger::kNone;
    const Danger danger = found->second;
    if (path.size() == 1) return danger;
    if (name == "loop" && path[1] != "previtem" && path[1] != "nextitem") return Danger::kNone;
    return danger == Danger::kNone ? danger : Danger::kText;
  }

  // Of name.a["b"]: what it stands on, and the words behind it as far as they are constant.
  static const Node& Root(const Node& node, std::vector<std::string>& path) {
    const bool is_constant = node.type == NodeType::kAttribute ||
                             (node.type == NodeType::kIndex && node.kids[1]->type == NodeType::kLiteral &&
                              node.kids[1]->literal.is(tmpl::Kind::kString));
    if (is_constant) {
      const Node& root = Root(*node.kids[0], path);
      if (!path.empty()) path.push_back(node.type == NodeType::kAttribute ? node.name : node.kids[1]->literal.string());
      return root;
    }
    if (node.type == NodeType::kName) path.push_back(node.name);
    return node;
  }

  Danger OfPath(const Node& node) const {
    std::vector<std::string> path;
    const Node& root = Root(node, path);
    if (!path.empty()) return OfName(path[0], path);
    return &root == &node ? OfParts(node) : OfParts(*node.kids[0]);
  }

  // Of what is made from several, in a way that nobody here follows.
  Danger OfParts(const Node& node, std::size_t from = 0) const {
    const auto is_harmful = [this](const Node* part) { return part != nullptr && Of(*part) != Danger::kNone; };
    for (std::size_t i = from; i < node.kids.size(); ++i) {
      if (is_harmful(node.kids[i].get())) return Danger::kText;
    }
    for (const auto& [name, argument] : node.named) {
      if (is_harmful(argument.get())) return Danger::kText;
    }
    return Danger::kNone;
  }

  static bool GivesNumber(std::string_view filter) {
    static constexpr std::array<std::string_view, 4> kNumbers{"int", "float", "length", "count"};
    return std::find(kNumbers.begin(), kNumbers.end(), filter) != kNumbers.end();
  }

  Danger OfFilter(const Node& node, Danger input) const {
    if (node.name == "raw") return Danger::kNone;  // on purpose
    const Danger arguments = OfParts(node, 1);
    if (GivesNumber(node.name)) return arguments;  // a default may be one
    if (node.name == "tojson") return input == Danger::kNone ? arguments : Danger::kJson;
    return input == Danger::kNone ? arguments : Danger::kText;
  }

  Danger OfChain(const Node& node, Danger leaf) const {
    return node.type == NodeType::kFilter ? OfFilter(node, OfChain(*node.kids[0], leaf)) : leaf;
  }

  Danger Of(const Node& node) const {
    switch (node.type) {
      case NodeType::kLiteral:
      case NodeType::kTest:
      case NodeType::kNot:
      case NodeType::kCompare:
        return Danger::kNone;
      case NodeType::kName:
      case NodeType::kAttribute:
      case NodeType::kIndex:
        return OfPath(node);
      case NodeType::kFilter:
        return OfFilter(node, Of(*node.kids[0]));
      case NodeType::kAnd:
      case NodeType::kOr:
        return std::max(Of(*node.kids[0]), Of(*node.kids[1]));
      case NodeType::kConditional:
        return std::max(Of(*node.kids[0]), node.kids[2] == nullptr ? Danger::kNone : Of(*node.kids[2]));
      default:
        return OfParts(node);
    }
  }

  const std::string& text_;
  const IsOutside& is_outside_;
  PythonText python_;
  std::unordered_map<std::string, Danger> names_;                     // that the template binds itself
  std::vector<std::pair<std::string, std::optional<Danger>>> bound_;  // in this order; what they were before
  Danger worst_ = Danger::kNone;                                      // of what was put
  int captures_ = 0;                                                  // blocks around whose text goes elsewhere
  TemplatePlace place_;
  std::vector<PastedValue> pasted_;
};

}  // namespace

std::vector<PastedValue> PastedIntoPython(const Template& code,
                                          const std::function<bool(const std::vector<std::string>& path)>& is_outside) {
  Paste paste(code.text(), is_outside);
  paste.Walk(code.program().body);
  return paste.Take();
}

}  // namespace pipelined
