#include "worker/http_request.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <optional>

#include "pipelined/base/percent.h"
#include "pipelined/base/secret_name.h"
#include "pipelined/schema/json.h"
#include "worker/job.h"

namespace pipelined::worker {
namespace {

// Of a connection's extra, as Airflow's: about the request itself, no headers.
constexpr std::array<std::string_view, 10> kNoHeaders{
    "timeout", "verify",        "allow_redirects", "stream",    "cert",
    "proxies", "max_redirects", "check_response",  "trust_env", "endpoint_prefix"};

Error Invalid(std::string message) {
  return {ErrorCode::kInvalid, std::move(message), ""};
}

bool IsHttp(std::string_view url) {
  return url.starts_with("http://") || url.starts_with("https://");
}

// As Airflow's HttpHook: a host may be a whole URL; else the schema of the connection is the scheme.
std::string BaseOf(const Value& connection) {
  const std::string host = TextIn(connection, "host"), type = TextIn(connection, "conn_type");
  if (IsHttp(host)) {
    const std::int64_t port = NumberIn(connection, "port");
    const bool bare = host.find_first_of("/:", host.find("://") + 3) == std::string::npos;
    return port != 0 && bare ? fmt::format("{}:{}", host, port) : host;
  }
  std::string schema = TextIn(connection, "schema");
  if (schema.empty()) schema = type == "https" ? "https" : "http";
  std::string base = schema + "://" + host;
  if (const std::int64_t port = NumberIn(connection, "port"); port != 0) base += fmt::format(":{}", port);
  return base;
}

struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// scheme://host:port; nothing: it is no URL.
std::optional<std::string> ServerOf(const std::string& text) {
  const std::unique_ptr<CURLU, UrlFree> url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return std::nullopt;
  std::string server;
  for (const CURLUPart part : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT}) {
    char* read = nullptr;
    if (curl_url_get(url.get(), part, &read, CURLU_DEFAULT_PORT) != CURLUE_OK) return std::nullopt;
    server += (part == CURLUPART_SCHEME ? "" : part == CURLUPART_HOST ? "://" : ":") + std::string(read);
    curl_free(read);
  }
  std::transform(server.begin(), server.end(), server.begin(), [](unsigned char c) { return std::tolower(c); });
  return server;
}

std::string Join(std::string base, std::string_view path) {
  if (path.empty() || path.starts_with('?')) return base + std::string(path);
  while (base.ends_with('/')) base.pop_back();
  return base + (path.starts_with('/') ? "" : "/") + std::string(path);
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

Status SetHeader(HttpRequest& request, std::string name, std::string value) {
  if (HasControl(value) || HasControl(name) || name.find_first_of(": ") != std::string::npos)
    return Invalid(
        fmt::format("the header {} is not one line of text: it holds a line end or another control character",
                    Readable(name, 100)));
  const auto same = [&](const auto& header) {
    return std::equal(name.begin(), name.end(), header.first.begin(), header.first.end(),
                      [](char a, char b) { return std::tolower(a) == std::tolower(b); });
  };
  std::erase_if(request.headers, same);
  request.headers.emplace_back(std::move(name), std::move(value));
  return Ok();
}

bool HasHeader(const HttpRequest& request, std::string_view lower) {
  return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
    return std::equal(lower.begin(), lower.end(), header.first.begin(), header.first.end(),
                      [](char a, char b) { return a == std::tolower(b); });
  });
}

Status TakeConnection(const Value& connection, HttpRequest& request) {
  request.username = TextIn(connection, "login");
  request.password = TextIn(connection, "password");
  const auto extra = ParseJson(TextIn(connection, "extra"));
  if (!extra || !extra->is_map()) return Ok();
  for (const auto& [name, value] : extra->map()) {
    if (std::find(kNoHeaders.begin(), kNoHeaders.end(), name) != kNoHeaders.end()) continue;
    if (const Status set = SetHeader(request, name, ToText(value)); !set) return set;
    request.connection_headers.push_back(name);
  }
  if (const Value* verify = extra->Find("verify"); verify != nullptr && verify->is_bool())
    request.verify = verify->boolean();
  return Ok();
}

