#include "api/http/provenance.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace pipelined::api {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// IPv4 in its IPv6 form, so that both spellings of an address are one.
std::optional<Bytes> ParseAddress(std::string_view text, bool* v4 = nullptr) {
  const std::string address(text);
  Bytes bytes{};
  in_addr four{};
  if (v4 != nullptr) *v4 = false;
  if (inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return bytes;
  if (inet_pton(AF_INET, address.c_str(), &four) != 1) return std::nullopt;
  if (v4 != nullptr) *v4 = true;
  bytes[10] = bytes[11] = 0xff;
  std::memcpy(bytes.data() + 12, &four, 4);
  return bytes;
}

// "10.0.0.7:4711", "[::1]:4711" and the bare forms; proxies write all of them.
std::string_view WithoutPort(std::string_view hop) {
  if (hop.starts_with('[')) return hop.substr(1, hop.find(']') == hop.npos ? hop.npos : hop.find(']') - 1);
  const bool one_colon = std::count(hop.begin(), hop.end(), ':') == 1;
  return one_colon ? hop.substr(0, hop.find(':')) : hop;
}

std::string_view Last(std::string_view list) {
  const std::size_t comma = list.rfind(',');
  return Trim(comma == list.npos ? list : list.substr(comma + 1));
}

std::string ListOf(const Pairs& headers, std::string_view name) {
  Request request;
  request.headers = headers;
  return request.List(name);
}

// The nearest hop that is no trusted proxy: what is left of it could be anyone's invention.
std::string ClientOf(const AddressList& trusted, const RawRequest& raw) {
  std::string client = raw.remote;
  const std::string list = ListOf(raw.headers, "x-forwarded-for");
  std::string_view rest = list;
  while (!rest.empty() && trusted.Has(client)) {
    const std::string_view hop = WithoutPort(Last(rest));
    if (!ParseAddress(hop)) break;
    client = std::string(hop);
    const std::size_t comma = rest.rfind(',');
    rest = comma == rest.npos ? std::string_view() : rest.substr(0, comma);
  }
  return client;
}

std::string HeaderOf(const RawRequest& raw, std::string_view name) {
  const std::string* value = Find(raw.headers, name);
  return value == nullptr ? "" : *value;
}

}  // namespace

Result<AddressList> AddressList::Parse(std::string_view text) {
  AddressList list;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" ,"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (word == kLocalPeer) {
      list.local_ = true;
      continue;
    }
    const std::size_t slash = word.find('/');
    bool v4 = false;
    const std::optional<Bytes> bytes = ParseAddress(word.substr(0, slash), &v4);
    int bits = v4 ? 32 : 128;
    bool fine = bytes.has_value();
    if (slash != word.npos) {
      const std::string_view number = word.substr(slash + 1);
      const int most = bits;
      const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
      fine = fine && error == std::errc() && stop == number.data() + number.size() && bits >= 0 && bits <= most;
    }
    if (!fine)
      return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is no address and no network", word),
                   "write 10.1.2.3, 10.0.0.0/8, fd00::/8, or unix for the unix socket"};
    list.networks_.push_back({*bytes, v4 ? 96 + bits : bits});
  }
  return list;
}

bool AddressList::Has(std::string_view address) const {
  if (address == kLocalPeer) return local_;
  const std::optional<Bytes> bytes = ParseAddress(address);
  if (!bytes) return false;
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    for (int bit = 0; bit < network.bits; ++bit) {
      const int mask = 0x80 >> (bit % 8);
      if (((*bytes)[static_cast<std::size_t>(bit / 8)] & mask) !=
          (network.bytes[static_cast<std::size_t>(bit / 8)] & mask))
        return false;
    }
    return true;
  });
}

Provenance ProvenanceOf(const AddressList& trusted, bool tls, std::string_view user_header, const RawRequest& raw) {
  Provenance from;
  from.remote = raw.remote;
  from.secure = tls && raw.remote != kLocalPeer;
  from.host = HeaderOf(raw, "host");
  if (!trusted.Has(raw.remote)) return from;
  from.remote = ClientOf(trusted, raw);
  const std::string proto = ListOf(raw.headers, "x-forwarded-proto"), host = ListOf(raw.headers, "x-forwarded-host");
  if (!proto.empty()) from.secure = Last(proto) == "https";
  if (!host.empty()) from.host = std::string(Last(host));
  if (user_header.empty()) return from;
  for (const auto& [name, value] : raw.headers) {
    if (name != user_header || value.empty()) continue;
    if (!from.proxy_user.empty()) from.ambiguous = true;
    from.proxy_user = value;
  }
  return from;
}

}  // namespace pipelined::api
