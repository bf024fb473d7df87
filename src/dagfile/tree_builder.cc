#include "dagfile/tree_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <istream>
#include <streambuf>
#include <unordered_map>
#include <unordered_set>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace pipelined::dagfile {
namespace {

// A stream over text that is there already; yaml-cpp reads nothing else.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // never written to
    setg(begin, begin, begin + text.size());
  }
};

constexpr std::string_view kYamlTag = "tag:yaml.org,2002:";

}  // namespace

class TreeBuilder::Events : public YAML::EventHandler {
 public:
  explicit Events(TreeBuilder& builder) : builder_(builder) {}
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    builder_.Scalar(NodeKind::kNull, At(mark), anchor, {});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { builder_.Alias(At(mark), anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const Position at = At(mark);
    const bool plain = tag == "?" || tag.empty();
    if (!plain && tag != "!") builder_.CheckTag(at, tag);
    if (!plain) builder_.CheckClosed(at);
    builder_.Scalar(plain || (tag != "!" && tag != "tag:yaml.org,2002:str") ? NodeKind::kPlain : NodeKind::kQuoted, at,
                    anchor, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    builder_.CheckTag(At(mark), tag);
    builder_.Begin(NodeKind::kList, At(mark), anchor);
  }
  void OnSequenceEnd() override { builder_.End(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    builder_.CheckTag(At(mark), tag);
    builder_.Begin(NodeKind::kMap, At(mark), anchor);
  }
  void OnMapEnd() override { builder_.End(); }

 private:
  static Position At(const YAML::Mark& mark) {
    return {static_cast<std::size_t>(std::max(mark.pos, 0)), static_cast<std::uint32_t>(std::max(mark.line, 0)),
            static_cast<std::uint32_t>(std::max(mark.column, 0))};
  }
  TreeBuilder& builder_;
};

bool TreeBuilder::Run() {
  ViewBuffer buffer(document_.source().text);
  std::istream stream(&buffer);
  Events events(*this);
  const std::size_t errors = reporter_.errors();
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(events)) Scalar(NodeKind::kNull, {0, 0, 0}, 0, {});
  } catch (const Stop&) {
    return false;
  } catch (const YAML::Exception& e) {
    if (reporter_.errors() == errors) SyntaxError(e.msg, e.mark.line, e.mark.column);  // else it follows from those
    return false;
  } catch (const std::exception& e) {  // bad_alloc and the like: this file is refused, the others go on
    reporter_.Error(Code::kSyntax, {}, fmt::format("the YAML reader gave up: {}", e.what()));
    return false;
  }
  return reporter_.errors() == errors && !document_.nodes_.empty();
}

void TreeBuilder::Fatal(Code code, const Place& at, std::string message, std::string hint) {
  reporter_.Error(code, at, std::move(message), std::move(hint));
  throw Stop{};
}

std::uint32_t TreeBuilder::Add(NodeKind kind, const Position& at) {
  const auto id = static_cast<std::uint32_t>(document_.nodes_.size());
  Node node;
  node.kind = kind;
  node.line = at.line;
  node.column = at.column;
  document_.nodes_.push_back(node);
  if (!open_.empty()) Link(open_.back(), id);
  return id;
}

void TreeBuilder::Link(Open& parent, std::uint32_t node) {
  (parent.last == 0 ? document_.nodes_[parent.node].first : document_.nodes_[parent.last].next) = node;
  parent.last = node;
}

void TreeBuilder::Charge(const Cost& cost, const Position& at) {
  total_nodes_ += cost.nodes;
  document_.text_bytes_ += cost.text;
  if (total_nodes_ > limits_.nodes || document_.text_bytes_ > limits_.text) {
    Fatal(Code::kTooManyNodes, PlaceOf(at),
          fmt::format("the document is too large: more than {} values or {} MiB of text once its aliases are expanded",
                      limits_.nodes, limits_.text >> 20));
  }
  if (open_.size() + cost.height > limits_.depth) {
    Fatal(Code::kTooDeep, PlaceOf(at), fmt::format("values are nested more than {} levels deep", limits_.depth));
  }
  if (open_.empty()) return;
  Cost& sum = open_.back().cost;
  sum.nodes += cost.nodes;
  sum.text += cost.text;
  sum.height = std::max(sum.height, cost.height + 1);
}

void TreeBuilder::Anchor(std::size_t anchor, std::uint32_t node, bool closed, const Cost& cost) {
  if (anchor == 0) return;
  if (anchors_.size() <= anchor) anchors_.resize(anchor + 1);
  anchors_[anchor] = {node, closed, cost};
}

void TreeBuilder::Scalar(NodeKind kind, const Position& at, std::size_t anchor, std::string_view value) {
  const Cost cost{1, value.size(), 0};
  Charge(cost, at);
  const std::uint32_t id = Add(kind, at);
  Node& node = document_.nodes_[id];
  node.text = static_cast<std::uint32_t>(document_.pool_.size());
  node.length = static_cast<std::uint32_t>(value.size());
  document_.pool_ += value;
  Anchor(anchor, id, true, cost);
  if (value.find('\0') != std::string_view::npos) {
    reporter_.Error(Code::kBadBytes, PlaceOf(at), "a value holds a NUL character",
                    "no program can be given one: take \"\\0\" out");
  }
}

void TreeBuilder::Begin(NodeKind kind, const Position& at, std::size_t anchor) {
  if (open_.size() >= limits_.depth) {
    Fatal(Code::kTooDeep, PlaceOf(at), fmt::format("values are nested more than {} levels deep", limits_.depth));
  }
  if (++total_nodes_ > limits_.nodes) Charge({}, at);
  const std::uint32_t id = Add(kind, at);
  Anchor(anchor, id, false, {});
  open_.push_back({id, 0, anchor, {1, 0, 1}});
}

void TreeBuilder::End() {
  if (document_.nodes_[open_.back().node].kind == NodeKind::kMap) {
    CheckKeys(open_.back());
    Merge(open_.back());
  }
  const Open closed = open_.back();
  open_.pop_back();
  Anchor(closed.anchor, closed.node, true, closed.cost);
  if (open_.empty()) return;
  Cost& sum = open_.back().cost;  // the totals have these nodes already
  sum.nodes += closed.cost.nodes;
  sum.text += closed.cost.text;
  sum.height = std::max(sum.height, closed.cost.height + 1);
}

void TreeBuilder::Alias(const Position& at, std::size_t anchor) {
  const Anchored target = anchor < anchors_.size() ? anchors_[anchor] : Anchored{};
  if (!target.closed) {
    Fatal(Code::kAliasCycle, PlaceOf(at),
          "this alias stands inside of what it stands for, so that the value would never end");
  }
  Charge(target.cost, at);
  const std::uint32_t id = Add(NodeKind::kAlias, at);
  document_.nodes_[id].text = target.node;
}

void TreeBuilder::CheckTag(const Position& at, const std::string& tag) {
  if (tag.empty() || tag == "?" || tag == "!") return;
  constexpr std::array<std::string_view, 7> kKnown{"str", "int", "float", "bool", "null", "seq", "map"};
  const std::string_view name =
      std::string_view(tag).starts_with(kYamlTag) ? std::string_view(tag).substr(kYamlTag.size()) : tag;
  if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) return;
  reporter_.Error(Code::kTag, PlaceOf(at), fmt::format("YAML tags are not supported: {}", Quoted(tag)),
                  "take the tag away");
}

