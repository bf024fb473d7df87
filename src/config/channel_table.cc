#include "config/channel_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "pipelined/base/mail_address.h"

namespace pipelined::config {
namespace {

#define OF_HTTP "webhook slack alertmanager"
constexpr std::string_view kTypes = "webhook|slack|alertmanager|mail|command";
constexpr std::int64_t kMostTries = 100;

const ChannelSetting kTable[] = {
    {"type", Type::kChoice, "", "How it is reached.", "", 0, 0, kTypes, false,
     [](ChannelSettings& c) -> Slot { return &c.type; }},
    {"url",
     Type::kHidden,
     "",
     "Where it is: https://hooks.example.com/x; of a mail channel smtp://HOST:PORT, or smtps:// for TLS from the "
     "first byte;\nof Alertmanager without /api/v2. It is shown without its path.",
     OF_HTTP " mail",
     0,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.url; }},
    {"secret",
     Type::kHidden,
     "",
     "What requests are signed with. Empty: they are not signed.",
     "webhook",
     0,
     0,
     {},
     true,
     [](ChannelSettings& c) -> Slot { return &c.secret; }},
    {"token",
     Type::kHidden,
     "",
     "Sent as Authorization: Bearer.",
     OF_HTTP,
     0,
     0,
     {},
     true,
     [](ChannelSettings& c) -> Slot { return &c.token; }},
    {"ca_file",
     Type::kText,
     "",
     "Who may vouch for the server beside whom the system trusts, as a PEM file. A relative path starts at the home.",
     OF_HTTP " mail",
     0,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.ca_file; }},
    {"labels",
     Type::kText,
     "",
     "Labels of every alert, as \"severity=critical team=data\".",
     "alertmanager",
     0,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.labels; }},
    {"alert_for",
     Type::kDuration,
     "24h",
     "An alert ends when a later run succeeds, or after this time.",
     "alertmanager",
     60'000,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.alert_for; }},
    {"from",
     Type::kText,
     "",
     "The sender's address.",
     "mail",
     0,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.from; }},
    {"to",
     Type::kWords,
     "",
     "Addresses of recipients; a DAG file may name others.",
     "mail",
     0,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.to; }},
    {"user",
     Type::kText,
     "",
     "Who logs in. Empty: nobody does.",
     "mail",
     0,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.user; }},
    {"password",
     Type::kHidden,
     "",
     "What for.",
     "mail",
     0,
     0,
     {},
     true,
     [](ChannelSettings& c) -> Slot { return &c.password; }},
    {"tls", Type::kChoice, "required", "Whether smtp:// must go on with STARTTLS; none: nothing is encrypted.", "mail",
     0, 0, "required|none", false, [](ChannelSettings& c) -> Slot { return &c.tls; }},
    {"command",
     Type::kWords,
     "",
     "A program and its arguments, run without a shell; what it is about is in variables PIPELINED_NOTIFICATION_*.",
     "command",
     0,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.command; }},
    {"timeout",
     Type::kDuration,
     "10s",
     "How long one try may take.",
     "",
     100,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.timeout; }},
    {"max_tries",
     Type::kInteger,
     "12",
     "After so many the message has failed; it may be sent again by hand.",
     "",
     1,
     kMostTries,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.max_tries; }},
    {"retry_delay",
     Type::kDuration,
     "10s",
     "The wait after the first try; it doubles with each further one.",
     "",
     10,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.retry_delay; }},
    {"max_retry_delay",
     Type::kDuration,
     "1h",
     "The longest wait between two tries.",
     "",
     10,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.max_retry_delay; }},
    {"rate",
     Type::kInteger,
     "60",
     "So many tries in `rate_window`; further ones wait. 0: any number.",
     "",
     0,
     1'000'000,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.rate; }},
    {"rate_window",
     Type::kDuration,
     "1m",
     "See `rate`.",
     "",
     100,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.rate_window; }},
    {"dedupe_window",
     Type::kDuration,
     "5m",
     "Of messages with the same dedupe_key within this time one is sent; the others are suppressed. 0s: all are sent.",
     "",
     0,
     0,
     {},
     false,
     [](ChannelSettings& c) -> Slot { return &c.dedupe_window; }},
};

// Alertmanager refuses alerts with other names; ours say which alert it is. Nothing is wrong: it says nothing.
ChannelFault LabelsFault(const std::string& labels) {
  std::string blanks = labels;
  std::replace(blanks.begin(), blanks.end(), ',', ' ');
  std::istringstream words(blanks);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const bool known = name == "alertname" || name == "dag_id" || name == "task_id" || name == "map_index";
    const bool good = equals != word.npos && !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
                      std::all_of(name.begin(), name.end(),
                                  [](unsigned char c) { return c == '_' || (c < 128 && std::isalnum(c) != 0); });
    if (known) return {"labels", fmt::format("{} is said by pipelined itself", name)};
    if (!good) return {"labels", "none: write them as severity=critical team=data", word};
  }
  return {};
}

