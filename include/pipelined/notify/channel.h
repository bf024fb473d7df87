// One way to reach people, and what a try on it has come to.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/base/result.h"
#include "pipelined/base/value.h"
#include "pipelined/config/channels.h"
#include "pipelined/model/notify_rules.h"

namespace pipelined::notify {

// What is sent. Texts may hold anything: line breaks, quotes, what is no UTF-8. Each channel sees to it that nothing of
// them is taken for a header, a command or markup.
struct Message {
  std::string id;  // the same at every try; no other message has it
  NotifyOn event = NotifyOn::kFailure;
  Value facts;  // NotificationFacts()
  std::string subject, text;
  // The same for receivers that read <…> and & as markup: what the DAG file says is, values are not.
  std::string marked_subject = {}, marked_text = {};
  std::vector<std::string> to;  // of a mail; empty: the channel's
  Instant created_at{};
  std::optional<Instant> recovered_at{};  // what it is about is over
};

enum class Verdict : std::uint8_t {
  kTaken,
  kLater,    // no answer, or one that may be another one next time
  kRefused,  // will be refused again
};

struct Outcome {
  Verdict verdict = Verdict::kTaken;
  std::optional<int> status = std::nullopt;         // of HTTP or SMTP, or an exit code
  std::string error = {};                           // in words, without secrets; empty when it was taken
  std::optional<Micros> not_before = std::nullopt;  // the receiver wants to be left alone for so long
};

// Send() is called from one thread at a time. It returns within the channel's timeout and a little more, whatever the
// other side does, and never throws.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual Outcome Send(const Message& message) = 0;
};

// `clock` must outlive it.
std::unique_ptr<Channel> MakeChannel(const ChannelSettings& settings, const Clock& clock);

}  // namespace pipelined::notify