// yaml-cpp takes the end of the file for a closing quote.
void TreeBuilder::CheckClosed(const Position& at) {
  const std::string_view text = document_.source().text;
  std::size_t i = at.pos;
  while (i < text.size() && (text[i] == '&' || text[i] == '!')) {  // an anchor or a tag stands in front
    while (i < text.size() && !std::isspace(static_cast<unsigned char>(text[i]))) ++i;
    while (i < text.size() && std::isspace(static_cast<unsigned char>(text[i]))) ++i;
  }
  if (i >= text.size() || (text[i] != '"' && text[i] != '\'')) return;  // a block of text
  const char quote = text[i++];
  for (; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return;
      ++i;
    }
  }
  Fatal(Code::kUnterminatedQuote, PlaceOf(at), fmt::format("the quote {} that opens here is never closed", quote),
        "close it, or write the file anew: it may have been cut off");
}

void TreeBuilder::BadKey(NodeRef map, NodeRef key) {
  Place place = map.place();
  const std::string_view line = LineAt(document_.source().text, place.line).substr(place.column);
  if (key.is_map() && line.starts_with("{{")) {
    const std::size_t close = line.find("}}");
    const std::string_view shown = line.substr(0, close == std::string_view::npos ? close : close + 2);
    place.length = static_cast<std::uint32_t>(shown.size());
    reporter_.Error(Code::kUnquotedTemplate, place, "a value that begins with a template is a mapping to YAML",
                    fmt::format("put the whole value in quotes: \"{}\"", shown));
    return;
  }
  reporter_.Error(Code::kBadKey, key.place(),
                  key.is_null() ? "a key is missing" : "a key must be a word, not a list or a mapping");
}

