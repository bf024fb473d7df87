// The server itself, as Airflow shows it: its settings, and the jobs that are at work.
#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/negotiate.h"
#include "api/http/query.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

constexpr std::string_view kHidden =
    "Your administrator chose not to expose the configuration, most likely for security reasons.";

bool OtherThanKnown(const Request& request) {
  const std::string* accept = request.Header("accept");
  return accept != nullptr && !accept->starts_with("text/plain") && !accept->starts_with("application/json") &&
         accept->find("*/*") == std::string::npos && !accept->empty();
}

// "[api]\nport = 8080\n\n…", or as objects.
Response Answer(const Call& call, const std::vector<ShownSetting>& settings) {
  std::string text;
  Value::List sections;
  for (std::size_t i = 0; i < settings.size();) {
    const std::string& section = settings[i].section;
    Value::List options;
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    for (; i < settings.size() && settings[i].section == section; ++i) {
      options.emplace_back(Value::Map{{"key", settings[i].key}, {"value", settings[i].value}});
      text += fmt::format("{} = {}\n", settings[i].key, settings[i].value);
    }
    sections.emplace_back(Value::Map{{"name", section}, {"options", std::move(options)}});
  }
  if (WantsText(call.request)) return Text(200, "text/plain; charset=utf-8", std::move(text));
  return Json(Value::Map{{"sections", std::move(sections)}});
}

std::vector<ShownSetting> Chosen(const Call& call, const std::string& section, const std::string& option) {
  std::vector<ShownSetting> chosen;
  for (const ShownSetting& setting : call.service.options.settings) {
    if ((section.empty() || setting.section == section) && (option.empty() || setting.key == option))
      chosen.push_back(setting);
  }
  return chosen;
}

std::optional<Response> Refused(const Call& call) {
  if (OtherThanKnown(call.request)) return Detail(406, "only application/json and text/plain are available");
  if (!call.service.options.expose_config) return Detail(403, kHidden);
  return std::nullopt;
}

}  // namespace

Response GetConfig(const Call& call) {
  if (auto refusal = Refused(call)) return *std::move(refusal);
  const std::string section = Query(call.request).String("section");
  const std::vector<ShownSetting> chosen = Chosen(call, section, "");
  if (chosen.empty() && !section.empty()) return Detail(404, fmt::format("Section {} not found.", section));
  return Answer(call, chosen);
}

Response GetConfigValue(const Call& call) {
  if (auto refusal = Refused(call)) return *std::move(refusal);
  const std::string &section = call.Arg("section"), &option = call.Arg("option");
  const std::vector<ShownSetting> chosen = Chosen(call, section, option);
  if (chosen.empty()) return Detail(404, fmt::format("Option [{}/{}] not found.", section, option));
  return Answer(call, chosen);
}

// One job: the scheduler that leads. It also reads the DAG files, and runs the tasks.
Response GetJobs(const Call& call) {
  Query query(call.request);
  const std::optional<bool> alive = query.Bool("is_alive");
  const std::string type = query.String("job_type"), state = query.String("job_state");
  const bool elsewhere = !query.String("hostname").empty() || !query.String("executor_class").empty();
  const TimeRange started = query.Times("start_date"), ended = query.Times("end_date");
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  const Result<Health> health = call.service.health.Ask(call.catalog(), call.service.clock);
  if (!health.ok()) return ErrorResponse(health.error());
  const std::string_view word = health->scheduler_leading ? "running" : "failed";
  const bool dated = started.gte || started.lte || ended.gte || ended.lte;  // its dates are not known
  const bool shown = health->scheduler_heartbeat && !elsewhere && !dated &&
                     (!alive || *alive == health->scheduler_leading) && (type.empty() || type == "SchedulerJob") &&
                     (state.empty() || state == word);
  if (!shown) return Json(Collection("jobs", {}, 0));
  const Value job = Value::Map{{"id", 1},
                               {"dag_id", nullptr},
                               {"state", word},
                               {"job_type", "SchedulerJob"},
                               {"start_date", nullptr},
                               {"end_date", nullptr},
                               {"latest_heartbeat", InstantOrNull(health->scheduler_heartbeat)},
                               {"executor_class", nullptr},
                               {"hostname", nullptr},
                               {"unixname", nullptr},
                               {"dag_display_name", nullptr}};
  return Json(Collection("jobs", page.limit > 0 && page.offset == 0 ? Value::List{job} : Value::List{}, 1));
}

}  // namespace pipelined::api
