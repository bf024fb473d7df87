// The one table of what a channel may say. Read, checked and shown like the settings themselves.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/setting_table.h"

namespace pipelined::config {

struct ChannelSetting {
  std::string_view key;
  Type type;
  std::string_view default_text;
  std::string_view meaning;
  std::string_view of;  // types of channels that have it, with blanks between; empty: all
  std::int64_t least, most;
  std::string_view choices;
  bool by_reference;  // a secret: never written out, but ${env:NAME}, ${file:PATH} or {command: …}
  Slot (*slot)(ChannelSettings&);

  bool IsOf(std::string_view channel_type) const;
  Setting AsSetting() const;  // for StoreIn() and ShowIn(), which take the slot apart
};

std::span<const ChannelSetting> ChannelTable();
const ChannelSetting* FindChannelSetting(std::string_view key);

struct ChannelFault {
  std::string_view key;
  std::string what;
  std::string value = {};  // that is wrong, when there is one to name: it "is `what`"

  // A value that came from elsewhere may be a secret, and is not `shown`.
  std::string Text(bool shown) const;
};
// Why the channel cannot work as it is said. What depends on the keys in `unknown` is not asked.
std::vector<ChannelFault> ChannelFaults(const ChannelSettings& channel, const std::set<std::string_view>& unknown);

// The part of config/pipelined.yaml about them.
std::string ChannelReference();

}  // namespace pipelined::config
