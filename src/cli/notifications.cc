// pipectl notifications list, show, retry, test: what was sent to whom.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/commands.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

constexpr const char* kPath = "/api/ext/v1/notifications";
constexpr std::int64_t kMostPerPage = 1000;
constexpr auto kLookAgainAfter = std::chrono::milliseconds(200);

const std::vector<Column> kColumns{{"ID", "id"},          {"CREATED", "created_at"}, {"EVENT", "event"},
                                   {"ABOUT", "about"},    {"CHANNEL", "channel"},    {"STATE", "state"},
                                   {"TRIES", "attempts"}, {"NEXT", "next_try_at"},   {"ERROR", "error"}};

struct ListOptions {
  std::string dag_id, run_id, channel, state;
  int limit = 100;
};

// What it is about, in one cell.
Value WithAbout(Value row) {
  std::string about;
  for (const std::string_view key : {"dag_id", "dag_run_id", "task_id"}) {
    if (const std::string text = TextOf(row, key); !text.empty()) about += (about.empty() ? "" : " ") + text;
  }
  const Value* index = row.Find("map_index");
  if (index != nullptr && index->is_int() && index->integer() >= 0) about += fmt::format(" [{}]", index->integer());
  row.Set("about", std::move(about));
  return row;
}

std::string QueryOf(const ListOptions& options) {
  std::string query;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) query += fmt::format("&{}={}", name, PercentEncode(value));
  };
  add("dag_id", options.dag_id);
  add("run_id", options.run_id);
  add("channel", options.channel);
  add("state", options.state);
  return query;
}

Result<Value::List> Fetch(const Session& session, const ListOptions& options) {
  Value::List all;
  std::int64_t before = 0;
  do {
    const std::int64_t wanted = std::min<std::int64_t>(options.limit - std::ssize(all), kMostPerPage);
    std::string path = fmt::format("{}?limit={}{}", kPath, wanted, QueryOf(options));
    if (before > 0) path += fmt::format("&before_id={}", before);
    const auto answer = session.Get(path);
    if (!answer) return answer.error();
    const Value *rows = answer->Find("notifications"), *next = answer->Find("next");
    if (rows == nullptr || !rows->is_list())
      return Error{ErrorCode::kBug, "the server's answer has no notifications", ""};
    all.insert(all.end(), rows->list().begin(), rows->list().end());
    before = next != nullptr && next->is_int() ? next->integer() : 0;
  } while (before > 0 && std::ssize(all) < options.limit);
  return all;
}

Status List(const Session& session, const GlobalOptions& global, const ListOptions& options) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  Result<Value::List> rows = Fetch(session, options);
  if (!rows) return rows.error();
  if (*format == Layout::kTable || *format == Layout::kPlain) {
    for (Value& row : *rows) row = WithAbout(std::move(row));
  }
  PrintRows(*format, *rows, kColumns);
  return Ok();
}

std::string PathOf(std::int64_t id) {
  return fmt::format("{}/{}", kPath, id);
}

Status Show(const Session& session, const GlobalOptions& global, std::int64_t id) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  const auto row = session.Get(PathOf(id));
  if (!row) return row.error();
  PrintObject(*format, *row);
  return Ok();
}

bool IsUnderWay(const Value& row) {
  const std::string state = TextOf(row, "state");
  return state == "queued" || state == "delivering";
}

// Until its tries are over, or `patience` is.
Result<Value> Await(const Session& session, Value row, std::int64_t id, int patience) {
  const auto deadline = std::chrono::seconds(patience);
  for (auto waited = std::chrono::milliseconds(0); IsUnderWay(row) && waited < deadline; waited += kLookAgainAfter) {
    std::this_thread::sleep_for(kLookAgainAfter);
    auto again = session.Get(PathOf(id));
    if (!again) return again.error();
    row = *std::move(again);
  }
  return row;
}

