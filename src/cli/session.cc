#include "cli/session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "pipelined/http/client.h"
#include "pipelined/schema/json.h"

namespace pipelined::cli {
namespace {

std::string EnvText(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::optional<std::string> ReadAll(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '/')) text.pop_back();
  return text;
}

// The `detail` of an error answer in words: text, {reason, statement …}, or a list of {loc, msg}.
std::string Detail(const Value& body) {
  const Value* detail = body.Find("detail");
  if (detail == nullptr) detail = body.Find("error");
  if (detail == nullptr) return "";
  if (detail->is_string()) return detail->string();
  if (detail->is_map()) {
    for (const char* key : {"message", "reason", "orig_error"}) {
      if (const std::string text = TextOf(*detail, key); !text.empty()) return text;
    }
  }
  if (detail->is_list()) {
    std::string text;
    for (const Value& item : detail->list()) {
      std::string place;
      if (const Value* loc = item.Find("loc"); loc != nullptr && loc->is_list()) {
        for (const Value& part : loc->list())
          place += (place.empty() ? "" : ".") + (part.is_string() ? part.string() : ToJson(part));
      }
      text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", place, TextOf(item, "msg"));
    }
    return text;
  }
  return ToJson(*detail);
}

Error FromStatus(int status, const std::string& body) {
  const auto parsed = ParseJson(body);
  std::string message = parsed ? Detail(*parsed) : "";
  if (message.empty()) message = fmt::format("the server answered {}", status);
  const std::string hint = parsed ? TextOf(*parsed, "hint") : "";
  switch (status) {
    case 401:
      return {ErrorCode::kNotAllowed, message, hint.empty() ? "log in with: pipectl login" : hint};
    case 403:
      return {ErrorCode::kNotAllowed, message, hint};
    case 404:
    case 410:
      return {ErrorCode::kNotFound, message, hint};
    case 409:
      return {ErrorCode::kConflict, message, hint};
    case 502:
    case 503:
    case 504:
      return {ErrorCode::kUnavailable, message, hint};
    default:
      return {status >= 500 ? ErrorCode::kBug : ErrorCode::kInvalid, message, hint};
  }
}

Error NoServer(const std::string& home) {
  return {ErrorCode::kUnavailable, fmt::format("no server is running on {}", home),
          "start one with: pipelined standalone --home " + home + "   or name another with --url or PIPELINED_URL"};
}

}  // namespace

std::string TextOf(const Value& object, std::string_view key) {
  const Value* value = object.Find(key);
  return value != nullptr && value->is_string() ? value->string() : "";
}

std::string HomeFolder(const GlobalOptions& options) {
  if (!options.home.empty()) return std::filesystem::absolute(options.home).lexically_normal().string();
  if (const std::string home = EnvText("PIPELINED_HOME"); !home.empty())
    return std::filesystem::absolute(home).lexically_normal().string();
  if (geteuid() == 0) return "/var/lib/pipelined";
  return EnvText("HOME") + "/.pipelined";
}

std::string ProfilePath() {
  const std::string config = EnvText("XDG_CONFIG_HOME");
  return (config.empty() ? EnvText("HOME") + "/.config" : config) + "/pipelined/login.json";
}

Status SaveProfile(const std::string& url, const std::string& token) {
  const std::filesystem::path path = ProfilePath();
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  const std::string text = ToPrettyJson(Value(Value::Map{{"url", url}, {"token", token}})) + "\n";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool written =
      fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0) close(fd);
  if (!written) return Error{ErrorCode::kFailed, fmt::format("cannot write {}", path.string()), ""};
  return Ok();
}

Result<Session> Session::Open(const GlobalOptions& options) {
  Session session;
  session.url_ = Trimmed(!options.url.empty() ? options.url : options.home.empty() ? EnvText("PIPELINED_URL") : "");
  session.token_ = !options.token.empty() ? options.token : EnvText("PIPELINED_TOKEN");
  if (!session.url_.empty() && !session.token_.empty()) return session;
  if (options.home.empty()) {
    const auto profile = ReadAll(ProfilePath());
    const auto parsed = profile ? ParseJson(*profile) : Result<Value>(Value());
    if (parsed && (session.url_.empty() || session.url_ == TextOf(*parsed, "url")) && !TextOf(*parsed, "url").empty()) {
      session.url_ = TextOf(*parsed, "url");
      if (session.token_.empty()) session.token_ = TextOf(*parsed, "token");
      return session;
    }
  }
  const std::string home = HomeFolder(options);
  const auto recorded = ReadAll(home + "/run/standalone.json");
  const auto parsed = recorded ? ParseJson(*recorded) : Result<Value>(Value());
  const std::string local = parsed ? TextOf(*parsed, "url") : "";
  if (session.url_.empty()) session.url_ = local;
  if (session.url_.empty()) return NoServer(home);
  if (session.token_.empty() && session.url_ == local)
    session.token_ = Trimmed(ReadAll(home + "/secrets/local-token").value_or(""));
  return session;
}

Result<std::string> Session::SendText(const std::string& method, const std::string& path,
                                      const std::optional<Value>& body, const std::string& accept) const {
  HttpRequest request;
  request.method = method;
  request.url = url_ + path;
  request.headers["Accept"] = accept;
  if (!token_.empty()) request.headers["Authorization"] = "Bearer " + token_;
  if (body) {
    request.headers["Content-Type"] = "application/json";
    request.body = ToJson(*body);
  }
  auto response = SendHttp(request);
  if (!response) return response.error();
  if (response->status >= 400) return FromStatus(response->status, response->body);
  return std::move(response->body);
}

Result<std::string> Session::GetText(const std::string& path) const {
  return SendText("GET", path, std::nullopt, "text/plain");
}

Result<Value> Session::Send(const std::string& method, const std::string& path,
                            const std::optional<Value>& body) const {
  const auto text = SendText(method, path, body, "application/json");
  if (!text) return text.error();
  if (text->empty()) return Value();
  auto parsed = ParseJson(*text);
  if (!parsed)
    return Error{ErrorCode::kUnavailable, fmt::format("{} does not answer as a pipelined server does", url_),
                 "is that the right URL?"};
  return parsed;
}

Result<Value::List> Session::GetAll(const std::string& path, const std::string& plural, std::size_t limit) const {
  constexpr std::size_t kPage = 100;  // the most that the server gives at once
  Value::List rows;
  const char join = path.find('?') == std::string::npos ? '?' : '&';
  for (;;) {
    const std::size_t wanted = limit == 0 ? kPage : std::min(kPage, limit - rows.size());
    auto page = Get(fmt::format("{}{}limit={}&offset={}", path, join, wanted, rows.size()));
    if (!page) return page.error();
    const Value* found = page->Find(plural);
    if (found == nullptr || !found->is_list())
      return Error{ErrorCode::kBug, fmt::format("no \"{}\" in the answer of {}", plural, path), ""};
    for (const Value& row : found->list()) rows.push_back(row);
    if (found->list().size() < wanted || rows.size() == limit) return rows;
  }
}

}  // namespace pipelined::cli
