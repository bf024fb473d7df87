#include "dagfile/document_copy.h"

#include <algorithm>

namespace pipelined::dagfile {
namespace {

std::string_view Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

std::optional<std::string_view> WholeParam(std::string_view text) {
  constexpr std::string_view kParams = "params.";
  text = Trimmed(text);
  if (!text.starts_with("{{") || !text.ends_with("}}") || text.size() < 4) return std::nullopt;
  text = Trimmed(text.substr(2, text.size() - 4));
  if (!text.starts_with(kParams)) return std::nullopt;
  text.remove_prefix(kParams.size());
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsWordCharacter)) return std::nullopt;
  return text;
}

std::unique_ptr<Document> DocumentCopy::Make(NodeRef root, const SourceText& source, const Values& values,
                                             CopyBudget& budget) {
  auto copy = std::make_unique<Document>();
  copy->source_ = &source;
  DocumentCopy maker(*copy, values, budget);
  maker.Copy(root, root.place(), true);
  return maker.too_large_ ? nullptr : std::move(copy);
}

bool DocumentCopy::Charge(std::size_t text) {
  if (too_large_ || budget_.nodes == 0 || budget_.text < text) {
    too_large_ = true;
    return false;
  }
  --budget_.nodes;
  budget_.text -= text;
  return true;
}

std::uint32_t DocumentCopy::Copy(NodeRef from, const Place& at, bool replace) {
  if (replace && from.is_scalar()) {
    const auto name = WholeParam(from.text());
    const auto value = name ? values_.find(*name) : values_.end();
    if (value != values_.end()) return Copy(value->second, at, false);
  }
  const std::string_view text = from.is_scalar() ? from.text() : std::string_view();
  if (!Charge(text.size())) return 0;
  const auto id = static_cast<std::uint32_t>(copy_.nodes_.size());
  Node node;
  node.kind = from.kind();
  node.line = at.line;
  node.column = at.column;
  node.text = static_cast<std::uint32_t>(copy_.pool_.size());
  node.length = static_cast<std::uint32_t>(text.size());
  copy_.pool_ += text;
  copy_.text_bytes_ += text.size();
  copy_.nodes_.push_back(node);
  if (!from.is_list() && !from.is_map()) return id;
  std::uint32_t last = 0;
  bool is_key = from.is_map();
  for (NodeRef child = from.First(); child && !too_large_; child = child.Next()) {
    const std::uint32_t made = Copy(child, replace ? child.place() : at, replace && !is_key);
    (last == 0 ? copy_.nodes_[id].first : copy_.nodes_[last].next) = made;
    last = made;
    if (from.is_map()) is_key = !is_key;
  }
  return id;
}

}  // namespace pipelined::dagfile
