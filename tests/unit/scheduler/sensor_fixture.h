// A sensor from a line of YAML, and one that asks others.
#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <string>
#include <utility>

#include "pipelined/dagfile/load.h"
#include "pipelined/ports/prober.h"
#include "support/utc_zones.h"

namespace pipelined::testing {

// The DAG "d" with the tasks of the text.
inline LoadedDag LoadTasks(const std::string& tasks, const std::string& more = "") {
  LoadOptions options{"/dags/d.yaml", "d.yaml", "", {}, {}};
  LoadResult result = LoadText("dag_id: d\n" + more + "\ntasks: {" + tasks + "}\n", options, UtcZones());
  EXPECT_EQ(Format(result.diagnostics), "");
  return result.dags.empty() ? LoadedDag{std::make_shared<Dag>(), {}} : result.dags[0];
}

class FakeProber : public Prober {
 public:
  std::int64_t led = 0;
  std::vector<std::vector<std::string>> asked_secrets;
  std::vector<std::pair<std::int64_t, Value>> asked;
  std::vector<ProbeResult> answers;  // what Probed() answers next

  std::vector<std::int64_t> dropped;

  void Lead(std::int64_t epoch) override { led = epoch; }
  void Probe(std::int64_t id, Value job, std::vector<std::string> secrets) override {
    asked.emplace_back(id, std::move(job));
    asked_secrets.push_back(std::move(secrets));
  }
  void Drop(std::int64_t id) override { dropped.push_back(id); }
  std::vector<ProbeResult> Probed() override { return std::exchange(answers, {}); }
  int PollFd() const override { return -1; }
};

}  // namespace pipelined::testing