void TakeBody(const Value& spec, HttpRequest& request) {
  std::string type;
  if (const Value* json = spec.Find("json")) {
    request.body = ToJson(*json);
    type = "application/json";
  } else if (const Value* form = spec.Find("form")) {
    request.body = FormEncode(*form);
    type = "application/x-www-form-urlencoded";
  } else if (const Value* body = spec.Find("body")) {
    request.body = ToText(*body);
    type = "text/plain; charset=utf-8";
  } else {
    return;
  }
  request.has_body = true;
  if (!HasHeader(request, "content-type")) request.headers.emplace_back("Content-Type", type);
}

}  // namespace

bool SameServer(const std::string& a, const std::string& b) {
  const auto one = ServerOf(a), other = ServerOf(b);
  return one && one == other;
}

std::string FormEncode(const Value& map) {
  std::string encoded;
  const auto add = [&](const std::string& name, const Value& value) {
    if (!encoded.empty()) encoded += '&';
    encoded += PercentEncode(name) + "=" + PercentEncode(ToText(value));
  };
  if (!map.is_map()) return encoded;
  for (const auto& [name, value] : map.map()) {
    if (value.is_list()) {
      for (const Value& item : value.list()) add(name, item);
    } else if (!value.is_null()) {
      add(name, value);
    }
  }
  return encoded;
}

bool IsSecretHeader(std::string_view name) {
  std::string underscored(name);
  std::replace(underscored.begin(), underscored.end(), '-', '_');
  return IsSecretName(underscored) || underscored.find("ookie") != std::string::npos;
}

Result<HttpRequest> MakeRequest(const Value& spec) {
  HttpRequest request;
  const Value* connection = spec.Find("connection");
  const bool has_connection = connection != nullptr && connection->is_map();
  if (has_connection) {
    if (const Status taken = TakeConnection(*connection, request); !taken) return taken.error();
  }
  request.url = TextIn(spec, "url");
  if (has_connection) {
    const std::string base = BaseOf(*connection);
    if (!IsHttp(request.url)) {
      request.url = Join(base, request.url);
    } else if (!SameServer(request.url, base)) {
      // It may come from a value, and what the connection logs in with is for its own server.
      return Error{ErrorCode::kNotAllowed,
                   fmt::format("the URL {} is not of the server of its connection, {}: give the path behind it, or "
                               "leave the connection out",
                               Readable(ShowUrl(request.url), kUncut), Readable(base, kUncut)),
                   ""};
    }
  }
  if (!IsHttp(request.url)) return Invalid(fmt::format("\"{}\" is no URL of http or https", request.url));
  if (request.url.find_first_of(std::string_view("\0\r\n ", 4)) != std::string::npos)
    return Invalid("the URL holds a blank, a line end or a NUL");
  if (const Value* params = spec.Find("params")) {
    const std::string query = FormEncode(*params);
    const bool has_query = request.url.find('?') != std::string::npos;
    if (!query.empty()) request.url += (has_query ? "&" : "?") + query;
  }
  if (const Value* headers = spec.Find("headers"); headers != nullptr && headers->is_map()) {
    for (const auto& [name, value] : headers->map()) {
      if (const Status set = SetHeader(request, name, ToText(value)); !set) return set.error();
    }
  }
  TakeBody(spec, request);
  request.method = TextIn(spec, "method");
  if (request.method.empty()) request.method = request.has_body ? "POST" : "GET";
  if (const Value* auth = spec.Find("auth"); auth != nullptr && auth->is_map()) {
    request.username = TextIn(*auth, "username");
    request.password = TextIn(*auth, "password");
    request.token = TextIn(*auth, "token");
    for (const std::string* text : {&request.username, &request.password, &request.token}) {
      if (text->find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        return Invalid("what it logs in with holds a line end or a NUL");
    }
  }
  request.is_bound = has_connection || !request.username.empty() || !request.password.empty() ||
                     !request.token.empty() ||
                     std::any_of(request.headers.begin(), request.headers.end(),
                                 [](const auto& header) { return IsSecretHeader(header.first); });
  request.ca_file = TextIn(spec, "ca_file");
  request.verify = FlagIn(spec, "verify", request.verify);
  request.follow_redirects = FlagIn(spec, "follow_redirects", false);
  request.shown_url = ShowUrl(request.url);
  return request;
}

}  // namespace pipelined::worker
