// A DAG's tasks and arrows as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pipelined::cli {

struct GraphTask {
  std::string id;
  std::vector<std::string> downstream;
};

// A line for each task, after all that it needs, indented by how many tasks it has above it at least: what can run at
// the same time stands at the same depth. "  load  after extract, check"
std::string GraphAsText(const std::vector<GraphTask>& tasks);
// For Graphviz and for Markdown.
std::string GraphAsDot(const std::string& dag_id, const std::vector<GraphTask>& tasks);
std::string GraphAsMermaid(const std::vector<GraphTask>& tasks);

}  // namespace pipelined::cli
