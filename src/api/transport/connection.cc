#include "api/transport/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"

namespace pipelined::api {
namespace {

constexpr Micros kForever = Micros::max();
constexpr std::size_t kPiece = 64 << 10;  // of a feed, at once
constexpr Micros kLinger = Seconds(1);    // so that a client that still sends can read why it was refused

// Gives a place in the turnstile back, whatever happens.
struct PlaceInTurnstile {
  Turnstile& turnstile;
  ~PlaceInTurnstile() { turnstile.Leave(); }
};

// What is left of a request whose answer cannot be kept: whose it was, and its id.
RawRequest RequestOf(const Response& response, const std::string& remote) {
  RawRequest request;
  request.remote = remote;
  if (const std::string* id = Find(response.headers, "X-Request-Id")) request.headers.emplace_back("x-request-id", *id);
  return request;
}

}  // namespace

// In the handshake from the start: from its admission on others may look at it and tell it to leave.
Connection::Connection(Shared& shared, std::unique_ptr<Stream> stream, std::string peer)
    : Seat(std::move(peer)), shared_(shared), stream_(std::move(stream)) {
  Enter(Stage::kHandshake);
}

template <class Work>
auto Connection::IfOpen(Work work) {
  return [self = shared_from_this(), this, work](bool ok, std::size_t bytes) {
    if (stage_ == Stage::kClosed) return;
    if (!ok) return Close();
    work(bytes);
  };
}

void Connection::Enter(Stage stage) {
  stage_ = stage;
  const Micros now = SystemClock().Monotonic();
  const auto [phase_now, patience] = PhaseAndTimeout(stage);
  since = now;
  phase = phase_now;
  deadline = patience == kForever ? kForever : now + patience;
}

std::pair<Seat::Phase, Micros> Connection::PhaseAndTimeout(Stage stage) const {
  const Limits& limits = shared_.limits;
  switch (stage) {
    case Stage::kIdle:
      return {Phase::kIdle, limits.idle_timeout};
    case Stage::kLingering:
      return {Phase::kIdle, kLinger};
    case Stage::kHandshake:
    case Stage::kHeader:
      return {Phase::kReading, limits.header_timeout};
    case Stage::kBody:
      return {Phase::kReading, limits.body_timeout};
    case Stage::kWriting:
    case Stage::kFeeding:
      return {Phase::kWriting, limits.write_timeout + Seconds(body_.size() / limits.slowest_reader)};
    case Stage::kWaiting:
      return {Phase::kStreaming, kForever};
    case Stage::kParked:
      return {Phase::kStreaming, patience_};
    case Stage::kInLine:
    case Stage::kClosed:
      break;
  }
  return {Phase::kBusy, kForever};
}

void Connection::Start() {
  stream_->Post([self = shared_from_this(), this] {
    if (stage_ == Stage::kClosed) return;
    stream_->Handshake(IfOpen([this](std::size_t) { Next(); }));
  });
}

void Connection::Next() {
  parser_.emplace(shared_.limits);
  if (arrived_.empty() && (shared_.draining || leaving)) return answered_ ? Linger() : Close();
  Enter(Stage::kIdle);
  if (arrived_.empty()) return Read();
  Advance();
}

void Connection::Read() {
  if (std::exchange(reading_, true)) return;
  stream_->Read(chunk_.data(), chunk_.size(), [self = shared_from_this(), this](bool ok, std::size_t bytes) {
    reading_ = false;
    if (stage_ == Stage::kClosed || stage_ == Stage::kWriting) return;  // kWriting: it came too late
    if (!ok) return Close();
    Arrived(bytes);
  });
}

void Connection::Arrived(std::size_t bytes) {
  // What comes then, and what somebody sends who made room for others, is forgotten.
  if (stage_ == Stage::kLingering || (stage_ == Stage::kBody && leaving)) return Read();
  if (stage_ == Stage::kBody && !Hold(bytes) && !MakeRoom()) return Reply(Refuse(503), true);
  arrived_.append(chunk_.data(), bytes);
  Advance();
}

bool Connection::Hold(std::size_t bytes) {
  held += bytes;
  return shared_.held.fetch_add(bytes) + bytes <= shared_.limits.max_bodies;
}

// Who has been sending longest goes first, so that slow ones cannot use the memory up for all others.
bool Connection::MakeRoom() {
  while (shared_.held > shared_.limits.max_bodies) {
    const std::size_t freed = shared_.seats.EvictLongestReading(*this);
    if (freed == 0) return false;
    shared_.held -= freed;
  }
  return true;
}

void Connection::LetGo() {
  shared_.held -= held.exchange(0);
}

// As far as what has arrived goes.
void Connection::Advance() {
  arrived_.erase(0, parser_->Take(arrived_));
  switch (parser_->state()) {
    case RequestParser::State::kNothing:
      return Read();
    case RequestParser::State::kHeader:
      if (stage_ == Stage::kIdle) Enter(Stage::kHeader);
      return Read();
    case RequestParser::State::kBody:
      if (stage_ != Stage::kBody) Enter(Stage::kBody);
      return parser_->TakeExpectation() ? AskForBody() : Read();
    case RequestParser::State::kDone:
    case RequestParser::State::kRefused:
      return Answer();
  }
}

void Connection::AskForBody() {
  asking_ = true;
  stream_->Write("HTTP/1.1 100 Continue\r\n\r\n", {}, IfOpen([this](std::size_t) {
                   asking_ = false;
                   Read();
                 }));
}

void Connection::Answer() {
  Enter(Stage::kInLine);
  const auto wake = [self = shared_from_this(), this] { stream_->Post([self, this] { Handle(); }); };
  switch (shared_.turnstile.Enter(wake)) {
    case Turnstile::Entry::kNow:
      return Handle();
    case Turnstile::Entry::kLater:
      return;
    case Turnstile::Entry::kFull:
      return Reply(Refuse(503), true);
  }
}

// Holds a place, also when the client is gone meanwhile.
void Connection::Handle() {
  const PlaceInTurnstile place{shared_.turnstile};
  if (stage_ == Stage::kClosed) return;
  RawRequest& request = parser_->request();
  request.remote = address;
  request.waited = SystemClock().Monotonic() - since.load();
  const bool head = request.method == "HEAD";
  Response response = CallHandler(request);
  if (response.pause != nullptr) return Park(response);
  Reply(std::move(response), !parser_->keep_alive(), head, parser_->takes_chunks());
}

Response Connection::CallHandler(RawRequest& request) {
  try {
    return shared_.handler(request);
  } catch (const std::exception& failure) {  // a bug of ours must not take the server down
    log::Error("a request ended with: {}", failure.what());
    return Refuse(500);
  }
}

void Connection::Park(const Response& response) {
  RawRequest& request = parser_->request();
  if (request.answer_now) return Reply(Refuse(500), true);  // it would never be
  const bool first = request.pause == nullptr;
  request.pause = response.pause;
  patience_ = response.patience;
  Enter(Stage::kParked);
  ListenWhileParked();
  if (shared_.draining || leaving) return AnswerNow();
  if (!first) return;
  request.pause->Begin([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->MoreCame();
  });
}

// So that a client who has left is missed. What it sends meanwhile comes after the answer.
void Connection::ListenWhileParked() {
  if (!arrived_.empty() || std::exchange(reading_, true)) return;
  stream_->Read(chunk_.data(), chunk_.size(), [self = shared_from_this(), this](bool ok, std::size_t bytes) {
    reading_ = false;
    if (stage_ == Stage::kClosed) return;
    if (!ok) return Close();
    const bool answered = stage_ != Stage::kParked && stage_ != Stage::kInLine && stage_ != Stage::kWriting;
    if (answered) return Arrived(bytes);
    arrived_.append(chunk_.data(), bytes);
  });
}

void Connection::AnswerNow() {
  parser_->request().answer_now = true;
  Answer();
}

// The answer to what no handler sees; as much is told of the request as is known.
Response Connection::Refuse(int status) {
  RawRequest request = parser_ ? std::move(parser_->request()) : RawRequest();
  request.remote = address;
  return shared_.refuse(status, std::move(request));
}

void Connection::Reply(Response response, bool last, bool without_body, bool in_chunks) {
  LetGo();
  parser_.reset();  // and what came of a body that is refused
  if (response.feed != nullptr && !without_body)
    return ReplyWithFeed(response, in_chunks ? Framing::kChunked : Framing::kUntilClosed);
  const bool bodiless = without_body || response.status == 204 || response.status == 304;
  if (!bodiless && !Hold(response.body.size()) && !MakeRoom()) {
    LetGo();
    response = shared_.refuse(503, RequestOf(response, address));
    last = true;
  }
  last_ = last || shared_.draining || leaving;
  const bool unsized = response.feed != nullptr;  // and asked for with HEAD: its length is not known
  head_ = ResponseHead(response, {!last_, SystemClock().Now(), unsized ? Framing::kUntilClosed : Framing::kLength});
  if (!bodiless) body_ = std::move(response.body);
  Enter(Stage::kWriting);
  stream_->Write(head_, body_, IfOpen([this](std::size_t) { Written(); }));
}

void Connection::Written() {
  std::string().swap(body_);
  LetGo();
  answered_ = true;
  last_ ? Linger() : Next();
}

void Connection::ReplyWithFeed(const Response& response, Framing framing) {
  last_ = true;
  in_chunks_ = framing == Framing::kChunked;
  feed_ = response.feed;
  feed_->Begin([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->MoreCame();
  });
  head_ = ResponseHead(response, {false, SystemClock().Now(), framing});
  ListenMeanwhile();
  Enter(Stage::kFeeding);
  stream_->Write(head_, {}, IfOpen([this](std::size_t) { Feeding(); }));
}

// So that a client who has left is missed before the next piece is there. What it sends is not for us: nothing follows.
void Connection::ListenMeanwhile() {
  if (std::exchange(reading_, true)) return;
  stream_->Read(chunk_.data(), chunk_.size(), [self = shared_from_this(), this](bool ok, std::size_t) {
    reading_ = false;
    if (stage_ == Stage::kClosed) return;
    if (!ok) return Close();
    if (stage_ == Stage::kLingering) Read();
  });
}

void Connection::MoreCame() {
  if (told_.exchange(true)) return;
  stream_->Post([self = shared_from_this(), this] {
    told_ = false;
    if (stage_ == Stage::kWaiting) Feeding();
    if (stage_ == Stage::kParked) Answer();
  });
}

void Connection::Feeding() {
  LetGo();
  if (fed_) return Linger();
  Enter(Stage::kWaiting);
  const bool ending = shared_.draining || leaving;
  if (ending && !feed_->MayEndEarly()) return Linger();
  Feed::Piece piece = ending ? Feed::Piece::End() : feed_->Take(kPiece);
  if (piece.cut) return Linger();
  if (piece.bytes.empty() && !piece.last) return;
  if (!Hold(piece.bytes.size()) && !MakeRoom()) return Close();
  fed_ = piece.last;
  body_ = std::move(piece.bytes);
  head_ = in_chunks_ && !body_.empty() ? fmt::format("{:x}\r\n", body_.size()) : std::string();
  if (in_chunks_ && !body_.empty()) body_ += "\r\n";
  if (in_chunks_ && fed_) body_ += "0\r\n\r\n";
  Enter(Stage::kFeeding);
  stream_->Write(head_, body_, IfOpen([this](std::size_t) { Feeding(); }));
}

void Connection::Linger() {
  feed_.reset();
  Enter(Stage::kLingering);
  std::string().swap(arrived_);
  stream_->Finish([self = shared_from_this(), this](bool ok, std::size_t) {
    if (stage_ == Stage::kClosed) return;
    ok ? Read() : Close();
  });
}

void Connection::Close() {
  if (stage_ == Stage::kClosed) return;
  stage_ = Stage::kClosed;
  feed_.reset();
  if (parser_) parser_->request().pause.reset();
  LetGo();
  stream_->Close();
  shared_.seats.Remove(*this);
}

void Connection::Leave(Why why) {
  stream_->Post([self = shared_from_this(), this, why] { HandleLeave(why); });
}

void Connection::HandleLeave(Why why) {
  if (stage_ == Stage::kClosed) return;
  if (why == Why::kAborted) return Close();
  if (why == Why::kExpired) {
    if (deadline.load() <= SystemClock().Monotonic()) Expire();
    return;
  }
  if (stage_ == Stage::kIdle) return JustAnswered() ? Linger() : Close();
  if (stage_ == Stage::kWaiting) return Feeding();  // which ends it
  if (stage_ == Stage::kParked) return AnswerNow();
  if (why == Why::kDraining) return;  // the answer is its last
  if (stage_ == Stage::kLingering || phase == Phase::kReading) return Close();
  if (phase == Phase::kWriting) HurryUp();
}

// The client may not have read it yet, and a reset, should it send more, would take it away.
bool Connection::JustAnswered() const {
  return answered_ && SystemClock().Monotonic() - since.load() < kLinger;
}

// What is being written is the last, and not much time is left for it.
void Connection::HurryUp() {
  last_ = true;
  deadline = std::min(deadline.load(), SystemClock().Monotonic() + kLinger);
}

// Who was reading a request is told; a client that is slow in anything else is not listening.
void Connection::Expire() {
  if (stage_ == Stage::kParked) return AnswerNow();
  if (phase != Phase::kIdle) ++shared_.counts.timed_out;
  if (asking_ || (stage_ != Stage::kHeader && stage_ != Stage::kBody)) return Close();
  Reply(Refuse(408), true);
}

}  // namespace pipelined::api
