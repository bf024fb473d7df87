#include "api/transport/connection.h"

#include <algorithm>

#include "api/transport/response_head.h"
#include "pipelined/base/clock.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kSlice = 64 << 10;  // of an answer, for which one write_timeout is given
constexpr Micros kForever = Micros::max();
constexpr Micros kLinger = Seconds(1);  // so that a client that still sends can read why it was refused

Response Late() {
  return Detail(408, "the request did not come in time");
}

Response Busy() {
  Response response = Detail(503, "too many requests wait; try again");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace

Connection::Connection(Floor& floor, std::unique_ptr<Stream> stream, std::string peer)
    : Seat(std::move(peer)), floor_(floor), stream_(std::move(stream)) {}

template <class Work>
auto Connection::Then(Work work) {
  return [self = shared_from_this(), this, work](bool ok, std::size_t bytes) {
    if (stage_ == Stage::kClosed) return;
    if (!ok) return Close();
    work(bytes);
  };
}

// What the connection is worth to others, and how long the stage may last.
void Connection::Enter(Stage stage) {
  stage_ = stage;
  const Micros now = SystemClock().Monotonic();
  const auto [worth, patience] = Worth(stage);
  phase = worth;
  since = now;
  deadline = patience == kForever ? kForever : now + patience;
}

std::pair<Seat::Phase, Micros> Connection::Worth(Stage stage) const {
  const Limits& limits = floor_.limits;
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
      return {Phase::kBusy, limits.write_timeout};
    case Stage::kInLine:
    case Stage::kClosed:
      break;
  }
  return {Phase::kBusy, kForever};
}

void Connection::Start() {
  stream_->Post([self = shared_from_this(), this] {
    if (stage_ == Stage::kClosed) return;
    Enter(Stage::kHandshake);
    stream_->Handshake(Then([this](std::size_t) { Next(); }));
  });
}

void Connection::Next() {
  parser_.emplace(floor_.limits);
  if (arrived_.empty() && (floor_.draining || leaving)) return Close();
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
  if (stage_ == Stage::kLingering) return Read();  // and forget
  if (stage_ == Stage::kBody && !Hold(bytes)) return Reply(Busy(), true);
  arrived_.append(chunk_.data(), bytes);
  Advance();
}

bool Connection::Hold(std::size_t bytes) {
  held_ += bytes;
  return floor_.held.fetch_add(bytes) + bytes <= floor_.limits.max_bodies;
}

void Connection::LetGo() {
  floor_.held -= std::exchange(held_, 0);
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
  stream_->Write("HTTP/1.1 100 Continue\r\n\r\n", {}, Then([this](std::size_t) {
                   asking_ = false;
                   Read();
                 }));
}

void Connection::Answer() {
  Enter(Stage::kInLine);
  const auto wake = [self = shared_from_this(), this] { stream_->Post([self, this] { Handle(); }); };
  switch (floor_.turnstile.Enter(wake)) {
    case Turnstile::Entry::kNow:
      return Handle();
    case Turnstile::Entry::kLater:
      return;
    case Turnstile::Entry::kFull:
      return Reply(Busy(), true);
  }
}

// Holds a place, also when the client is gone meanwhile.
void Connection::Handle() {
  if (stage_ == Stage::kClosed) return floor_.turnstile.Leave();
  RawRequest& request = parser_->request();
  request.remote = address;
  const bool head = request.method == "HEAD";
  Response response = floor_.handler(std::move(request));
  floor_.turnstile.Leave();
  Reply(std::move(response), !parser_->keep_alive(), head);
}

void Connection::Reply(Response response, bool last, bool without_body) {
  LetGo();
  last_ = last || floor_.draining || leaving;
  head_ = ResponseHead(response, {!last_, SystemClock().Now()});
  const bool bodiless = without_body || response.status == 204 || response.status == 304;
  body_ = bodiless ? std::string() : std::move(response.body);
  sent_ = 0;
  WriteMore();
}

void Connection::WriteMore() {
  Enter(Stage::kWriting);
  const std::string_view slice = std::string_view(body_).substr(sent_, kSlice);
  stream_->Write(head_, slice, Then([this, size = slice.size()](std::size_t) {
                   head_.clear();
                   sent_ += size;
                   sent_ < body_.size() ? WriteMore() : Written();
                 }));
}

void Connection::Written() {
  std::string().swap(body_);
  last_ ? Linger() : Next();
}

void Connection::Linger() {
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
  LetGo();
  stream_->Close();
  floor_.seats.Remove(*this);
}

void Connection::Leave(Why why) {
  stream_->Post([self = shared_from_this(), this, why] { GoFor(why); });
}

void Connection::GoFor(Why why) {
  switch (why) {
    case Why::kAborted:
      return Close();
    case Why::kExpired:
      if (deadline.load() <= SystemClock().Monotonic()) Expire();
      return;
    case Why::kDraining:
    case Why::kEvicted:
      if (stage_ == Stage::kIdle || stage_ == Stage::kLingering) return Close();
      if (why == Why::kEvicted && phase == Phase::kReading) return Close();
      return;  // busy: its answer is its last
  }
}

// Who was reading a request is told; a client that is slow in anything else is not listening.
void Connection::Expire() {
  if (asking_ || (stage_ != Stage::kHeader && stage_ != Stage::kBody)) return Close();
  Reply(Late(), true);
}

}  // namespace pipelined::api
