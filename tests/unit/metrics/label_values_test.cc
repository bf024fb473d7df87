#include "pipelined/metrics/label_values.h"

#include <gmock/gmock.h>

namespace pipelined::metrics {
namespace {

TEST(LabelValues, OnlyTheFirstAreToldApart) {
  LabelValues dag_ids(2);
  EXPECT_EQ(dag_ids.Of("a"), "a");
  EXPECT_EQ(dag_ids.Of("b"), "b");
  EXPECT_EQ(dag_ids.Of("c"), "");
  EXPECT_EQ(dag_ids.Of("a"), "a");
}

}  // namespace
}  // namespace pipelined::metrics
