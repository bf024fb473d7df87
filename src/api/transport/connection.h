// One client from its first byte to its last: reads a request, has it answered, writes, and again.
//
// Requests that come together are answered one after the other, in their order. Nothing is read while one is answered,
// so a client that sends faster than it is served waits in its own socket.
//
// A request whose answer is a pause is asked again when the pause says so, and holds as little until then. An answer
// that is a feed holds neither a thread nor a place in the turnstile: it is asked for the next piece when the piece
// before has been written, so no more than one is kept for a client who reads slowly. It is the last answer of its
// connection.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "api/transport/request_parser.h"
#include "api/transport/response_head.h"
#include "api/transport/seats.h"
#include "api/transport/stream.h"
#include "api/transport/transport.h"
#include "api/transport/turnstile.h"

namespace pipelined::api {

// What all connections of a transport have in common. Outlives every call of theirs.
struct Shared {
  const Limits limits;
  const Transport::Handler handler;
  const Transport::Refusal refuse;
  ConnectionCounts& counts;
  Seats seats;
  Turnstile turnstile;
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> held{0};  // bytes of bodies and of answers
};

class Connection final : public Seat, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Shared& shared, std::unique_ptr<Stream> stream, std::string peer);

  void Start();  // after it was admitted
  void Leave(Why why) override;

 private:
  enum class Stage : std::uint8_t {
    kHandshake,
    kIdle,
    kHeader,
    kBody,
    kInLine,
    kParked,
    kWriting,
    kWaiting,
    kFeeding,
    kLingering,
    kClosed
  };

  void Enter(Stage stage);
  std::pair<Phase, Micros> PhaseAndTimeout(Stage stage) const;
  void Next();
  void Read();
  void Arrived(std::size_t bytes);
  void Advance();
  void AskForBody();
  bool Hold(std::size_t bytes);  // false: the memory for bodies and answers is used up
  bool MakeRoom();               // for what was held last, by others' leaving
  void LetGo();

  void Answer();
  void Handle();
  Response CallHandler(RawRequest& request);
  Response Refuse(int status);
  void Reply(Response response, bool last, bool without_body = false, bool in_chunks = true);
  void Park(const Response& response);  // until it is to be asked again
  void ListenWhileParked();
  void AnswerNow();
  void Written();
  void ReplyWithFeed(const Response& response, Framing framing);
  void Feeding();  // what the feed has now
  void ListenMeanwhile();
  void MoreCame();  // from any thread
  void Linger();
  void Close();

  void Expire();
  void HandleLeave(Why why);
  bool JustAnswered() const;
  void HurryUp();

  template <class Work>
  auto IfOpen(Work work);  // `work(bytes)`, unless the stream has ended: then this is closed

  Shared& shared_;
  const std::unique_ptr<Stream> stream_;
  Stage stage_ = Stage::kHandshake;
  bool reading_ = false;   // a read is outstanding
  bool asking_ = false;    // "100 Continue" is being written
  bool answered_ = false;  // at least one request

  std::array<char, 4096> chunk_;
  std::string arrived_;  // and not used yet
  std::optional<RequestParser> parser_;
  Micros patience_{0};  // of a pause
  bool last_ = false;   // the answer that is written is this connection's last
  std::string head_, body_;
  std::shared_ptr<Feed> feed_;
  bool fed_ = false;               // the end of the feed was written
  bool in_chunks_ = false;         // it is sent in chunks
  std::atomic<bool> told_{false};  // that there is more of it, and has not looked yet
};

}  // namespace pipelined::api
