// The description of this API, made from the table of routes: it cannot name what does not exist.
#include <fmt/format.h>

#include <algorithm>

#include "api/handlers.h"
#include "api/parameters.h"
#include "api/routes.h"

namespace pipelined::api {
namespace {

Value PathParameters(std::string_view pattern) {
  Value::List parameters;
  for (std::size_t open = pattern.find('{'); open != std::string_view::npos; open = pattern.find('{', open + 1)) {
    const std::string_view name = pattern.substr(open + 1, pattern.find('}', open) - open - 1);
    parameters.emplace_back(
        Value::Map{{"name", name}, {"in", "path"}, {"required", true}, {"schema", Value::Map{{"type", "string"}}}});
  }
  return parameters;
}

Value SchemaOf(const Parameter& parameter) {
  Value::Map one{{"type", parameter.type}};
  if (parameter.date) one.emplace_back("format", "date-time");
  if (!parameter.list) return one;
  return Value::Map{{"type", "array"}, {"items", std::move(one)}};
}

Value Parameters(const Route& route) {
  Value::List parameters = PathParameters(route.pattern).list();
  for (const Parameter& parameter : QueryParameters(route.operation_id)) {
    parameters.emplace_back(Value::Map{
        {"name", parameter.name}, {"in", "query"}, {"required", parameter.required}, {"schema", SchemaOf(parameter)}});
  }
  return parameters;
}

Value Operation(const Route& route) {
  Value::Map responses{
      {route.operation_id == "create_token" ? "201" : "200", Value::Map{{"description", "Successful Response"}}}};
  if (!route.need.IsPublic() && !route.need.open_from_loopback()) {
    responses.emplace_back("401", Value::Map{{"description", "Unauthorized"}});
    responses.emplace_back("403", Value::Map{{"description", "Forbidden"}});
  }
  Value::Map operation{
      {"operationId", route.operation_id}, {"parameters", Parameters(route)}, {"responses", std::move(responses)}};
  if (!route.need.IsPublic() && !route.need.open_from_loopback())
    operation.emplace_back("security", Value::List{Value::Map{{"HTTPBearer", Value::List{}}}});
  return operation;
}

std::string Lower(std::string_view method) {
  std::string text(method);
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return static_cast<char>(c + 32); });
  return text;
}

}  // namespace

Response GetOpenApi(const Call& call) {
  Value paths{Value::Map{}};
  for (const Route& route : Routes()) {
    const Value* known = paths.Find(route.pattern);
    Value methods = known == nullptr ? Value(Value::Map{}) : *known;
    methods.Set(Lower(route.method), Operation(route));
    paths.Set(route.pattern, std::move(methods));
  }
  const Value scheme = Value::Map{{"HTTPBearer", Value::Map{{"type", "http"}, {"scheme", "bearer"}}}};
  return Json(Value::Map{{"openapi", "3.1.0"},
                         {"info", Value::Map{{"title", "pipelined"}, {"version", call.service.options.version}}},
                         {"paths", std::move(paths)},
                         {"components", Value::Map{{"securitySchemes", scheme}}}});
}

Response GetDocs(const Call&) {
  std::string page =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>pipelined: REST API</title></head><body>"
      "<h1>REST API</h1><p>Machine-readable: <a href=\"/openapi.json\">openapi.json</a>. All but the public ones need "
      "<code>Authorization: Bearer …</code>; a token comes from <code>POST /auth/token</code>.</p><table>";
  for (const Route& route : Routes()) {
    page += fmt::format("<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>", route.method, route.pattern,
                        route.operation_id);
  }
  page += "</table></body></html>";
  Response response = Text(200, "text/html; charset=utf-8", std::move(page));
  response.headers.emplace_back("Content-Security-Policy", "default-src 'none'");
  return response;
}

}  // namespace pipelined::api
