// The description of the API as a page: one section a heading, one fold an operation, one entry an object.
#include <fmt/format.h>

#include <algorithm>

#include "api/http/pages.h"
#include "api/openapi/openapi.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1d2733}"
    "code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}a{color:#0b62a4}"
    "h2{margin-top:2.5rem;border-bottom:1px solid #ccd5de}h3{margin:1.4rem 0 .2rem}"
    "details{border:1px solid #dde4ea;border-radius:4px;margin:.3rem 0;padding:.3rem .7rem}"
    "summary{cursor:pointer}summary b{display:inline-block;width:4.2rem}"
    "table{border-collapse:collapse;margin:.4rem 0 1rem}td{border-top:1px solid #e6ebf0;padding:.2rem .8rem .2rem 0;"
    "vertical-align:top}.about{color:#5a6875}"
    "@media(prefers-color-scheme:dark){body{background:#11161c;color:#d9e1e8}a{color:#6db3f2}"
    "h2,details,td{border-color:#2c3742}}";

std::string Words(const Value& list) {
  std::string text;
  for (const Value& word : list.list()) text += (text.empty() ? "" : " | ") + EscapeHtml(ToJson(word));
  return text;
}

std::string TypeOf(const Value& schema);

std::string Alternatives(const Value& list) {
  std::string text;
  for (const Value& one : list.list()) text += (text.empty() ? "" : " | ") + TypeOf(one);
  return text;
}

// "string, date-time, at most 250 characters"
std::string PlainType(const Value& schema) {
  const Value* type = schema.Find("type");
  if (type == nullptr) return "any";
  std::string text;
  for (const Value& name : type->is_list() ? type->list() : Value::List{*type}) {
    if (!text.empty()) text += " | ";
    text += name.string();
  }
  for (const auto& [key, value] : schema.map()) {
    if (key == "format" || key == "pattern") text += ", " + EscapeHtml(value.string());
    if (key == "minLength" || key == "minItems" || key == "minimum") text += ", at least " + ToJson(value);
    if (key == "maxLength" || key == "maxItems" || key == "maximum") text += ", at most " + ToJson(value);
  }
  return text;
}

std::string TypeOf(const Value& schema) {
  std::string text;
  if (const Value* reference = schema.Find("$ref")) {
    const std::string name = reference->string().substr(reference->string().rfind('/') + 1);
    text = fmt::format("<a href=\"#{0}\">{0}</a>", EscapeHtml(name));
  } else if (const Value* any = schema.Find("anyOf")) {
    text = Alternatives(*any);
  } else if (const Value* word = schema.Find("const")) {
    text = EscapeHtml(ToJson(*word));
  } else if (const Value* words = schema.Find("enum")) {
    text = Words(*words);
  } else if (const Value* items = schema.Find("items")) {
    text = "list of " + TypeOf(*items);
  } else {
    text = PlainType(schema);
  }
  if (const Value* standard = schema.Find("default"))
    text += fmt::format(" (default {})", EscapeHtml(ToJson(*standard)));
  return text;
}

std::string Row(std::string_view name, bool required, const Value& schema) {
  return fmt::format("<tr><td><code>{}</code></td><td>{}</td><td><code>{}</code></td></tr>", EscapeHtml(name),
                     required ? "required" : "", TypeOf(schema));
}

std::string ParameterTable(const Value& parameters) {
  if (parameters.list().empty()) return {};
  std::string rows;
  for (const Value& parameter : parameters.list())
    rows += Row(parameter.Find("name")->string(), parameter.Find("required")->boolean(), *parameter.Find("schema"));
  return "<p>Parameters</p><table>" + rows + "</table>";
}

std::string ContentOf(const Value& holder) {
  const Value* content = holder.Find("content");
  if (content == nullptr) return {};
  std::string text;
  for (const auto& [media, what] : content->map())
    text +=
        fmt::format("{}{} <code>{}</code>", text.empty() ? "" : "; ", EscapeHtml(media), TypeOf(*what.Find("schema")));
  return text;
}