std::string CommandFault(const ChannelSettings& channel) {
  const bool is_path = !channel.command.empty() && channel.command.front().starts_with('/');
  return is_path ? "" : "the path of a program is wanted, as [/usr/local/bin/page]";
}

std::string UrlFault(const ChannelSettings& channel) {
  const bool mail = channel.type == "mail";
  const bool known = mail ? channel.url.starts_with("smtp://") || channel.url.starts_with("smtps://")
                          : channel.url.starts_with("http://") || channel.url.starts_with("https://");
  if (!known)
    return fmt::format("{} is wanted", mail ? "smtp://HOST:PORT or smtps://HOST:PORT" : "http:// or https://");
  const std::string_view server = std::string_view(channel.url).substr(channel.url.find("://") + 3);
  if (server.substr(0, server.find_first_of("/?#")).find('@') != server.npos)
    return fmt::format("who logs in is said by {}, not there", mail ? "user and password" : "token");
  for (const unsigned char c : channel.url) {
    if (c <= ' ' || c == 127) return "there is a blank or a control character in it";
  }
  return {};
}

}  // namespace

bool ChannelSetting::IsOf(std::string_view channel_type) const {
  return of.empty() || fmt::format(" {} ", of).find(fmt::format(" {} ", channel_type)) != std::string::npos;
}

Setting ChannelSetting::AsSetting() const {
  return {"alerts", key, type, default_text, meaning, least, most, choices, nullptr};
}

std::span<const ChannelSetting> ChannelTable() {
  return kTable;
}

const ChannelSetting* FindChannelSetting(std::string_view key) {
  for (const ChannelSetting& setting : kTable) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

std::string ChannelFault::Text(bool shown) const {
  if (value.empty()) return what;
  return shown ? fmt::format("\"{}\" is {}", value, what) : fmt::format("what it refers to is {}", what);
}

std::vector<ChannelFault> ChannelFaults(const ChannelSettings& channel, const std::set<std::string_view>& unknown) {
  std::vector<ChannelFault> faults;
  const auto look = [&](std::string_view key, std::string what, std::string value = {}) {
    if (!what.empty() && !unknown.contains(key)) faults.push_back({key, std::move(what), std::move(value)});
  };
  if (channel.type.empty())
    look("type", "it is not said: webhook, slack, alertmanager, mail or command");
  else if (channel.type == "command")
    look("command", CommandFault(channel));
  else
    look("url", UrlFault(channel));
  if (channel.type == "alertmanager") {
    ChannelFault fault = LabelsFault(channel.labels);
    look("labels", std::move(fault.what), std::move(fault.value));
  }
  if (channel.type != "mail") return faults;
  if (!IsMailAddress(channel.from)) look("from", "a mail address is wanted, as pipelined@example.com");
  for (const std::string& address : channel.to) {
    if (!IsMailAddress(address)) look("to", "no mail address", address);
  }
  if (!channel.user.empty() && channel.password.empty()) look("password", "it is empty, but there is a user");
  return faults;
}

std::string ChannelReference() {
  std::string out =
      "\nalerts:\n"
      "  # Channels that notifications go to, each under the name that DAG files call it by: on_failure: ops. Secrets\n"
      "  # (secret, token, password) are never written here, but as ${env:NAME}, ${file:PATH} or {command: PROGRAM}.\n"
      "  #\n"
      "  #   channels:\n"
      "  #     ops:\n"
      "  #       type: webhook\n"
      "  #       url: https://hooks.example.com/pipelined\n"
      "  #       secret: ${file:secrets/ops-hook}\n"
      "  #\n"
      "  # Every key of a channel, with its default:\n";
  for (const ChannelSetting& setting : kTable) {
    std::string types(setting.of.empty() ? "all" : setting.of);
    std::replace(types.begin(), types.end(), ' ', '/');
    out += fmt::format("  #\n  #   {}: {}  ({})\n", setting.key,
                       setting.default_text.empty() ? "\"\"" : setting.default_text, types);
    std::string line = "  #     ";
    for (const char c : setting.meaning) line += c == '\n' ? std::string("\n  #     ") : std::string(1, c);
    out += line + "\n";
    if (!setting.choices.empty()) {
      std::string words;
      for (const char c : setting.choices) words += c == '|' ? std::string(", ") : std::string(1, c);
      out += fmt::format("  #     One of {}.\n", words);
    }
  }
  return out;
}

}  // namespace pipelined::config
