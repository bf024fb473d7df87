#include "dagfile/notify_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "dagfile/keys.h"
#include "dagfile/task_reader.h"
#include "dagfile/template_check.h"
#include "dagfile/values.h"
#include "pipelined/base/mail_address.h"
#include "pipelined/base/near_match.h"
#include "pipelined/template/template.h"

namespace pipelined::dagfile {
namespace {

constexpr std::size_t kLongestChannel = 64;
constexpr std::size_t kMostUses = 32;  // each costs a row every time
constexpr std::size_t kLongestText = 16 << 10;

void CheckNames(const Template& parsed, NodeRef value, Reporter& reporter) {
  const std::vector<std::string_view>& known = NotificationFacts();
  for (const TemplateReference& at : parsed.references()) {
    if (at.path.empty() || std::find(known.begin(), known.end(), at.path[0]) != known.end()) continue;
    const auto near = NearMatch(at.path[0], known);
    reporter.Error(
        Code::kTemplateName, PlaceInside(value, at.offset, at.line, at.column, at.length),
        fmt::format("a notification knows no {}", Quoted(at.path[0])),
        near ? fmt::format("did you mean \"{}\"?", *near) : fmt::format("it knows {}", fmt::join(known, ", ")));
  }
}

// A text of which the facts are known when there is something to tell.
void ReadTemplate(const Entry& entry, Reporter& reporter, std::string& out) {
  if (!ReadWord(entry, reporter, out)) return;
  if (out.size() > kLongestText) {
    reporter.Error(Code::kBadValue, entry.place(),
                   fmt::format("{} is longer than {} bytes", entry.name(), kLongestText));
    return;
  }
  TemplateError error;
  const auto parsed = Template::Parse(out, &error);
  if (parsed) return CheckNames(*parsed, entry.value, reporter);
  reporter.Error(Code::kTemplateSyntax, PlaceInside(entry.value, error.offset, error.line, error.column, error.length),
                 error.message, error.hint);
}

void ReadRecipients(const Entry& entry, Reporter& reporter, std::vector<std::string>& out) {
  if (!ReadTexts(entry, reporter, out)) return;
  for (const std::string& address : out) {
    if (!IsMailAddress(address))
      reporter.Error(Code::kBadValue, entry.place(), fmt::format("{} is no mail address", Quoted(address)),
                     "for example [data-team@example.com]");
  }
}

void ReadChannel(const Entry& entry, Reporter& reporter, std::string& out) {
  if (!ReadWord(entry, reporter, out) || IsId(out, kLongestChannel)) return;
  reporter.Error(Code::kBadId, entry.place(), fmt::format("{} cannot be the name of a channel", Quoted(out)),
                 "letters, digits, _, - and .; where it leads is said in the settings, alerts.channels");
}

NotifyUse ReadUse(const Entry& whole, Reporter& reporter) {
  NotifyUse use;
  if (whole.value.is_scalar()) {
    ReadChannel(whole, reporter, use.channel);
    return use;
  }
  if (!RequireMap(whole, reporter, "the name of a channel, or a mapping with channel")) return use;
  bool named = false;
  EachKey(whole.value, kNotifyKeys, "a notification", reporter, [&](Key key, const Entry& entry) {
    if (key == Key::kChannel) {
      named = true;
      ReadChannel(entry, reporter, use.channel);
    } else if (key == Key::kTo) {
      ReadRecipients(entry, reporter, use.to);
    } else {
      ReadTemplate(entry, reporter,
                   key == Key::kSubject   ? use.subject
                   : key == Key::kMessage ? use.message
                                          : use.dedupe_key);
    }
  });
  if (!named)
    reporter.Error(Code::kMissingKey, whole.place(), fmt::format("{} needs a channel", whole.name()),
                   "for example {channel: ops}");
  return use;
}

}  // namespace

std::vector<NotifyUse> ReadNotifyUses(const Entry& entry, Reporter& reporter) {
  std::vector<NotifyUse> uses;
  if (entry.value.is_null()) return uses;
  if (!entry.value.is_list()) return {ReadUse(entry, reporter)};
  for (const NodeRef item : ItemsOf(entry.value)) {
    if (uses.size() == kMostUses) {
      reporter.Error(Code::kBadValue, item.place(),
                     fmt::format("{} tells more than {} channels", entry.name(), kMostUses));
      break;
    }
    uses.push_back(ReadUse({entry.key, item}, reporter));
  }
  return uses;
}

void ReadNotifyRule(const Entry& entry, NotifyOn on, Reporter& reporter, NotifyRulesPtr& rules) {
  auto own = rules == nullptr ? std::make_shared<NotifyRules>() : std::make_shared<NotifyRules>(*rules);
  own->on[static_cast<std::size_t>(on)] = ReadNotifyUses(entry, reporter);
  if (own->empty())
    rules.reset();
  else
    rules = std::move(own);
}

}  // namespace pipelined::dagfile
