// The time zones of this machine: compiled files below /usr/share/zoneinfo.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "pipelined/timetable/zone.h"

namespace pipelined {

// Thread-safe. Zones are read once and kept; a file that has changed since (an update of the zone data) is read again
// by the next Find. Zones that were handed out stay valid.
class SystemZones : public ZoneSource {
 public:
  explicit SystemZones(std::filesystem::path folder = "/usr/share/zoneinfo") : folder_(std::move(folder)) {}

  // kNotFound for a name that is not there or could leave the folder; kUnavailable when the file cannot be read;
  // kInvalid when it is no time zone. "UTC" needs no file.
  Result<std::shared_ptr<const Zone>> Find(std::string_view name) const override;

 private:
  struct Stamp {
    std::int64_t seconds = 0, nanoseconds = 0;  // last change
    std::uint64_t inode = 0, size = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct Kept {
    Stamp stamp;
    std::shared_ptr<const Zone> zone;
  };
  Error Unknown(std::string_view name) const;
  std::vector<std::string> Names() const;

  const std::filesystem::path folder_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Kept, std::less<>> kept_;  // guarded by mutex_
};

}  // namespace pipelined
