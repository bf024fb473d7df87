#include "api/transport/body_reader.h"

#include <algorithm>
#include <charconv>

namespace pipelined::api {
namespace {

constexpr std::size_t kLongestSizeLine = 256;  // extensions included, of which nobody knows any

bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

}  // namespace

BodyReader BodyReader::OfLength(std::uint64_t length, const Limits& limits) {
  BodyReader reader;
  reader.part_ = length == 0 ? Part::kDone : Part::kData;
  reader.left_ = length;
  if (length > limits.max_body) reader.refused_ = 413;
  return reader;
}

BodyReader BodyReader::Chunked(const Limits& limits) {
  BodyReader reader;
  reader.chunked_ = true;
  reader.part_ = Part::kSize;
  reader.max_body_ = limits.max_body;
  reader.max_header_ = limits.max_header;
  return reader;
}

std::size_t BodyReader::Take(std::string_view bytes) {
  std::size_t used = 0;
  while (!done() && refused_ == 0 && used < bytes.size()) {
    const std::size_t piece = TakePiece(bytes.substr(used));
    if (piece == 0) break;
    used += piece;
  }
  return used;
}

std::size_t BodyReader::TakePiece(std::string_view bytes) {
  return part_ == Part::kData ? TakeData(bytes) : TakeLine(bytes);
}

std::size_t BodyReader::TakeData(std::string_view bytes) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  body_.append(bytes.substr(0, size));
  left_ -= size;
  if (left_ == 0) part_ = chunked_ ? Part::kDataEnd : Part::kDone;
  return size;
}

// 0: its end has not come, or it is refused.
std::size_t BodyReader::TakeLine(std::string_view bytes) {
  const std::size_t most = part_ == Part::kTrailer ? max_header_ - trailer_
                           : part_ == Part::kSize  ? kLongestSizeLine
                                                   : 0;
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string_view line = bytes.substr(0, end > 0 && bytes[end - 1] == '\r' ? end - 1 : end);
  if (line.size() > most) {
    refused_ = part_ == Part::kTrailer ? 431 : 400;
  } else if (HasControls(line)) {
    refused_ = 400;
  }
  if (refused_ != 0 || end == bytes.size()) return 0;
  if (line.size() == end) {
    refused_ = 400;  // a line feed alone
    return 0;
  }
  if (part_ == Part::kSize) {
    ReadSize(line);
  } else if (part_ == Part::kDataEnd) {
    part_ = Part::kSize;
  } else {
    trailer_ += line.size();
    if (line.empty()) part_ = Part::kDone;
  }
  return end + 1;
}

void BodyReader::ReadSize(std::string_view line) {
  const std::string_view digits = line.substr(0, line.find(';'));
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  framing_ += line.size() + 4;
  if (error == std::errc::result_out_of_range) {
    refused_ = 413;
  } else if (error != std::errc() || end != digits.data() + digits.size() || digits.front() == '-') {
    refused_ = 400;
  } else if (size > max_body_ - body_.size() || framing_ > max_body_ + max_header_) {
    refused_ = 413;  // too large, or mostly frame
  } else {
    left_ = size;
    part_ = size == 0 ? Part::kTrailer : Part::kData;
  }
}

}  // namespace pipelined::api