Status Say(const Value& row, bool quiet) {
  const std::string state = TextOf(row, "state"), error = TextOf(row, "error"), channel = TextOf(row, "channel");
  const Value* id = row.Find("id");
  const std::string number = id != nullptr && id->is_int() ? std::to_string(id->integer()) : "?";
  if (state == "sent") {
    if (!quiet) fmt::print("notification {} was sent to {}\n", number, channel);
    return Ok();
  }
  if (IsUnderWay(row))
    return Error{ErrorCode::kUnavailable,
                 fmt::format("notification {} is {}{}{}", number, state, error.empty() ? "" : ": ", error),
                 fmt::format("is a notifier running? See: pipectl notifications show {}", number)};
  return Error{ErrorCode::kFailed, fmt::format("notification {} to {} is {}: {}", number, channel, state, error),
               "pipectl notifications show " + number};
}

Status Retry(const Session& session, std::int64_t id, bool quiet) {
  const auto row = session.Post(PathOf(id) + "/retry", Value(Value::Map{}));
  if (!row) return row.error();
  if (!quiet) fmt::print("notification {} is sent again\n", id);
  return Ok();
}

Status Test(const Session& session, const std::string& channel, const std::string& message, int patience, bool quiet) {
  Value body = Value::Map{{"channel", channel}};
  if (!message.empty()) body.Set("message", message);
  auto row = session.Post(kPath, body);
  if (!row) return row.error();
  const Value* id = row->Find("id");
  if (id == nullptr || !id->is_int()) return Error{ErrorCode::kBug, "the server's answer has no id", ""};
  const std::int64_t number = id->integer();
  const auto ended = Await(session, *std::move(row), number, patience);
  return ended ? Say(*ended, quiet) : Status(ended.error());
}

void AddList(CLI::App& notifications, Program& program) {
  CLI::App* list = AddCommand(notifications, "list", "List notifications and what became of them, the newest first",
                              "pipectl notifications list --state failed\n"
                              "  pipectl notifications list --dag sales_daily --channel ops -o json");
  const auto options = std::make_shared<ListOptions>();
  list->add_option("--dag", options->dag_id, "About this DAG only");
  list->add_option("--run", options->run_id, "About this run only");
  list->add_option("--channel", options->channel, "To this channel only");
  list->add_option("--state", options->state, "queued, delivering, sent, failed or suppressed")
      ->check(CLI::IsMember({"queued", "delivering", "sent", "failed", "suppressed"}));
  list->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  AddOutputOption(*list, program);
  list->callback([&program, options] {
    program.WithSession([&](const Session& session) { return List(session, program.global, *options); });
  });
}

void AddTest(CLI::App& notifications, Program& program) {
  struct TestOptions {
    std::string channel, message;
    int wait = 30;
  };
  CLI::App* test = AddCommand(notifications, "test", "Send a test message through a channel, and say what became of it",
                              "pipectl notifications test ops --message \"can you read this?\"");
  const auto options = std::make_shared<TestOptions>();
  test->add_option("CHANNEL", options->channel, "A channel of the settings, alerts.channels")->required();
  test->add_option("--message", options->message, "What it says");
  test->add_option("--wait", options->wait, "Wait so many seconds for it")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  test->callback([&program, options] {
    program.WithSession([&](const Session& session) {
      return Test(session, options->channel, options->message, options->wait, program.global.quiet);
    });
  });
}

}  // namespace

void AddNotificationCommands(CLI::App& app, Program& program) {
  CLI::App* notifications = AddCommand(app, "notifications", "What was sent to whom, and what was not",
                                       "pipectl notifications list --state failed");
  notifications->require_subcommand(1);
  AddList(*notifications, program);
  const auto id = std::make_shared<std::int64_t>(0);
  CLI::App* show = AddCommand(*notifications, "show", "Show a notification with each of its tries",
                              "pipectl notifications show 42 -o yaml");
  show->add_option("ID", *id, "Its number")->required()->check(CLI::NonNegativeNumber);
  AddOutputOption(*show, program);
  show->callback([&program, id] {
    program.WithSession([&](const Session& session) { return Show(session, program.global, *id); });
  });
  CLI::App* retry = AddCommand(*notifications, "retry", "Send one again that has failed or was suppressed",
                               "pipectl notifications retry 42");
  retry->add_option("ID", *id, "Its number")->required()->check(CLI::NonNegativeNumber);
  retry->callback([&program, id] {
    program.WithSession([&](const Session& session) { return Retry(session, *id, program.global.quiet); });
  });
  AddTest(*notifications, program);
}

}  // namespace pipelined::cli