// What a "$ref" to a shared answer stands for.
const Value& Resolved(const Value& document, const Value& answer) {
  const Value* reference = answer.Find("$ref");
  if (reference == nullptr) return answer;
  const std::string name = reference->string().substr(reference->string().rfind('/') + 1);
  return *document.Find("components")->Find("responses")->Find(name);
}

std::string AnswerTable(const Value& document, const Value& responses) {
  std::string rows;
  for (const auto& [status, answer] : responses.map()) {
    const Value& shown = Resolved(document, answer);
    rows += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", status,
                        EscapeHtml(shown.Find("description")->string()), ContentOf(shown));
  }
  return "<p>Answers</p><table>" + rows + "</table>";
}

std::string OperationFold(const Value& document, const std::string& method, const std::string& path,
                          const Value& what) {
  std::string upper = method;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return static_cast<char>(c - 32); });
  const std::string id = what.Find("operationId")->string();
  std::string text = fmt::format("<details id=\"{}\"><summary><b>{}</b><code>{}</code></summary><p>{}</p>",
                                 EscapeHtml(id), upper, EscapeHtml(path), EscapeHtml(what.Find("summary")->string()));
  text += fmt::format("<p class=\"about\"><code>{}</code>{}</p>", EscapeHtml(id),
                      what.Find("security") == nullptr ? "" : ", with an access token");
  text += ParameterTable(*what.Find("parameters"));
  if (const Value* body = what.Find("requestBody")) text += "<p>Body: " + ContentOf(*body) + "</p>";
  return text + AnswerTable(document, *what.Find("responses")) + "</details>";
}

std::string Sections(const Value& document) {
  std::vector<std::pair<std::string, std::string>> sections;
  for (const auto& [path, methods] : document.Find("paths")->map()) {
    for (const auto& [method, operation] : methods.map()) {
      const std::string heading = operation.Find("tags")->list().front().string();
      auto section = std::find_if(sections.begin(), sections.end(), [&](const auto& s) { return s.first == heading; });
      if (section == sections.end()) section = sections.insert(section, {heading, {}});
      section->second += OperationFold(document, method, path, operation);
    }
  }
  std::string text;
  for (const auto& [heading, folds] : sections) text += fmt::format("<h2>{}</h2>{}", heading, folds);
  return text;
}

bool Requires(const Value& schema, const std::string& name) {
  const Value* required = schema.Find("required");
  return required != nullptr &&
         std::find(required->list().begin(), required->list().end(), Value(name)) != required->list().end();
}

std::string Objects(const Value& document) {
  std::string text = "<h2>Objects</h2>";
  for (const auto& [name, schema] : document.Find("components")->Find("schemas")->map()) {
    text += fmt::format("<h3 id=\"{0}\">{0}</h3>", EscapeHtml(name));
    const Value* properties = schema.Find("properties");
    if (properties == nullptr) {
      text += fmt::format("<p><code>{}</code></p>", TypeOf(schema));
      continue;
    }
    text += "<table>";
    for (const auto& [field, type] : properties->map()) text += Row(field, Requires(schema, field), type);
    text += "</table>";
  }
  return text;
}

}  // namespace

DocsPage MakeDocsPage(const Value& document) {
  DocsPage page;
  page.style = kStyle;
  page.html = fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>pipelined: REST API</title>"
      "<meta name=\"viewport\" content=\"width=device-width\"><style>{}</style></head><body><h1>REST API</h1><p>{}</p>"
      "<p>Machine-readable: <a href=\"/openapi.json\">openapi.json</a>.</p>{}{}</body></html>",
      page.style, EscapeHtml(document.Find("info")->Find("description")->string()), Sections(document),
      Objects(document));
  return page;
}

}  // namespace pipelined::api
