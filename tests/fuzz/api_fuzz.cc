// Any bytes as a stream of requests: however they are cut, the same requests come out, and none is larger than allowed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "api/transport/request_parser.h"

namespace {

using pipelined::api::Limits;
using pipelined::api::RawRequest;
using pipelined::api::RequestParser;

constexpr int kMostRequests = 20;

Limits Small() {
  Limits limits;
  limits.max_url = 100;
  limits.max_header = 500;
  limits.max_body = 200;
  return limits;
}

const Limits kLimits = Small();

void Require(bool holds) {
  if (!holds) std::abort();
}

void Check(const RequestParser& parser, const RawRequest& request) {
  Require((parser.state() == RequestParser::State::kRefused) == (request.refused != 0));
  if (request.refused != 0) return Require(request.body.empty() && !parser.keep_alive());
  Require(request.body.size() <= kLimits.max_body && request.method.size() <= kLimits.max_header);
  int lengths = 0;
  std::size_t header = 0;
  for (const auto& [name, value] : request.headers) {
    header += name.size() + value.size();
    lengths += name == "content-length" || name == "transfer-encoding" ? 1 : 0;
    Require(name.find_first_of("\r\n: ") == name.npos && value.find_first_of("\r\n") == value.npos);
    Require(value.find('\0') == value.npos);
  }
  Require(lengths <= 1 && header <= kLimits.max_header && (lengths == 1 || request.body.empty()));
}

// All requests of the stream as one text. The status of a refusal may depend on how much of it had come.
std::string Read(std::string_view stream, std::size_t piece) {
  std::string story, arrived;
  auto parser = std::make_unique<RequestParser>(kLimits);
  for (int requests = 0; requests < kMostRequests;) {
    const std::size_t used = parser->Take(arrived);
    Require(used <= arrived.size());
    arrived.erase(0, used);
    const RequestParser::State state = parser->state();
    if (state == RequestParser::State::kDone || state == RequestParser::State::kRefused) {
      const RawRequest& request = parser->request();
      Check(*parser, request);
      if (request.refused != 0) return story + "refused";
      story += request.method + " " + request.target + "\n";
      for (const auto& [name, value] : request.headers) story += name + ":" + value + "\n";
      story += request.body + "\n";
      parser = std::make_unique<RequestParser>(kLimits);
      ++requests;
      continue;
    }
    if (stream.empty()) return story + std::to_string(static_cast<int>(state));
    arrived += stream.substr(0, piece);
    stream.remove_prefix(std::min(piece, stream.size()));
  }
  return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  Require(Read(stream, stream.size() + 1) == Read(stream, 1U + data[0] % 64));
  return 0;
}
