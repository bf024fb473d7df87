#include "worker/curl_loop.h"

#include <sys/epoll.h>

#include <utility>

namespace pipelined::worker {
namespace {

constexpr long kMostIdle = 128;  // connections that are kept open

}  // namespace

CurlLoop::CurlLoop(Loop& loop) : loop_(loop), multi_(curl_multi_init()) {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, OnSocket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, OnTimer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kMostIdle);
}

CurlLoop::~CurlLoop() {
  for (const auto& [easy, done] : transfers_) curl_multi_remove_handle(multi_, easy);
  curl_multi_cleanup(multi_);
}

void CurlLoop::Add(CURL* easy, std::function<void(CURLcode)> done) {
  transfers_[easy] = std::move(done);
  curl_multi_add_handle(multi_, easy);  // asks for its timer, which begins it
}

void CurlLoop::Remove(CURL* easy) {
  if (transfers_.erase(easy) != 0) curl_multi_remove_handle(multi_, easy);
}

int CurlLoop::OnSocket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
  auto* const loop = static_cast<CurlLoop*>(self);
  if (what == CURL_POLL_REMOVE) {
    loop->loop_.Forget(socket);
    return 0;
  }
  const std::uint32_t events =
      ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0u) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0u);
  if (known != nullptr) {
    loop->loop_.Change(socket, events);
    return 0;
  }
  curl_multi_assign(loop->multi_, socket, loop);
  loop->loop_.Watch(socket, events, [loop, socket](std::uint32_t ready) {
    const int action = ((ready & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                       ((ready & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                       ((ready & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
    loop->Act(socket, action);
  });
  return 0;
}

// It must not act from here: curl is in the middle of something.
int CurlLoop::OnTimer(CURLM*, long delay_ms, void* self) {
  auto* const loop = static_cast<CurlLoop*>(self);
  if (loop->timer_ != 0) loop->loop_.Cancel(loop->timer_);
  loop->timer_ = 0;
  if (delay_ms < 0) return 0;
  loop->timer_ = loop->loop_.After(Millis(delay_ms), [loop] {
    loop->timer_ = 0;
    loop->Act(CURL_SOCKET_TIMEOUT, 0);
  });
  return 0;
}

void CurlLoop::Act(curl_socket_t socket, int events) {
  int running = 0;
  curl_multi_socket_action(multi_, socket, events, &running);
  TakeEnded();
}

void CurlLoop::TakeEnded() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;
    const auto found = transfers_.find(easy);
    curl_multi_remove_handle(multi_, easy);
    if (found == transfers_.end()) continue;
    const auto done = std::move(found->second);
    transfers_.erase(found);
    done(code);
  }
}

}  // namespace pipelined::worker
