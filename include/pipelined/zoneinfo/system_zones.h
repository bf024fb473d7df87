// The time zones of this machine: compiled files below /usr/share/zoneinfo.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "pipelined/timetable/zone.h"

namespace pipelined {

// Thread-safe. Zones and calendars are read once and kept; a file that has changed since (an update of the zone data)
// is read again by the next Find or Holidays. What was handed out stays valid.
class SystemZones : public ZoneSource {
 public:
  explicit SystemZones(std::filesystem::path folder = "/usr/share/zoneinfo") : folder_(std::move(folder)) {}

  // kNotFound for a name that is not there or could leave the folder; kUnavailable when the file cannot be read;
  // kInvalid when it is no time zone. "UTC" needs no file.
  Result<std::shared_ptr<const Zone>> Find(std::string_view name) const override;
  Result<std::shared_ptr<const DayList>> Holidays(std::string_view path) const override;
  std::vector<std::string> Changed(std::uint64_t& seen) const override;

 private:
  struct Stamp {
    std::int64_t seconds = 0, nanoseconds = 0;  // last change
    std::uint64_t inode = 0, size = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  template <class T>
  struct Kept {
    Stamp stamp;                    // of what was read
    std::shared_ptr<const T> what;  // as read then
    Stamp noticed;                  // of what was last seen on disk
    std::uint64_t changed = 0;      // number of the last change that was noticed; 0: none
  };
  template <class T>
  using Shelf = std::map<std::string, Kept<T>, std::less<>>;

  static Stamp StampOf(const std::filesystem::path& path);  // all zero when there is no file
  template <class T>
  std::shared_ptr<const T> Take(const Shelf<T>& shelf, std::string_view name, const Stamp& stamp) const;
  template <class T>
  void Keep(Shelf<T>& shelf, std::string_view name, const Stamp& stamp, std::shared_ptr<const T> what) const;
  template <class T>
  void Notice(Kept<T>& kept, const Stamp& stamp) const;
  Error Unknown(std::string_view name) const;
  std::vector<std::string> Names() const;

  const std::filesystem::path folder_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  mutable Shelf<Zone> zones_;         // by name
  mutable Shelf<DayList> calendars_;  // by path
  mutable std::uint64_t changes_ = 0;
};

}  // namespace pipelined
