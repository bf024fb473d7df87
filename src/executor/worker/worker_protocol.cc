#include "pipelined/executor/worker_protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "pipelined/schema/json.h"

namespace pipelined::worker {
namespace {

constexpr std::array<std::string_view, 7> kOutcomes{"succeeded",     "failed",     "timed_out", "stopped",
                                                    "launch_failed", "bad_output", "lost"};

struct flock FirstByte(short type) {
  struct flock byte {};
  byte.l_type = type;
  byte.l_whence = SEEK_SET;
  byte.l_len = 1;
  return byte;
}

std::int64_t IntOf(const Value& map, std::string_view key) {
  const Value* value = map.Find(key);
  return value != nullptr && value->is_int() ? value->integer() : 0;
}
std::int64_t MicrosOf(Instant at) {
  return at.time_since_epoch().count();
}

std::optional<AttemptEnd> ReadEnd(const Value& line) {
  const std::string word = line.TextOf("outcome");
  AttemptEnd end;
  end.attempt = AttemptId{IntOf(line, "end")};
  std::size_t outcome = 0;
  while (outcome < kOutcomes.size() && kOutcomes[outcome] != word) ++outcome;
  if (outcome == kOutcomes.size() || end.attempt.value <= 0) return std::nullopt;
  end.outcome = static_cast<AttemptOutcome>(outcome);
  end.exit_code = static_cast<int>(IntOf(line, "exit_code"));
  end.start = Instant(Micros(IntOf(line, "started")));
  end.end = Instant(Micros(IntOf(line, "ended")));
  end.duration = Micros(IntOf(line, "duration"));
  end.message = line.TextOf("message");
  if (const Value* outputs = line.Find("outputs")) end.outputs = *outputs;
  if (const Value* is_final = line.Find("final")) end.is_final = is_final->is_bool() && is_final->boolean();
  return end;
}

}  // namespace

std::string LockName(std::string_view nonce) {
  return fmt::format("w-{}", nonce);
}
std::string SocketName(std::string_view nonce) {
  return fmt::format("w-{}.sock", nonce);
}
std::string JournalName(std::string_view nonce, std::int64_t number) {
  return fmt::format("j-{}-{}", nonce, number);
}

std::string MakeFrame(const Value& message) {
  const std::string text = ToJson(message);
  const auto size = static_cast<std::uint32_t>(text.size());
  std::string frame(sizeof size, '\0');
  std::memcpy(frame.data(), &size, sizeof size);
  return frame + text;
}

bool TakeFrames(std::string& buffer, const std::function<void(const Value&)>& take) {
  std::size_t at = 0;
  bool sane = true;
  while (sane && buffer.size() - at >= sizeof(std::uint32_t)) {
    std::uint32_t size = 0;
    std::memcpy(&size, buffer.data() + at, sizeof size);
    if (size > kMostFrame) sane = false;
    if (!sane || buffer.size() - at - sizeof size < size) break;
    const auto message = ParseJson(std::string_view(buffer).substr(at + sizeof size, size));
    if (!message) sane = false;
    if (message) take(*message);
    at += sizeof size + size;
  }
  buffer.erase(0, at);
  return sane;
}

std::string HeaderLine(std::string_view nonce, std::string_view boot_id) {
  return ToJson(Value(Value::Map{{"worker", nonce}, {"boot_id", boot_id}})) + "\n";
}

std::string StartLine(std::int64_t attempt, Instant at) {
  return fmt::format("{{\"start\":{},\"at\":{}}}\n", attempt, MicrosOf(at));
}

std::string EndLine(const AttemptEnd& end) {
  Value line(Value::Map{{"end", end.attempt.value},
                        {"outcome", kOutcomes[static_cast<std::size_t>(end.outcome)]},
                        {"started", MicrosOf(end.start)},
                        {"ended", MicrosOf(end.end)},
                        {"duration", std::int64_t{end.duration.count()}}});
  if (end.exit_code != 0) line.Set("exit_code", end.exit_code);
  if (!end.message.empty()) line.Set("message", end.message);
  if (!end.outputs.is_null()) line.Set("outputs", end.outputs);
  if (end.is_final) line.Set("final", true);
  return ToJson(line) + "\n";
}

std::string NextLine(std::int64_t number) {
  return fmt::format("{{\"next\":{}}}\n", number);
}

std::optional<JournalLine> ReadLine(std::string_view text) {
  const auto line = ParseJson(text);
  if (!line || !line->is_map()) return std::nullopt;
  JournalLine read;
  if (line->Find("end") != nullptr) {
    auto end = ReadEnd(*line);
    if (!end) return std::nullopt;
    read.kind = JournalLine::Kind::kEnd;
    read.end = std::move(*end);
  } else if (read.attempt = IntOf(*line, "start"); read.attempt > 0) {
    read.kind = JournalLine::Kind::kStart;
    read.at = Instant(Micros(IntOf(*line, "at")));
  } else if (read.next = IntOf(*line, "next"); read.next > 0) {
    read.kind = JournalLine::Kind::kNext;
  } else if (read.boot_id = line->TextOf("boot_id"); read.boot_id.empty()) {
    return std::nullopt;
  }
  return read;
}

bool TryLock(int fd, short type) {
  struct flock byte = FirstByte(type);
  return fcntl(fd, F_OFD_SETLK, &byte) == 0;
}

bool IsLocked(int fd) {
  struct flock byte = FirstByte(F_WRLCK);
  return fcntl(fd, F_OFD_GETLK, &byte) == 0 && byte.l_type != F_UNLCK;
}

Result<Fence> Fence::Open(int folder) {
  const int fd = openat(folder, "fence", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Error{ErrorCode::kUnavailable, fmt::format("worker/fence: {}", std::strerror(errno)), ""};
  return Fence(fd);
}

Fence::Fence(Fence&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Fence::~Fence() {
  if (fd_ >= 0) close(fd_);
}

bool Fence::Lock(short type) const {
  return TryLock(fd_, type);
}

std::int64_t Fence::Read() const {
  char text[32] = {};
  std::int64_t generation = 0;
  const ssize_t size = pread(fd_, text, sizeof text - 1, 0);
  if (size > 0) std::from_chars(text, text + size, generation);
  return generation;
}

std::optional<std::int64_t> Fence::TryRaise() {
  if (!Lock(F_WRLCK)) return std::nullopt;
  const std::int64_t generation = Read() + 1;
  const std::string text = fmt::format("{:<20}\n", generation);  // of one length: never half of another number
  const bool written = pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  Leave();
  return written ? std::optional(generation) : std::nullopt;
}

Fence::Entry Fence::TryEnter(std::int64_t generation) {
  if (!Lock(F_RDLCK)) return Entry::kBusy;
  if (Read() == generation) return Entry::kOpen;
  Leave();
  return Entry::kClosed;
}

void Fence::Leave() {
  Lock(F_UNLCK);
}

}  // namespace pipelined::worker
