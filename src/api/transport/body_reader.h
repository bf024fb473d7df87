// The body of a request, by its length or in chunks. Pure: what has arrived goes in.
//
// Beast's own reader of chunks is not used: in Boost 1.74 "0\r\n" that comes one byte before its end trips an
// assertion.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipelined/api/limits.h"

namespace pipelined::api {

class BodyReader {
 public:
  BodyReader() = default;                                                  // none: done
  static BodyReader OfLength(std::uint64_t length, const Limits& limits);  // done when it is 0
  static BodyReader Chunked(const Limits& limits);

  // Uses bytes from the front and says how many; the others must come again, before those that follow.
  std::size_t Take(std::string_view bytes);

  bool done() const { return part_ == Part::kDone; }
  int refused() const { return refused_; }  // 400, 413, 431; 0: fine so far
  std::string& body() { return body_; }

 private:
  enum class Part : std::uint8_t { kSize, kData, kDataEnd, kTrailer, kDone };

  std::size_t TakePiece(std::string_view bytes);
  std::size_t TakeData(std::string_view bytes);
  std::size_t TakeLine(std::string_view bytes);
  void ReadSize(std::string_view line);

  Part part_ = Part::kDone;
  bool chunked_ = false;
  int refused_ = 0;
  std::uint64_t left_ = 0;   // of the body, or of the chunk
  std::size_t framing_ = 0;  // bytes of chunk headers
  std::size_t trailer_ = 0;  // bytes of the trailer
  std::size_t max_body_ = 0, max_header_ = 0;
  std::string body_;
};

}  // namespace pipelined::api
