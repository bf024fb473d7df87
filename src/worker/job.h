// One action under way.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"
#include "pipelined/ports/executor.h"
#include "worker/attempt_log.h"

namespace pipelined::worker {

class Loop;
class CurlLoop;
class PgPool;
class Threads;

struct JobEnd {
  // kSucceeded, kFailed, kLaunchFailed, kBadOutput or kLost. When it was stopped, who stopped it says what that means.
  AttemptOutcome outcome = AttemptOutcome::kFailed;
  std::string message;
  Value outputs;
  Value probed;  // what a probe is answered; null: nothing could be asked
  bool is_final = false;
  bool was_stopped = false;  // it ended because Stop() was called

  static JobEnd Failed(std::string message) {
    JobEnd end;
    end.message = std::move(message);
    return end;
  }
};
// Called in the loop's thread, once, and not from within the function that begins the job.
using JobDone = std::function<void(JobEnd)>;

class Job {
 public:
  virtual ~Job() = default;
  // Ends it as soon as it can be ended; JobDone follows.
  virtual void Stop() = 0;
};

// What jobs are done with.
struct Tools {
  Loop& loop;
  CurlLoop& curl;
  Threads& threads;       // for databases: each may be taken for as long as a query lasts
  Threads& mail_threads;  // of their own: a mail server that is slow holds up no query
  Threads& readers;       // for what is only long to read
  PgPool& databases;
};

// `log` outlives the job. An error: it cannot even begin.
Result<std::unique_ptr<Job>> BeginHttp(const Value& spec, const Tools& tools, AttemptLog& log, JobDone done);
Result<std::unique_ptr<Job>> BeginSql(const Value& spec, const Tools& tools, AttemptLog& log, JobDone done);
Result<std::unique_ptr<Job>> BeginSqlite(const Value& spec, const Tools& tools, AttemptLog& log, JobDone done);
Result<std::unique_ptr<Job>> BeginMail(const Value& spec, const Tools& tools, AttemptLog& log, JobDone done);
Result<std::unique_ptr<Job>> BeginPort(const Value& spec, const Tools& tools, AttemptLog& log, JobDone done);

// `action`: a map with one key, the kind.
Result<std::unique_ptr<Job>> Begin(const Value& action, const Tools& tools, AttemptLog& log, JobDone done);
// Its own time limit; 0: none.
Micros TimeoutOf(const Value& action);
Micros StatementTimeoutOf(const Value& action);

// Of a map; empty or `otherwise` when it is not there.
std::string TextIn(const Value& map, std::string_view key);
std::int64_t NumberIn(const Value& map, std::string_view key, std::int64_t otherwise = 0);
bool FlagIn(const Value& map, std::string_view key, bool otherwise);
// A host as it stands in a URL; nothing: it cannot be one. "::1" is "[::1]".
std::optional<std::string> UrlHost(std::string host);

}  // namespace pipelined::worker
