#include "api/transport/response_head.h"

#include <fmt/format.h>

#include <ctime>
#include <iterator>

namespace pipelined::api {
namespace {

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

// "Sun, 06 Nov 1994 08:49:37 GMT", written once per second and thread.
const std::string& Date(Instant now) {
  thread_local std::time_t written = -1;
  thread_local std::string text;
  const std::time_t second = std::chrono::floor<Seconds>(now).time_since_epoch().count();
  if (second == written) return text;
  std::tm parts{};
  gmtime_r(&second, &parts);
  char buffer[40];
  text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  written = second;
  return text;
}

void AddField(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (const char c : value) head += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  head += "\r\n";
}

}  // namespace

std::string ResponseHead(const Response& response, const Sending& how) {
  std::string head;
  head.reserve(400);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\n", response.status, Reason(response.status));
  AddField(head, "Date", Date(how.now));
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless && !response.content_type.empty()) AddField(head, "Content-Type", response.content_type);
  if (!bodiless && how.framing == Framing::kLength)
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", response.body.size());
  if (how.framing == Framing::kChunked) AddField(head, "Transfer-Encoding", "chunked");
  for (const auto& [name, value] : response.headers) AddField(head, name, value);
  head += how.keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return head;
}

}  // namespace pipelined::api
