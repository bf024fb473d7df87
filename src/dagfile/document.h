// One YAML document as a compact tree (32 bytes per node), with the place of each node. The only place that sees
// yaml-cpp is document.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dagfile/reporter.h"
#include "pipelined/dagfile/load.h"

namespace pipelined::dagfile {

enum class NodeKind : std::uint8_t { kNull, kPlain, kQuoted, kList, kMap, kAlias };

struct Node {
  std::uint32_t text = 0;  // in the pool; an alias: its target
  std::uint32_t length = 0;
  std::uint32_t first = 0;   // child; 0: none (node 0 is the root and nobody's child)
  std::uint32_t next = 0;    // sibling; 0: none
  std::uint32_t line = 0;    // from 0, within the document's text
  std::uint32_t column = 0;  // from 0, in bytes
  NodeKind kind = NodeKind::kNull;
};

class Document;

// A node in its document; aliases are followed. Valid as long as the document.
class NodeRef {
 public:
  NodeRef() = default;
  NodeRef(const Document* document, std::uint32_t id) : document_(document), id_(id) {}

  explicit operator bool() const { return document_ != nullptr; }
  NodeKind kind() const;
  bool is_null() const { return kind() == NodeKind::kNull; }
  bool is_plain() const { return kind() == NodeKind::kPlain; }
  bool is_scalar() const { return is_plain() || kind() == NodeKind::kQuoted; }
  bool is_list() const { return kind() == NodeKind::kList; }
  bool is_map() const { return kind() == NodeKind::kMap; }
  std::string_view text() const;  // of a scalar
  int line() const;               // from 1, in the file
  std::uint32_t id() const { return id_; }
  Place place() const;

  NodeRef First() const;  // child of a list; first key of a map, whose value is its Next(). False when there is none
  NodeRef Next() const;

 private:
  const Node& self() const;
  const Node& target() const;
  const Document* document_ = nullptr;
  std::uint32_t id_ = 0;
};

struct Entry {
  NodeRef key, value;
  // Where a mistake in the value is shown: a missing value has no place of its own.
  Place place() const { return value.is_null() ? key.place() : value.place(); }
  std::string_view name() const { return key.text(); }
};

// for (const Entry& entry : EntriesOf(map)) and for (NodeRef item : ItemsOf(list)).
class EntriesOf {
 public:
  explicit EntriesOf(NodeRef map) : first_(map.is_map() ? map.First() : NodeRef()) {}
  struct Iterator {
    NodeRef key;
    Entry operator*() const { return {key, key.Next()}; }
    Iterator& operator++() {
      key = key.Next().Next();
      return *this;
    }
    bool operator!=(const Iterator&) const { return static_cast<bool>(key); }
  };
  Iterator begin() const { return {first_}; }
  Iterator end() const { return {}; }

 private:
  NodeRef first_;
};

class ItemsOf {
 public:
  explicit ItemsOf(NodeRef list) : first_(list.is_list() ? list.First() : NodeRef()) {}
  struct Iterator {
    NodeRef item;
    NodeRef operator*() const { return item; }
    Iterator& operator++() {
      item = item.Next();
      return *this;
    }
    bool operator!=(const Iterator&) const { return static_cast<bool>(item); }
  };
  Iterator begin() const { return {first_}; }
  Iterator end() const { return {}; }

 private:
  NodeRef first_;
};

class Document {
 public:
  // nullptr when `source` cannot be made a tree; the reporter knows why. Mistakes that leave a tree (a duplicate key)
  // are reported, too. The source must outlive the document.
  static std::unique_ptr<Document> Parse(const SourceText& source, const LoadLimits& limits, Reporter& reporter);

  NodeRef root() const { return {this, 0}; }
  const SourceText& source() const { return *source_; }
  std::size_t text_bytes() const { return text_bytes_; }  // with aliases expanded

 private:
  friend class NodeRef;
  friend class TreeBuilder;
  friend class DocumentCopy;
  const SourceText* source_ = nullptr;
  std::vector<Node> nodes_;
  std::string pool_;
  std::size_t text_bytes_ = 0;
};

}  // namespace pipelined::dagfile
