#include "dagfile/document.h"

#include "dagfile/tree_builder.h"

namespace pipelined::dagfile {

const Node& NodeRef::self() const {
  return document_->nodes_[id_];
}

const Node& NodeRef::target() const {
  const Node* node = &self();
  while (node->kind == NodeKind::kAlias) node = &document_->nodes_[node->text];
  return *node;
}

NodeKind NodeRef::kind() const {
  return target().kind;
}

std::string_view NodeRef::text() const {
  const Node& node = target();
  return std::string_view(document_->pool_).substr(node.text, node.length);
}

int NodeRef::line() const {
  return static_cast<int>(self().line) + document_->source_->first_line;
}

NodeRef NodeRef::First() const {
  const Node& node = target();
  return node.first == 0 ? NodeRef() : NodeRef(document_, node.first);
}

NodeRef NodeRef::Next() const {
  const Node& node = self();
  return node.next == 0 ? NodeRef() : NodeRef(document_, node.next);
}

Place NodeRef::place() const {
  const Node& node = self();
  return {document_->source_, node.line, node.column, 0};
}

std::unique_ptr<Document> Document::Parse(const SourceText& source, const LoadLimits& limits, Reporter& reporter) {
  auto document = std::make_unique<Document>();
  document->source_ = &source;
  document->nodes_.reserve(source.text.size() / 10);
  document->pool_.reserve(source.text.size() / 2);
  if (!TreeBuilder(*document, limits, reporter).Run()) return nullptr;
  return document;
}

}  // namespace pipelined::dagfile
