// The only file that knows Boost.Beast.
#include "api/transport/request_parser.h"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>
#include <limits>
#include <optional>

#include "api/http/letters.h"

namespace pipelined::api {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kMostFields = 100;

// Fields of which two say that somebody between the client and us sees another request than we do.
constexpr std::string_view kOnce[] = {"host", "content-length", "transfer-encoding", "content-type", "authorization"};

std::string_view View(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

std::optional<std::uint64_t> Number(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

bool Doubled(const Pairs& headers) {
  return std::any_of(std::begin(kOnce), std::end(kOnce), [&](std::string_view name) {
    return std::count_if(headers.begin(), headers.end(), [&](const auto& field) { return field.first == name; }) > 1;
  });
}

// The authority of "http://host/path"; nothing for any other target.
std::optional<std::string_view> Authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    return target.substr(0, target.find_first_of("/?"));
  }
  return std::nullopt;
}

// "http://host/path" is "/path", as RFC 9112 wants it of every server.
std::string OriginForm(std::string_view target) {
  const std::optional<std::string_view> authority = Authority(target);
  if (!authority) return std::string(target);
  const auto after = static_cast<std::size_t>(authority->data() - target.data()) + authority->size();
  const std::string path(target.substr(after));
  return path.starts_with('/') ? path : "/" + path;
}

// Whether a Host can be one: nothing that could end it for somebody else who reads it, such as '/', '@' or a blank.
bool IsHost(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~!$&'()*+,;=%:[]").find(c) != std::string_view::npos;
  });
}

}  // namespace

RequestParser::RequestParser(const Limits& limits) : limits_(limits) {}

std::size_t RequestParser::Take(std::string_view bytes) {
  std::size_t used = 0;
  if (state_ == State::kNothing || state_ == State::kHeader) used = TakeHeader(bytes);
  if (state_ == State::kBody) {
    used += body_.Take(bytes.substr(used));
    FollowBody();
  }
  return used;
}

bool RequestParser::TakeExpectation() {
  return std::exchange(expects_continue_, false) && state_ == State::kBody;
}

std::size_t RequestParser::TakeHeader(std::string_view bytes) {
  std::size_t blank = 0;  // empty lines before a request are forgiven
  if (state_ == State::kNothing) {
    while (bytes.substr(blank).starts_with("\r\n")) blank += 2;
    bytes.remove_prefix(blank);
    if (bytes.empty() || bytes == "\r") return blank;
    state_ = State::kHeader;
  }
  const std::size_t end = bytes.find("\r\n\r\n", scanned_);
  const std::string_view header = bytes.substr(0, end == bytes.npos ? end : end + 4);
  if (const int status = Unfinished(header); status != 0) {
    Refuse(status);
    return blank;
  }
  if (end == bytes.npos) {
    scanned_ = bytes.size() < 3 ? 0 : bytes.size() - 3;
    return blank;
  }
  ReadHeader(header);
  return blank + header.size();
}

int RequestParser::Unfinished(std::string_view header) const {
  const std::size_t line = std::min(header.find('\n'), header.size());
  const std::size_t method = std::min(header.find(' '), line);
  const std::size_t target = std::min(header.find(' ', method + 1), line) - method;
  if (target > limits_.max_url + 1) return 414;
  if (header.size() > limits_.max_header) return 431;
  for (std::size_t at = header.find('\n', scanned_); at != header.npos; at = header.find('\n', at + 1)) {
    if (at == 0 || header[at - 1] != '\r') return 400;
    // A folded line: some join it to the one before, others skip it or read it as a field.
    if (at + 1 < header.size() && (header[at + 1] == ' ' || header[at + 1] == '\t')) return 400;
  }
  return 0;
}

void RequestParser::ReadHeader(std::string_view header) {
  http::request_parser<http::empty_body> parser;
  parser.eager(false);
  parser.header_limit(static_cast<std::uint32_t>(header.size()));
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // BodyReader judges it
  boost::beast::error_code error;
  parser.put(boost::asio::const_buffer(header.data(), header.size()), error);
  const auto& message = parser.get();
  request_.method = View(message.method_string());
  const std::string_view target = View(message.target());
  request_.target = OriginForm(target);
  for (const auto& field : message)
    request_.headers.emplace_back(LowerCase(View(field.name_string())), View(field.value()));
  if (error || !parser.is_header_done()) return Refuse(400);
  if (const int status = Faults(message.version() < 11); status != 0) return Refuse(status);
  const std::string* host = Find(request_.headers, "host");
  const std::optional<std::string_view> authority = Authority(target);
  if (host != nullptr && (!IsHost(*host) || (authority && LowerCase(*authority) != LowerCase(*host))))
    return Refuse(400);
  keep_alive_ = parser.keep_alive();
  takes_chunks_ = message.version() >= 11;
  state_ = State::kBody;
  FollowBody();
}

int RequestParser::Faults(bool old) {
  const Pairs& headers = request_.headers;
  const std::string* coding = Find(headers, "transfer-encoding");
  const std::string* length = Find(headers, "content-length");
  if (Doubled(headers) || (!old && Find(headers, "host") == nullptr)) return 400;
  if (coding != nullptr && (old || LowerCase(*coding) != "chunked" || length != nullptr)) return 400;
  if (headers.size() > kMostFields) return 431;
  if (coding != nullptr) body_ = BodyReader::Chunked(limits_);
  if (length != nullptr) {
    const std::optional<std::uint64_t> number = Number(*length);
    if (!number) return 400;
    body_ = BodyReader::OfLength(*number, limits_);
  }
  const bool framed = coding != nullptr || length != nullptr;
  const bool carries = request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH";
  if (carries && !framed && Find(headers, "content-type") != nullptr) return 411;
  if (const std::string* expect = Find(headers, "expect"); expect != nullptr && !old) {
    if (LowerCase(*expect) != "100-continue") return 417;
    expects_continue_ = true;
  }
  return 0;
}

void RequestParser::FollowBody() {
  if (body_.refused() != 0) return Refuse(body_.refused());
  if (!body_.done()) return;
  request_.body = std::move(body_.body());
  state_ = State::kDone;
}

void RequestParser::Refuse(int status) {
  request_.refused = status;
  request_.body.clear();
  keep_alive_ = expects_continue_ = false;
  state_ = State::kRefused;
}

}  // namespace pipelined::api
