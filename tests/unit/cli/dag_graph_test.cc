#include "cli/offline/dag_graph.h"

#include <gtest/gtest.h>

namespace pipelined::cli {
namespace {

const std::vector<GraphTask> kDiamond{
    {"report", {}}, {"extract", {"load", "check"}}, {"load", {"report"}}, {"check", {"report"}}};

TEST(DagGraph, TextHasEachTaskAfterAllThatItNeeds) {
  EXPECT_EQ(GraphAsText(kDiamond),
            "extract\n"
            "  load  after extract\n"
            "  check  after extract\n"
            "    report  after load, check\n");
  EXPECT_EQ(GraphAsText({}), "");
}

TEST(DagGraph, DotAndMermaidQuoteWhatTheyGet) {
  EXPECT_EQ(GraphAsDot("a.b", {{"x.y", {"z"}}, {"z", {}}}),
            "digraph \"a.b\" {\n  rankdir=LR;\n  \"x.y\";\n  \"z\";\n  \"x.y\" -> \"z\";\n}\n");
  EXPECT_EQ(GraphAsMermaid({{"x.y", {"z"}}, {"z", {}}}), "graph LR\n  t0[\"x.y\"]\n  t1[\"z\"]\n  t0 --> t1\n");
}

}  // namespace
}  // namespace pipelined::cli
