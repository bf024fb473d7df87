#include "api/http/http.h"

#include "pipelined/schema/json.h"

namespace pipelined::api {

const std::string* Find(const Pairs& fields, std::string_view name) {
  for (const auto& [key, value] : fields) {
    if (key == name) return &value;
  }
  return nullptr;
}

const std::string* Request::Header(std::string_view lower_case_name) const {
  return Find(headers, lower_case_name);
}

std::string Request::List(std::string_view lower_case_name) const {
  std::string list;
  for (const auto& [name, value] : headers) {
    if (name != lower_case_name) continue;
    if (!list.empty()) list += ", ";
    list += value;
  }
  return list;
}

Response Json(int status, const Value& value) {
  Response response;
  response.status = status;
  response.body = ToJson(value);
  return response;
}

Response Json(const Value& value) {
  return Json(200, value);
}

Response NoContent() {
  Response response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

Response Text(int status, std::string content_type, std::string body) {
  Response response;
  response.status = status;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  return response;
}

Response NoStore(Response response) {
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Response Detail(int status, std::string_view message) {
  return Json(status, Value::Map{{"detail", message}});
}

}  // namespace pipelined::api
