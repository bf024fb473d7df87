#include "dagfile/limits_reader.h"

#include <array>
#include <optional>

#include "dagfile/keys.h"
#include "dagfile/values.h"

namespace pipelined::dagfile {
namespace {

constexpr std::array<std::string_view, 3> kOnConflictWords{"queue", "skip", "cancel_running"};
constexpr std::int32_t kMostStarts = 1'000'000;

Micros WindowOf(Key key) {
  if (key == Key::kPerSecond) return std::chrono::seconds(1);
  return key == Key::kPerMinute ? Micros(std::chrono::minutes(1)) : kLongestRateWindow;
}

void RequireKey(bool found, const Entry& entry, Reporter& reporter) {
  if (found) return;
  reporter.Error(Code::kMissingKey, entry.place(), std::string(entry.name()) + " needs a key",
                 "the tasks that give the same one share the limit, for example key: \"{{ params.customer }}\"");
}

}  // namespace

void ReadMaxActive(const Entry& entry, Reporter& reporter, std::int32_t& out) {
  if (entry.value.is_null()) {
    out = 0;
  } else {
    ReadInt(entry, reporter, out, 1);
  }
}

void ReadConcurrency(const Entry& entry, Reporter& reporter, std::shared_ptr<const ConcurrencyLimit>& out) {
  if (entry.value.is_null()) return out.reset();
  if (!RequireMap(entry, reporter, "a mapping with key, max and on_conflict")) return;
  auto limit = std::make_shared<ConcurrencyLimit>();
  bool found = false;
  EachKey(entry.value, kConcurrencyKeys, "concurrency", reporter, [&](Key key, const Entry& part) {
    if (key == Key::kLimitKey) {
      found = true;
      ReadWord(part, reporter, limit->key);
    } else if (key == Key::kMax) {
      ReadInt(part, reporter, limit->max, 1);
    } else if (const auto choice = ReadChoice(part, kOnConflictWords, reporter)) {
      limit->on_conflict = static_cast<OnConflict>(*choice);
    }
  });
  RequireKey(found, entry, reporter);
  out = std::move(limit);
}

void ReadRate(const Entry& entry, Reporter& reporter, std::shared_ptr<const RateLimit>& out) {
  if (entry.value.is_null()) return out.reset();
  if (!RequireMap(entry, reporter, "a mapping with key and one of per_second, per_minute, per_hour")) return;
  auto limit = std::make_shared<RateLimit>();
  bool found = false;
  std::optional<Entry> per;
  EachKey(entry.value, kRateKeys, "rate", reporter, [&](Key key, const Entry& part) {
    if (key == Key::kLimitKey) {
      found = true;
      return void(ReadWord(part, reporter, limit->key));
    }
    if (per) {
      reporter.Error(Code::kBadValue, part.key.place(),
                     std::string(part.name()) + " and " + std::string(per->name()) + " cannot both be said",
                     "keep the stricter one");
      return;
    }
    per = part;
    limit->window = WindowOf(key);
    ReadInt(part, reporter, limit->starts, 1, kMostStarts);
  });
  RequireKey(found, entry, reporter);
  if (!per) {
    reporter.Error(Code::kMissingKey, entry.place(), "rate needs per_second, per_minute or per_hour",
                   "for example per_minute: 60");
  }
  out = std::move(limit);
}

}  // namespace pipelined::dagfile
