// The journal's records, as the launcher's supervisors append them and the daemon reads them back. Shared by the daemon
// and the static launcher, so: no allocation, no library beyond memcpy.
//
// A journal is a sequence of records of 128 bytes, the first of which is a header. Each is one O_APPEND write, and
// because pages are a multiple of 128 bytes no record ever straddles two, so a reader sees it whole or not at all. What
// a power loss tore fails its checksum and is stepped over.
//
// Of an attempt's *start* records the first one in the file counts, if no *closed* stands before it; every other is
// void. That makes "append, then look back" a race-free claim: see Supervise().
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pipelined::executor {

inline constexpr std::size_t kRecordSize = 128;
inline constexpr std::size_t kBodySize = 104;
inline constexpr std::uint32_t kRecordMagic = 0x4a4c5050;  // "PPLJ"
inline constexpr std::uint8_t kJournalVersion = 1;
inline constexpr std::size_t kIdText = 40;  // a UUID in text, NUL-padded

enum class RecordType : std::uint8_t {
  kHeader = 1,   // whose journal this is
  kEpoch = 2,    // from here on starts of an older epoch are refused
  kStart = 3,    // a supervisor holds the attempt's byte and is about to spawn
  kSpawned = 4,  // the command exists
  kNote = 5,     // words that belong to the attempt's exit record, which follows
  kExit = 6,     // the command has ended and nothing of it is left
  kClosed = 7,   // no start after this one counts: the next journal has taken over
};

enum class ExitReason : std::uint8_t { kEnded = 0, kTimedOut = 1, kStopped = 2, kLaunchFailed = 3 };

// How far the spawn came; what the errno belongs to.
enum class SpawnStage : std::uint8_t {
  kNone = 0,
  kPipe = 1,
  kFork = 2,
  kGroup = 3,
  kCgroup = 4,
  kUser = 5,
  kDescriptors = 6,
  kFolder = 7,
  kExec = 8,
  kOutput = 9,
  kInput = 10,
  kNice = 11,
};

enum ExitFlag : std::uint16_t { kHasOutput = 1, kKilled = 2, kLeftovers = 4, kLogCut = 8 };

struct HeaderBody {
  char instance[kIdText];      // of the executor: attempts/instance
  char installation[kIdText];  // of the database
  std::int64_t epoch;          // highest known when the journal was made
};

struct EpochBody {
  std::int64_t epoch;
};

// A process is named by its pid and an instant (CLOCK_BOOTTIME) at which it certainly lived. A pid's later owner has
// started after that instant, so "started not later than seen_ns" tells the two apart (to the kernel's 10 ms), and
// nobody has to read /proc for every attempt.
struct ProcessName {
  std::int64_t seen_ns;
  std::int32_t pid;
  std::int32_t unused;
};

struct StartBody {
  ProcessName supervisor;
  std::int64_t launcher;  // which launcher forked it: its nonce, as told by ReadyFrame
  std::int64_t epoch;
  std::uint8_t boot_id[16];
};

struct SpawnedBody {
  ProcessName command;    // also the id of its process group
  std::int64_t start_us;  // wall clock
};

struct NoteBody {
  char text[kBodySize];
};

struct ExitBody {
  ExitReason reason;
  SpawnStage stage;
  std::uint16_t flags;       // ExitFlag
  std::int32_t wait_status;  // as wait() gives it
  std::int32_t error;        // errno of a failed launch
  std::int32_t pid;
  std::int64_t start_us, end_us;  // wall clock
  std::int64_t duration_us;       // CLOCK_BOOTTIME
  std::int64_t cpu_user_us, cpu_system_us;
  std::int64_t max_rss_kib;
};

struct Record {
  std::uint32_t crc;  // CRC-32C of all that follows
  std::uint32_t magic;
  RecordType type;
  std::uint8_t version;
  std::uint8_t unused[6];
  std::int64_t attempt;
  std::uint8_t body[kBodySize];
};
static_assert(sizeof(Record) == kRecordSize);

inline std::uint32_t Crc32c(const void* data, std::size_t size) {
  struct Table {
    std::uint32_t entry[256];
    constexpr Table() : entry{} {
      for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t c = i;
        for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? (c >> 1) ^ 0x82f63b78u : c >> 1;
        entry[i] = c;
      }
    }
  };
  static constexpr Table table;
  std::uint32_t crc = 0xffffffffu;
  const auto* byte = static_cast<const std::uint8_t*>(data);
  for (std::size_t i = 0; i < size; ++i) crc = table.entry[(crc ^ byte[i]) & 0xff] ^ (crc >> 8);
  return ~crc;
}

inline std::uint32_t RecordCrc(const Record& record) {
  return Crc32c(reinterpret_cast<const char*>(&record) + sizeof record.crc, kRecordSize - sizeof record.crc);
}

inline bool IsValid(const Record& record) {
  return record.magic == kRecordMagic && record.crc == RecordCrc(record);
}

template <class Body>
Record MakeRecord(RecordType type, std::int64_t attempt, const Body& body) {
  static_assert(sizeof(Body) <= kBodySize);
  Record record;
  std::memset(&record, 0, sizeof record);
  record.magic = kRecordMagic;
  record.type = type;
  record.version = kJournalVersion;
  record.attempt = attempt;
  std::memcpy(record.body, &body, sizeof body);
  record.crc = RecordCrc(record);
  return record;
}

template <class Body>
Body BodyOf(const Record& record) {
  static_assert(sizeof(Body) <= kBodySize);
  Body body;
  std::memcpy(&body, record.body, sizeof body);
  return body;
}

// Takes the next valid record out of `data`, which begins at a record's place. Returns how many bytes to step on: 128
// with
// `*record` filled; the bytes of a torn stretch with `*valid` false; 0 when what is left may still be growing.
inline std::size_t NextRecord(const char* data, std::size_t size, Record* record, bool* valid) {
  *valid = false;
  for (std::size_t skipped = 0; skipped + kRecordSize <= size; ++skipped) {
    std::memcpy(record, data + skipped, kRecordSize);
    if (record->magic != kRecordMagic || !IsValid(*record)) continue;
    if (skipped != 0) return skipped;
    *valid = true;
    return kRecordSize;
  }
  return 0;
}

}  // namespace pipelined::executor
