// Channels on their way in: values from files, variables and the command line, the last one of each key wins.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/channel_table.h"
#include "config/substitution.h"

namespace pipelined::config {

class ChannelLoader {
 public:
  using Given = ChannelValue;

  // `problems` gets what is wrong; both must outlive this. `resolves`: SettingsSources::with_channels.
  ChannelLoader(const Variables& variables, bool resolves, std::vector<std::string>& problems)
      : variables_(variables), resolves_(resolves), problems_(problems) {}

  // `given` has no key yet.
  void Take(const std::string& channel, const std::string& key, Given given);
  // "channels.ops.url". False: it is no name of that form.
  bool TakeFlat(std::string_view name, Given given);
  // "channels__ops__url", in lower case as all variables are.
  bool TakeVariable(std::string_view name, Given given);

  // When everything was taken: channels are looked at as a whole.
  void Finish();
  void MoveInto(LoadedSettings& loaded);

 private:
  struct Channel {
    ChannelSettings settings;
    std::map<std::string_view, std::string> origins;  // of keys that were given
    std::set<std::string_view> unknown = {};          // keys whose value is wrong or was not looked up
    std::set<std::string_view> referring = {};        // keys whose value was looked up
  };
  Channel& Of(const std::string& name);
  void Put(Channel& channel, const Given& given);
  void LookAt(const std::string& name, const Channel& channel);

  const Variables& variables_;
  const bool resolves_;
  std::vector<std::string>& problems_;
  std::map<std::string, Channel> channels_;
};

}  // namespace pipelined::config
