#include "pipelined/simulation/assumptions.h"

#include "unit/simulation/simulated.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const char* const kTwo = R"({dag_id: d, schedule: "@daily", tasks: {a: {bash: x}, b: {bash: x}}}
---
{dag_id: e, schedule: "@daily", tasks: {a: {bash: x, pool: wide}}}
)";

TEST(SimulationInput, TheMostSpecificDurationCounts) {
  Simulated s(kTwo);
  s.Took("*: 4m\nd.*: 3m\nd.a: 2m\n");
  s.assumed.measured = {{{"d", "b"}, Seconds(7)}, {{"e", "a"}, Seconds(9)}};
  ASSERT_TRUE(Configure(s.assumed, s.prepared).ok());
  EXPECT_EQ(FormatDuration(s.prepared.dags[0].tasks[0].duration), "2m");
  EXPECT_EQ(FormatDuration(s.prepared.dags[0].tasks[1].duration), "3m");  // what is said of d beats what was measured …
  EXPECT_EQ(FormatDuration(s.prepared.dags[1].tasks[0].duration), "9s");  // … and that what is said of all
}

TEST(SimulationInput, WithoutAnyWordTheDefaultCounts) {
  Simulated s(kTwo);
  ASSERT_TRUE(Configure(s.assumed, s.prepared).ok());
  EXPECT_EQ(FormatDuration(s.prepared.dags[0].tasks[0].duration), "10m");
}

TEST(SimulationInput, ADurationOfNothingIsNotedWithItsLineAndTheNearestName) {
  Simulated s(kTwo);
  s.Took("d.a: 1m\nd.bb: 2m\n").Pool("wide=1");
  ASSERT_TRUE(Configure(s.assumed, s.prepared).ok());
  EXPECT_THAT(s.prepared.notes,
              ElementsAre("line 2 of the durations names no task that is simulated: \"d.bb\"; did you mean \"d.b\"?"));
}

struct Refused {
  const char* fail;
  const char* pool;
  ErrorCode code;
  const char* message;
};

class Refusal : public ::testing::TestWithParam<Refused> {};

TEST_P(Refusal, NamesTheOption) {
  Simulated s(kTwo);
  if (*GetParam().fail != '\0') s.Failing(GetParam().fail);
  if (*GetParam().pool != '\0') s.Pool(GetParam().pool);
  const Status done = Configure(s.assumed, s.prepared);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, GetParam().code);
  EXPECT_EQ(done.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Options, Refusal,
    ::testing::Values(Refused{"d.c=1", "", ErrorCode::kNotFound,
                              "--fail d.c=1: no task that is simulated is called \"d.c\""},
                      Refused{"d.a=often", "", ErrorCode::kInvalid, "--fail d.a=often: \"often\" does not say how"},
                      Refused{"d.a=101%", "", ErrorCode::kInvalid, "--fail d.a=101%: \"101%\" does not say how"},
                      Refused{"d.a=-1", "", ErrorCode::kInvalid, "--fail d.a=-1: \"-1\" does not say how"},
                      Refused{"", "wide", ErrorCode::kInvalid, "--pool wide: not of the form NAME=SLOTS"},
                      Refused{"", "wide=-2", ErrorCode::kInvalid, "--pool wide=-2: not of the form NAME=SLOTS"},
                      Refused{"", "=2", ErrorCode::kInvalid, "--pool =2: not of the form NAME=SLOTS"}));

TEST(SimulationInput, ABareTaskIdFailsInEveryDag) {
  Simulated s(kTwo);
  s.Failing("a=2");
  ASSERT_TRUE(Configure(s.assumed, s.prepared).ok());
  EXPECT_EQ(s.prepared.dags[0].tasks[0].fails.first_tries, 2);
  EXPECT_EQ(s.prepared.dags[0].tasks[1].fails.first_tries, 0);
  EXPECT_EQ(s.prepared.dags[1].tasks[0].fails.first_tries, 2);
}

TEST(SimulationInput, APoolThatIsNotGivenHasNoLimitAndIsNoted) {
  Simulated s(kTwo);
  ASSERT_TRUE(Configure(s.assumed, s.prepared).ok());
  ASSERT_EQ(s.prepared.pools.size(), 2u);
  EXPECT_EQ(s.prepared.pools[0].name, "default_pool");
  EXPECT_EQ(s.prepared.pools[0].slots, 128);
  EXPECT_EQ(s.prepared.pools[1].slots, -1);
  EXPECT_THAT(s.prepared.notes, ElementsAre(HasSubstr("--pool wide=SLOTS")));
}

TEST(SimulationInput, APoolThatNobodyNamesIsNoted) {
  Simulated s(kTwo);
  s.Pool("wide=1").Pool("wiide=1");
  ASSERT_TRUE(Configure(s.assumed, s.prepared).ok());
  EXPECT_THAT(s.prepared.notes, ElementsAre("no task that is simulated names the pool \"wiide\""));
}

}  // namespace
}  // namespace pipelined
