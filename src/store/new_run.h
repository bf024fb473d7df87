// A run that somebody asks for, and a command that somebody files: the statements that make them.
#pragma once

#include <vector>

#include "pipelined/ports/catalog.h"
#include "store/session.h"

namespace pipelined {

// The run id that it will have. kInvalid: its form.
Result<std::string> RunIdOf(const TriggerRequest& request);
struct WantedRun {
  const TriggerRequest& request;
  const std::string& run_id;  // see RunIdOf()
};
// In one statement; of each the run, or kNotFound: there is no such DAG. Throws unique_violation when one of the runs
// exists, see ExistsAlready().
std::vector<Result<RunRow>> InsertRuns(Session& session, pqxx::transaction_base& transaction,
                                       const std::vector<WantedRun>& wanted);
// kConflict, in words that say whether id or date is taken.
Error ExistsAlready(const TriggerRequest& request, const std::string& run_id, std::string_view detail);

std::int64_t FileCommand(Session& session, pqxx::transaction_base& transaction, const Command& command);
// Waits for the answer of the leader. The session must have begun to listen to the channel `done` before the command
// was filed.
Result<CommandDone> AwaitCommand(Session& session, std::int64_t command, Micros patience);

// Is told that commands are done, as long as it lives.
class DoneListener : public pqxx::notification_receiver {
 public:
  DoneListener(Session& session, const std::string& schema) : notification_receiver(session.raw(), schema + ".done") {}
  void operator()(const std::string&, int) override {}
};

}  // namespace pipelined
