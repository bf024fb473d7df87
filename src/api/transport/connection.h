// One client from its first byte to its last: reads a request, has it answered, writes, and again.
//
// Requests that come together are answered one after the other, in their order. Nothing is read while one is answered,
// so a client that sends faster than it is served waits in its own socket.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "api/transport/request_parser.h"
#include "api/transport/seats.h"
#include "api/transport/stream.h"
#include "api/transport/transport.h"
#include "api/transport/turnstile.h"

namespace pipelined::api {

// What all connections of a transport have in common. Outlives every call of theirs.
struct Floor {
  const Limits limits;
  const Transport::Handler handler;
  Seats seats;
  Turnstile turnstile;
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> held{0};  // bytes of bodies
};

class Connection final : public Seat, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Floor& floor, std::unique_ptr<Stream> stream, std::string peer);

  void Start();  // after it was admitted
  void Leave(Why why) override;

 private:
  enum class Stage : std::uint8_t { kHandshake, kIdle, kHeader, kBody, kInLine, kWriting, kLingering, kClosed };

  void Enter(Stage stage);
  std::pair<Phase, Micros> Worth(Stage stage) const;
  void Next();
  void Read();
  void Arrived(std::size_t bytes);
  void Advance();
  void AskForBody();
  bool Hold(std::size_t bytes);  // false: the memory for bodies is used up
  void LetGo();

  void Answer();
  void Handle();
  void Reply(Response response, bool last, bool without_body = false);
  void WriteMore();
  void Written();
  void Linger();
  void Close();

  void Expire();
  void GoFor(Why why);

  template <class Work>
  auto Then(Work work);  // `work(bytes)`, unless the stream has ended: then this is closed

  Floor& floor_;
  const std::unique_ptr<Stream> stream_;
  Stage stage_ = Stage::kHandshake;
  bool reading_ = false;  // a read is outstanding
  std::size_t held_ = 0;  // of floor_.held
  bool asking_ = false;   // "100 Continue" is being written

  std::array<char, 4096> chunk_;
  std::string arrived_;  // and not used yet
  std::optional<RequestParser> parser_;
  bool last_ = false;  // the answer that is written is this connection's last
  std::string head_, body_;
  std::size_t sent_ = 0;  // of body_
};

}  // namespace pipelined::api
