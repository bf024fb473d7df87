#include "cli/session/session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/session/profiles.h"
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

// A certificate that nobody vouches for is the usual reason when TLS is new.
Error WithRemedy(Error error, const std::string& url) {
  const auto says = [&](const char* word) { return error.message.find(word) != std::string::npos; };
  if (!error.hint.empty() || !url.starts_with("https://") || (!says("SSL") && !says("certificate"))) return error;
  if (says("expired") || says("not yet valid")) {
    error.hint = "who runs the server has to renew its certificate; or is the clock of this machine wrong?";
  } else if (!says("another host")) {
    error.hint = "when an authority of your own has signed its certificate, name that with --ca-cert FILE";
  }
  return error;
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

Result<Session> Session::Open(const GlobalOptions& options) {
  Session session;
  session.options_ = options;
  if (const Status found = session.FindServer(); !found) return found.error();
  if (session.ca_cert_.empty())
    session.ca_cert_ = !options.ca_cert.empty() ? options.ca_cert : EnvText("PIPELINED_CA_CERT");
  if (const Status checked = session.CheckAuthority(); !checked) return checked.error();
  return session;
}

Status Session::TakeProfile(const Profile& profile) {
  url_ = profile.url;
  if (token_.empty()) token_ = profile.token;
  if (options_.ca_cert.empty()) ca_cert_ = profile.ca_cert;
  return Ok();
}

Status Session::FindServer() {
  token_ = options_.token;
  if (!options_.profile.empty()) {
    if (!options_.url.empty() || !options_.home.empty())
      return Error{ErrorCode::kInvalid, "--profile names a server, and so do --url and --home", "give one of them"};
    const auto profiles = Profiles::Load();
    if (!profiles) return profiles.error();
    const auto profile = profiles->Get(options_.profile);
    return profile ? TakeProfile(*profile) : Status(profile.error());
  }
  url_ = Trimmed(!options_.url.empty() ? options_.url : options_.home.empty() ? EnvText("PIPELINED_URL") : "");
  if (token_.empty()) token_ = EnvText("PIPELINED_TOKEN");
  if (!url_.empty() && !token_.empty()) return Ok();
  if (options_.home.empty()) {
    const auto profiles = Profiles::Load();
    if (!profiles) return profiles.error();
    if (!url_.empty()) {  // named otherwise, and known from a log-in
      if (const Profile* profile = profiles->WithUrl(url_)) return TakeProfile(*profile);
    } else {
      const std::string named = EnvText("PIPELINED_PROFILE");
      const std::string& name = named.empty() ? profiles->current() : named;
      if (!name.empty()) {
        const auto profile = profiles->Get(name);
        return profile ? TakeProfile(*profile) : Status(profile.error());
      }
    }
  }
  const std::string home = HomeFolder(options_);
  const auto recorded = ReadAll(home + "/run/standalone.json");
  const auto parsed = recorded ? ParseJson(*recorded) : Result<Value>(Value());
  const std::string local = parsed ? TextOf(*parsed, "url") : "";
  if (url_.empty()) url_ = local;
  if (url_.empty()) return NoServer(home);
  if (token_.empty() && url_ == local) token_ = Trimmed(ReadAll(home + "/secrets/local-token").value_or(""));
  return Ok();
}

Status Session::CheckAuthority() const {
  if (ca_cert_.empty() || access(ca_cert_.c_str(), R_OK) == 0) return Ok();
  return Error{ErrorCode::kInvalid, fmt::format("cannot read the CA certificate {}", ca_cert_),
               "name a PEM file with --ca-cert or PIPELINED_CA_CERT"};
}

Result<std::string> Session::SendText(const std::string& method, const std::string& path,
                                      const std::optional<Value>& body, const std::string& accept) const {
  HttpRequest request;
  request.method = method;
  request.url = url_ + path;
  request.headers["Accept"] = accept;
  request.ca_file = ca_cert_;
  if (!token_.empty()) request.headers["Authorization"] = "Bearer " + token_;
  if (body) {
    request.headers["Content-Type"] = "application/json";
    request.body = ToJson(*body);
  }
  auto response = SendHttp(request);
  if (!response) return WithRemedy(response.error(), url_);
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
