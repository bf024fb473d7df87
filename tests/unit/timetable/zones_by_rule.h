// Zones made of a POSIX rule alone, so that tests need no files.
#pragma once

#include <map>
#include <string>

#include "pipelined/timetable/timetable.h"

namespace pipelined::testing {

// A version 2 TZif without changes whose footer is `rule`; `offset` holds before (never, for an instant after 1970).
inline std::string TzifOf(const std::string& rule) {
  const auto header = [](char time) {
    std::string counts(24, '\0');
    counts[15] = time;
    counts[19] = 1;  // one type
    counts[23] = 4;  // its name
    return "TZif2" + std::string(15, '\0') + counts;
  };
  const std::string type("\0\0\0\0\0\0LMT\0", 10);
  return header(0) + type + header(0) + type + "\n" + rule + "\n";
}

class ZonesByRule : public ZoneSource {
 public:
  Result<std::shared_ptr<const Zone>> Find(std::string_view name) const override {
    static const std::map<std::string, std::string, std::less<>> kRules = {
        {"Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"},
        {"America/New_York", "EST5EDT,M3.2.0,M11.1.0"},
        {"Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"},
        {"Europe/Dublin", "IST-1GMT0,M10.5.0,M3.5.0/1"},
        {"Asia/Kolkata", "IST-5:30"},
    };
    const auto rule = kRules.find(name);
    if (rule == kRules.end())
      return Error{ErrorCode::kNotFound, "there is no time zone \"" + std::string(name) + "\"",
                   "did you mean Europe/Berlin?"};
    return Zone::Parse(std::string(name), TzifOf(rule->second));
  }
};

inline std::shared_ptr<const Zone> ZoneNamed(std::string_view name) {
  return *ZonesByRule().Find(name);
}

inline Instant At(std::string_view text) {
  return *ParseInstant(text);
}

}  // namespace pipelined::testing
