// From yaml-cpp's events to a Document. What yaml-cpp lets through (duplicate keys, aliases inside of themselves or
// that multiply, quotes that never end) is refused here.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "dagfile/document.h"

namespace pipelined::dagfile {

class TreeBuilder {
 public:
  TreeBuilder(Document& document, const LoadLimits& limits, Reporter& reporter)
      : document_(document), limits_(limits), reporter_(reporter) {}

  // False when there is no tree; the reporter knows why.
  bool Run();

 private:
  class Events;    // yaml-cpp's EventHandler
  struct Stop {};  // thrown through yaml-cpp to leave it; never leaves Run()

  // What a node costs when it is walked: aliases are counted as what they stand for.
  struct Cost {
    std::size_t nodes = 0, text = 0, height = 0;
  };
  struct Open {
    std::uint32_t node;
    std::uint32_t last;  // child
    std::size_t anchor;
    Cost cost;
  };
  struct Anchored {
    std::uint32_t node = 0;
    bool closed = false;
    Cost cost;
  };
  struct Position {
    std::size_t pos;
    std::uint32_t line, column;
  };

  std::uint32_t Add(NodeKind kind, const Position& at);
  void Scalar(NodeKind kind, const Position& at, std::size_t anchor, std::string_view value);
  void Begin(NodeKind kind, const Position& at, std::size_t anchor);
  void End();
  void Alias(const Position& at, std::size_t anchor);
  void CheckTag(const Position& at, const std::string& tag);
  void CheckClosed(const Position& at);

  void Charge(const Cost& cost, const Position& at);
  void Anchor(std::size_t anchor, std::uint32_t node, bool closed, const Cost& cost);
  void Link(Open& parent, std::uint32_t node);

  void CheckKeys(const Open& map);
  void BadKey(NodeRef map, NodeRef key);
  void Merge(Open& map);
  void MergeFrom(NodeRef from, Open& map, std::unordered_set<std::string_view>& present);
  void SyntaxError(const std::string& what, int line, int column);

  Place PlaceOf(const Position& at) const { return {&document_.source(), at.line, at.column, 1}; }
  [[noreturn]] void Fatal(Code code, const Place& at, std::string message, std::string hint = {});

  Document& document_;
  const LoadLimits& limits_;
  Reporter& reporter_;
  std::vector<Open> open_;
  std::vector<Anchored> anchors_;
  std::size_t total_nodes_ = 0;
};

}  // namespace pipelined::dagfile
