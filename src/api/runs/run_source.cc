#include "api/runs/run_source.h"

#include "api/http/errors.h"

namespace pipelined::api {

Response GetRunSource(const Call& call) {
  const Result<RunRow> run = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!run.ok()) return ErrorResponse(run.error());
  const Result<DagSource> source = call.catalog().Source(run->info.version);
  if (!source.ok()) return ErrorResponse(source.error());
  Value::List defaults, included;
  for (const std::string& text : source->defaults) defaults.emplace_back(text);
  for (const DagSource::Included& other : source->included)
    included.emplace_back(Value::Map{{"file", other.file}, {"text", other.text}});
  return Json(Value::Map{{"file", source->file},
                         {"relative_file", source->relative_file},
                         {"first_line", std::int64_t{source->first_line}},
                         {"document", source->document},
                         {"defaults", std::move(defaults)},
                         {"included", std::move(included)}});
}

}  // namespace pipelined::api
