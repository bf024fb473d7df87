// One request from bytes. No socket, no clock: what has arrived goes in, a request or a refusal comes out.
//
// Stricter than the grammar where leniency lets two servers disagree about where a request ends: one length, one Host,
// "chunked" as the only transfer coding, CRLF as the only line end.
#pragma once

#include <string_view>

#include "api/transport/body_reader.h"
#include "api/transport/transport.h"

namespace pipelined::api {

class RequestParser {
 public:
  enum class State : unsigned char {
    kNothing,  // no byte of the request has come
    kHeader,
    kBody,
    kDone,
    kRefused,  // request().refused says why; the connection is of no use any more
  };

  explicit RequestParser(const Limits& limits);

  // Uses bytes from the front of what has arrived and says how many. The others must come again, before those that
  // follow. Once done or refused it uses nothing.
  std::size_t Take(std::string_view bytes);

  State state() const { return state_; }
  // The header is complete and the client waits for "100 Continue" before it sends the body. True once.
  bool TakeExpectation();
  bool keep_alive() const { return keep_alive_; }
  bool takes_chunks() const { return takes_chunks_; }  // the client can read an answer in chunks: not HTTP/1.0
  RawRequest& request() { return request_; }

 private:
  std::size_t TakeHeader(std::string_view bytes);
  void FollowBody();
  void ReadHeader(std::string_view header);
  int Unfinished(std::string_view bytes) const;  // the status that an incomplete header already deserves, or 0
  int Faults(bool old_version);                  // the same of a complete one
  void Refuse(int status);

  const Limits& limits_;
  State state_ = State::kNothing;
  bool keep_alive_ = false, expects_continue_ = false, takes_chunks_ = true;
  std::size_t scanned_ = 0;  // of the header, where its end is not
  BodyReader body_;
  RawRequest request_;
};

}  // namespace pipelined::api
