#include "pipelined/secrets/connection_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "pipelined/schema/json.h"

namespace pipelined::secrets {
namespace {

int HexDigit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

std::string Decode(std::string_view text, bool plus = false) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool escape =
        text[at] == '%' && at + 2 < text.size() && HexDigit(text[at + 1]) >= 0 && HexDigit(text[at + 2]) >= 0;
    if (escape) {
      decoded += static_cast<char>(HexDigit(text[at + 1]) * 16 + HexDigit(text[at + 2]));
      at += 2;
    } else {
      decoded += plus && text[at] == '+' ? ' ' : text[at];
    }
  }
  return decoded;
}

Error NoConnection(std::string_view why) {
  return {ErrorCode::kInvalid, fmt::format("that is no connection: {}", why), "a URI, or JSON with conn_type"};
}

void SetText(Value& connection, std::string_view key, std::string text) {
  if (!text.empty()) connection.Set(key, std::move(text));
}

// ?a=1&b=2 is the extra; __extra__ holds all of it as JSON.
Value ExtraOf(std::string_view query) {
  Value extra{Value::Map{}};
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string name = Decode(pair.substr(0, equals), true);
    std::string value = Decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (name == "__extra__") {
      if (auto json = ParseJson(value); json && json->is_map()) extra = std::move(*json);
    } else if (!name.empty()) {
      extra.Set(name, std::move(value));
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return extra;
}

Result<Value> ParsePort(std::string_view text) {
  std::int64_t port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || port < 1 || port > 65'535)
    return NoConnection("its port is none");
  return Value(port);
}

Result<Value> ParseUri(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return NoConnection("it is neither a URI nor JSON");
  Value connection(Value::Map{{"conn_type", ConnectionType(std::string(text.substr(0, scheme)))}});
  std::string_view rest = text.substr(scheme + 3);
  const std::size_t query = std::min(rest.find('?'), rest.size());
  const Value extra = ExtraOf(rest.substr(std::min(query + 1, rest.size())));
  rest = rest.substr(0, query);
  const std::size_t path = std::min(rest.find('/'), rest.size());
  SetText(connection, "schema", Decode(rest.substr(std::min(path + 1, rest.size()))));
  rest = rest.substr(0, path);
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = rest.substr(0, at);
    const std::size_t colon = std::min(user.find(':'), user.size());
    SetText(connection, "login", Decode(user.substr(0, colon)));
    SetText(connection, "password", Decode(user.substr(std::min(colon + 1, user.size()))));
    rest.remove_prefix(at + 1);
  }
  const std::size_t colon = rest.rfind(':'), bracket = rest.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon)) {
    if (colon + 1 < rest.size()) {
      auto port = ParsePort(rest.substr(colon + 1));
      if (!port) return port;
      connection.Set("port", std::move(*port));
    }
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  SetText(connection, "host", Decode(rest));
  if (!extra.map().empty()) connection.Set("extra", ToJson(extra));
  return connection;
}

Result<Value> ParseObject(std::string_view text) {
  const auto read = ParseJson(text);
  const Value* type = read && read->is_map() ? read->Find("conn_type") : nullptr;
  if (type == nullptr || !type->is_string()) return NoConnection("its JSON has no conn_type");
  Value connection(Value::Map{{"conn_type", ConnectionType(type->string())}});
  for (const char* key : {"host", "login", "password", "schema"}) {
    if (const Value* value = read->Find(key); value != nullptr && value->is_string())
      SetText(connection, key, value->string());
  }
  if (const Value* port = read->Find("port"); port != nullptr && !port->is_null()) {
    auto parsed = ParsePort(port->is_string() ? port->string() : ToJson(*port));
    if (!parsed) return parsed;
    connection.Set("port", std::move(*parsed));
  }
  if (const Value* extra = read->Find("extra"); extra != nullptr && !extra->is_null())
    SetText(connection, "extra", extra->is_string() ? extra->string() : ToJson(*extra));
  return connection;
}

}  // namespace

std::string ConnectionType(std::string type) {
  std::replace(type.begin(), type.end(), '-', '_');
  return type == "postgresql" ? "postgres" : type;
}

Result<Value> ParseConnection(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
  return text.starts_with('{') ? ParseObject(text) : ParseUri(text);
}

}  // namespace pipelined::secrets
