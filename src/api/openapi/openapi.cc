#include "api/openapi/openapi.h"

#include <fmt/format.h>

#include "api/handlers.h"
#include "api/http/letters.h"
#include "api/openapi/operations.h"
#include "api/openapi/parameters.h"
#include "api/routes.h"
#include "pipelined/base/base64.h"
#include "pipelined/base/hash.h"

namespace pipelined::api {
namespace {

constexpr std::string_view kAbout =
    "Paths under /api/v2 have the shapes of Airflow's API v2; what Airflow does not have is under /api/ext/v1. All but "
    "the public operations need an access token, which POST /auth/token makes. No text may hold the character NUL. Of "
    "a "
    "parameter that takes one value and is given several times, the last one counts. A request that is too long, too "
    "frequent or no HTTP is answered with 411, 414, 429 or 431 before it reaches an operation.";

std::string_view Meaning(int status) {
  switch (status) {
    case 200:
      return "Done";
    case 201:
      return "Made";
    case 204:
      return "Done; there is nothing to say";
    case 304:
      return "Unchanged since the answer whose ETag was sent";
    case 307:
      return "Look there";
    case 400:
      return "The request makes no sense";
    case 401:
      return "No valid credentials";
    case 403:
      return "Not allowed";
    case 404:
      return "Not found";
    case 406:
      return "The answer cannot have the form that was asked for";
    case 409:
      return "In conflict with what is there";
    case 410:
      return "No longer known";
    case 413:
      return "The body is too large";
    case 415:
      return "The body must be JSON";
    case 422:
      return "A parameter or the body is not as it should be";
    case 429:
      return "Too many attempts";
    case 501:
      return "Not available in this version";
    case 503:
      return "Not now; ask again";
    default:
      return "Answered";
  }
}

Value HeadersOf(int status) {
  const auto header = [](std::string_view name, std::string_view about) {
    const Value text = Value::Map{{"type", "string"}};
    return Value(Value::Map{{std::string(name), Value::Map{{"description", about}, {"schema", text}}}});
  };
  if (status == 200 || status == 304) return header("ETag", "For If-None-Match");
  if (status == 307) return header("Location", "Where to look");
  if (status == 401) return header("WWW-Authenticate", "How to say who asks");
  if (status == 429 || status == 503) return header("Retry-After", "Seconds to wait");
  return {};
}

Value AnswerSchema(const Documented& answer) {
  if (answer.status == 422) return SchemaOfType("HTTPValidationError");
  return SchemaOfType(answer.type);
}

Value AnswerObject(const Documented& answer, bool get) {
  Value::Map object{{"description", Meaning(answer.status)}};
  if (Value headers = HeadersOf(answer.status); !headers.is_null() && (get || answer.status >= 300))
    object.emplace_back("headers", std::move(headers));
  Value::Map content;
  if (!answer.type.empty()) content.emplace_back("application/json", Value::Map{{"schema", AnswerSchema(answer)}});
  for (const std::string_view media : answer.media)
    content.emplace_back(media, Value::Map{{"schema", Value::Map{{"type", "string"}}}});
  if (!content.empty()) object.emplace_back("content", std::move(content));
  return object;
}

// What is the same for every operation stands once, among the components.
bool Shared(int status) {
  return status == 304 || (status >= 400 && status != 501);
}

std::string SharedName(int status) {
  return fmt::format("Status{}", status);
}

Value Responses(const Route& route) {
  Value::Map responses;
  for (const Documented& answer : AnswersOf(route)) {
    Value object = Shared(answer.status) && answer.media.empty()
                       ? Value(Value::Map{{"$ref", "#/components/responses/" + SharedName(answer.status)}})
                       : AnswerObject(answer, route.method == "GET");
    responses.emplace_back(std::to_string(answer.status), std::move(object));
  }
  return responses;
}

Value ParameterObject(const Field& field, std::string_view in) {
  return Value::Map{{"name", field.name}, {"in", in}, {"required", field.required}, {"schema", SchemaOfField(field)}};
}

Value Parameters(const Route& route) {
  Value::List parameters;
  const std::string_view pattern = route.pattern;
  for (std::size_t open = pattern.find('{'); open != std::string_view::npos; open = pattern.find('{', open + 1)) {
    const std::string_view name = pattern.substr(open + 1, pattern.find('}', open) - open - 1);
    parameters.push_back(ParameterObject(PathParameter(route.operation_id, name), "path"));
  }
  for (const Field& field : QueryParameters(route.operation_id)) parameters.push_back(ParameterObject(field, "query"));
  return parameters;
}

Value Operation(const Route& route) {
  const OperationRow* row = FindOperation(route.operation_id);
  Value::Map operation{{"operationId", route.operation_id},
                       {"summary", row == nullptr ? route.operation_id : row->summary},
                       {"tags", Value::List{HeadingOf(route)}},
                       {"parameters", Parameters(route)}};
  if (row != nullptr && !row->body.empty()) {
    const Value media = Value::Map{{"schema", SchemaOfType(row->body)}};
    operation.emplace_back("requestBody", Value::Map{{"required", !row->body.ends_with('?')},
                                                     {"content", Value::Map{{"application/json", media}}}});
  }
  operation.emplace_back("responses", Responses(route));
  if (NeedsToken(route)) operation.emplace_back("security", Value::List{Value::Map{{"HTTPBearer", Value::List{}}}});
  return operation;
}

Value Paths() {
  Value paths{Value::Map{}};
  for (const Route& route : Routes()) {
    const Value* known = paths.Find(route.pattern);
    Value methods = known == nullptr ? Value(Value::Map{}) : *known;
    methods.Set(LowerCase(route.method), Operation(route));
    paths.Set(route.pattern, std::move(methods));
  }
  return paths;
}

Value SharedResponses() {
  Value::Map responses;
  for (const int status : {304, 400, 401, 403, 404, 406, 409, 410, 413, 415, 422, 429, 503}) {
    Documented answer{status, status == 304 ? std::string_view() : std::string_view("HTTPExceptionResponse"), {}};
    responses.emplace_back(SharedName(status), AnswerObject(answer, true));
  }
  return responses;
}

Response WithTag(Response response) {
  response.headers.emplace_back("ETag", "\"" + Sha256Hex(response.body).substr(0, 32) + "\"");
  return response;
}

Response MakeDocs(const std::string& version) {
  DocsPage page = MakeDocsPage(OpenApiDocument(version));
  Response response = Text(200, "text/html; charset=utf-8", std::move(page.html));
  response.headers.emplace_back(
      "Content-Security-Policy",
      fmt::format(
          "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
          Base64(Sha256(page.style))));
  return WithTag(std::move(response));
}

}  // namespace

Value OpenApiDocument(const std::string& version) {
  const Value scheme = Value::Map{{"HTTPBearer", Value::Map{{"type", "http"}, {"scheme", "bearer"}}}};
  return Value::Map{
      {"openapi", "3.1.0"},
      {"info", Value::Map{{"title", "pipelined"}, {"version", version}, {"description", kAbout}}},
      {"paths", Paths()},
      {"components",
       Value::Map{{"schemas", AllSchemas()}, {"responses", SharedResponses()}, {"securitySchemes", scheme}}}};
}

// Both are made once: they depend on the version alone, which is that of the program.
Response GetOpenApi(const Call& call) {
  static const Response kAnswer = WithTag(Json(OpenApiDocument(call.service.options.version)));
  return kAnswer;
}

Response GetDocs(const Call& call) {
  static const Response kAnswer = MakeDocs(call.service.options.version);
  return kAnswer;
}

}  // namespace pipelined::api