void TreeBuilder::CheckKeys(const Open& map) {
  const NodeRef ref(&document_, map.node);
  std::size_t count = 0;
  for (const Entry& entry : EntriesOf(ref)) {
    if (!entry.key.is_scalar()) return BadKey(ref, entry.key);
    ++count;
  }
  if (count < 2) return;
  const auto report = [this](NodeRef again, NodeRef before) {
    reporter_.Error(Code::kDuplicateKey, again.place(),
                    fmt::format("the key {} stands here twice", Quoted(again.text())),
                    fmt::format("the first one is in line {}; rename one of them, or take it away", before.line()));
  };
  if (count <= 16) {
    for (NodeRef a = ref.First(); a; a = a.Next().Next()) {
      for (NodeRef b = a.Next().Next(); b; b = b.Next().Next()) {
        if (a.text() == b.text()) {
          report(b, a);
          break;
        }
      }
    }
    return;
  }
  std::unordered_map<std::string_view, NodeRef> seen;
  seen.reserve(count);
  for (const Entry& entry : EntriesOf(ref)) {
    const auto [before, fresh] = seen.emplace(entry.name(), entry.key);
    if (!fresh) report(entry.key, before->second);
  }
}

// `<<: *base` (or a list of them) gives the keys that the mapping does not have itself.
void TreeBuilder::Merge(Open& map) {
  const NodeRef ref(&document_, map.node);
  NodeRef from;
  for (const Entry& entry : EntriesOf(ref)) {
    if (entry.key.is_plain() && entry.name() == "<<") from = entry.value;
  }
  if (!from) return;
  std::unordered_set<std::string_view> present;
  for (const Entry& entry : EntriesOf(ref)) present.insert(entry.name());
  if (from.is_list()) {
    for (const NodeRef item : ItemsOf(from)) MergeFrom(item, map, present);
  } else {
    MergeFrom(from, map, present);
  }
}

void TreeBuilder::MergeFrom(NodeRef from, Open& map, std::unordered_set<std::string_view>& present) {
  if (!from.is_map()) {
    reporter_.Error(Code::kBadMerge, from.place(), "<< needs a mapping, or a list of mappings",
                    "give one a name with &name and merge it with <<: *name");
    return;
  }
  for (const Entry& entry : EntriesOf(from)) {
    if (!present.insert(entry.name()).second) continue;
    Charge({2, 0, 0}, {0, entry.key.place().line, entry.key.place().column});
    for (const NodeRef part : {entry.key, entry.value}) {
      const std::uint32_t id = static_cast<std::uint32_t>(document_.nodes_.size());
      Node alias;
      alias.kind = NodeKind::kAlias;
      alias.text = part.id();
      alias.line = part.place().line;
      alias.column = part.place().column;
      document_.nodes_.push_back(alias);
      Link(map, id);
    }
  }
}

void TreeBuilder::SyntaxError(const std::string& what, int line, int column) {
  const SourceText& source = document_.source();
  const auto row = static_cast<std::uint32_t>(std::max(line, 0));
  const Place place{&source, row, static_cast<std::uint32_t>(std::max(column, 0)), 1};
  const std::string_view here = LineAt(source.text, row);
  const std::string_view above = row > 0 ? LineAt(source.text, row - 1) : std::string_view();
  const auto either_has = [&](std::string_view word) {
    return here.find(word) != std::string_view::npos || above.find(word) != std::string_view::npos;
  };
  const std::string_view value = here.substr(std::min(here.size(), here.find(": ") + 2));  // npos + 2 is 1
  std::string hint;
  if (value.starts_with("* ") || value.starts_with("*/")) {
    hint = "put a cron expression that begins with * in quotes: to YAML it is the name of an anchor";
  } else if (either_has("{{") || either_has("{%")) {
    hint = "put the whole value in quotes: to YAML a template's { opens a mapping";
  } else if (here.substr(0, here.find_first_not_of(" \t")).find('\t') != std::string_view::npos) {
    hint = "indent with spaces, not with tabs";
  } else if (here.find(": ") != here.rfind(": ")) {
    hint = "put a value that holds \": \" in quotes";
  }
  reporter_.Error(Code::kSyntax, place, fmt::format("this is not YAML: {}", what), hint);
}

}  // namespace pipelined::dagfile
