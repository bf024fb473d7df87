// Takes what is due out of the outbox and sends it. A process of its own: whatever the other sides do, neither runs nor
// the scheduler know of it.
//
// One thread looks into the outbox; each channel has a thread of its own, which does nothing but send, so that one that
// hangs holds up nobody else. See docs/decisions/126-the-outbox-is-a-table-and-the-notifier-a-process.md.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/notify/channel.h"
#include "pipelined/notify/message.h"
#include "pipelined/ports/outbox.h"

namespace pipelined::notify {

struct NotifierOptions {
  std::vector<ChannelSettings> channels;
  std::string installation;
  std::function<std::string()> base_url;  // asked for each message: a server may be elsewhere after a restart
  // Looks up what a channel refers to: when the notifier begins, and as long as that fails when there are messages.
  // Called on threads that may outlive the notifier.
  std::function<Result<ChannelSettings>(const ChannelSettings&)> look_up;
  Micros patience = Seconds(5);  // a stop waits so long for what is being sent
  // Tests put channels of their own here.
  std::function<std::unique_ptr<Channel>(const ChannelSettings&, const Clock&)> make = MakeChannel;
};

class Notifier {
 public:
  // `outbox` and `clock` must outlive it.
  Notifier(NotifierOptions options, Outbox& outbox, const Clock& clock);
  ~Notifier();
  Notifier(const Notifier&) = delete;

  // Until Stop(). True: nothing is being sent any more; false: something is, and its thread may outlive this.
  bool Run();
  void Stop();  // from any thread

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pipelined::notify
