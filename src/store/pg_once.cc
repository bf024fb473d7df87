// Requests that are carried out once, see docs/decisions/111-an-idempotency-key-is-stored-with-its-run.md.
#include <variant>

#include "store/arrays.h"
#include "store/new_run.h"
#include "store/pg_catalog.h"

namespace pipelined {
namespace {

// Each new key takes some of those away that have had their time.
constexpr const char* kForget =
    "delete from idempotency_key where ctid = any (array(select ctid from idempotency_key where made_at < now() - "
    "interval '24 hours' limit 20 for update skip locked))";

struct Claimed {
  bool ours = false;  // the key is new; its row is locked until the transaction ends
  bool other_request = false;
  std::optional<std::int64_t> command;
  std::optional<KeptAnswer> answer;
};

Error OtherRequest() {
  return {ErrorCode::kInvalid, "this Idempotency-Key was used for another request",
          "send the same request again, or take a new key"};
}

Claimed ReadKept(const pqxx::row& row, const OnceKey& key) {
  Claimed kept;
  kept.other_request = row[0].as<std::string>() != key.request;
  if (!row[1].is_null()) kept.command = row[1].as<std::int64_t>();
  if (!row[2].is_null()) kept.answer = KeptAnswer{row[2].as<int>(), row[3].c_str(), true};
  return kept;
}

constexpr const char* kFind =
    "select request, command_id, status, answer from idempotency_key where user_id = $1 and key = $2 and made_at >= "
    "now() - interval '24 hours'";

// Takes the key, or finds what it stands for. Waits for who has taken it and is not done.
Claimed Claim(Session& session, pqxx::transaction_base& transaction, const OnceKey& key) {
  const pqxx::result taken =
      session.In(transaction, "claim_key",
                 "insert into idempotency_key as k (user_id, key, request) values ($1, $2, $3) on conflict "
                 "(user_id, key) do update set request = excluded.request, made_at = now(), command_id = null, "
                 "status = null, answer = null where k.made_at < now() - interval '24 hours' returning 1",
                 key.user, CleanText(key.key), key.request);
  if (!taken.empty()) {
    session.In(transaction, "forget_keys", kForget);
    Claimed claimed;
    claimed.ours = true;
    return claimed;
  }
  const pqxx::result found = session.In(transaction, "find_key", kFind, key.user, CleanText(key.key));
  if (found.empty()) throw StaleRow("an idempotency key was taken away while it was looked at");
  return ReadKept(found[0], key);
}

constexpr const char* kKeep =
    "update idempotency_key set status = $3, answer = $4 where user_id = $1 and key = $2 and status is null";

}  // namespace

Result<std::optional<KeptAnswer>> PgCatalog::Kept(const OnceKey& key) {
  return pool_.With("look for a kept answer", [&](Session& session) -> Result<std::optional<KeptAnswer>> {
    const pqxx::result found = session.Run("find_key", kFind, key.user, CleanText(key.key));
    if (found.empty()) return std::optional<KeptAnswer>();
    const Claimed kept = ReadKept(found[0], key);
    if (kept.other_request) return OtherRequest();
    return kept.answer;
  });
}

Result<KeptAnswer> PgCatalog::TriggerOnce(const TriggerRequest& request, const OnceKey& key,
                                          const std::function<KeptAnswer(const RunRow&)>& answer) {
  const Result<std::string> run_id = RunIdOf(request);
  if (!run_id.ok()) return run_id.error();
  return pool_.With("trigger a run once", [&](Session& session) -> Result<KeptAnswer> {
    try {
      pqxx::work transaction(session.raw());
      const Claimed claimed = Claim(session, transaction, key);
      if (claimed.other_request) return OtherRequest();
      if (claimed.answer) return *claimed.answer;
      const Result<RunRow> run = InsertRuns(session, transaction, {WantedRun{request, *run_id}}).front();
      if (!run.ok()) return run.error();
      KeptAnswer made = answer(*run);
      session.In(transaction, "keep_answer", kKeep, key.user, CleanText(key.key), made.status, made.body);
      transaction.commit();
      return made;
    } catch (const pqxx::unique_violation& e) {
      return ExistsAlready(request, *run_id, e.what());
    }
  });
}

namespace {

// What an earlier request was answered, or what has become of the command.
using Carried = std::variant<KeptAnswer, CommandDone>;

// Files the command, unless the key has one already.
Result<std::variant<KeptAnswer, std::int64_t>> FileOnce(Session& session, const Command& command, const OnceKey& key) {
  pqxx::work transaction(session.raw());
  const Claimed claimed = Claim(session, transaction, key);
  if (claimed.other_request) return OtherRequest();
  if (claimed.answer) return std::variant<KeptAnswer, std::int64_t>(*claimed.answer);
  if (!claimed.ours) return std::variant<KeptAnswer, std::int64_t>(claimed.command.value_or(0));
  const std::int64_t id = FileCommand(session, transaction, command);
  session.In(transaction, "key_of_command",
             "update idempotency_key set command_id = $3 where user_id = $1 and key = $2", key.user, CleanText(key.key),
             id);
  transaction.commit();
  return std::variant<KeptAnswer, std::int64_t>(id);
}

}  // namespace

// A crash between filing and answering leaves a key with a command: who comes again waits for that.
Result<KeptAnswer> PgCatalog::ExecuteOnce(const Command& command, Micros patience, const OnceKey& key,
                                          const std::function<KeptAnswer(const CommandDone&)>& answer) {
  const Result<Carried> carried = pool_.With("carry out a command once", [&](Session& session) -> Result<Carried> {
    const DoneListener listener(session, options_.schema);
    const auto filed = FileOnce(session, command, key);
    if (!filed.ok()) return filed.error();
    if (const auto* kept = std::get_if<KeptAnswer>(&*filed)) return Carried(*kept);
    const auto id = std::get<std::int64_t>(*filed);
    Result<CommandDone> done = AwaitCommand(session, id, patience);
    if (!done.ok()) return done.error();
    if (done->error.empty()) return Carried(*std::move(done));
    // Nothing was made: the key is free again.
    session.Run("free_key", "delete from idempotency_key where user_id = $1 and key = $2 and command_id = $3", key.user,
                CleanText(key.key), id);
    return Error{done->error_code, done->error, ""};
  });
  if (!carried.ok()) return carried.error();
  if (const auto* kept = std::get_if<KeptAnswer>(&*carried)) return *kept;
  KeptAnswer made = answer(std::get<CommandDone>(*carried));  // may ask the database: no connection is held
  if (made.status >= 300) return made;                        // who comes again is answered from the command
  return pool_.With("keep an answer", [&](Session& session) -> Result<KeptAnswer> {
    session.Run("keep_answer", kKeep, key.user, CleanText(key.key), made.status, made.body);
    const pqxx::result kept = session.Run("find_key", kFind, key.user, CleanText(key.key));
    if (!kept.empty() && !kept[0][3].is_null()) made.body = kept[0][3].c_str();  // another may have been first
    return made;
  });
}

}  // namespace pipelined
