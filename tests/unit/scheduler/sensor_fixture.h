// A sensor from a line of YAML, and one that asks others.
#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <string>
#include <utility>

#include "pipelined/dagfile/load.h"
#include "pipelined/ports/prober.h"

namespace pipelined::testing {

class Utc : public ZoneSource {
 public:
  Result<std::shared_ptr<const Zone>> Find(std::string_view) const override { return Zone::Utc(); }
};

// The DAG "d" with the tasks of the text.
inline LoadedDag LoadTasks(const std::string& tasks, const std::string& more = "") {
  LoadOptions options{"/dags/d.yaml", "d.yaml", "", {}, {}};
  options.probes = true;
  LoadResult result = LoadText("dag_id: d\n" + more + "\ntasks: {" + tasks + "}\n", options, Utc());
  EXPECT_EQ(Format(result.diagnostics), "");
  return result.dags.empty() ? LoadedDag{std::make_shared<Dag>(), {}} : result.dags[0];
}

class FakeProber : public Prober {
 public:
  std::vector<std::pair<std::int64_t, Value>> asked;
  std::vector<ProbeResult> answers;  // what Probed() answers next

  void Probe(std::int64_t id, Value job) override { asked.emplace_back(id, std::move(job)); }
  std::vector<ProbeResult> Probed() override { return std::exchange(answers, {}); }
  int PollFd() const override { return -1; }
};

}  // namespace pipelined::testing
