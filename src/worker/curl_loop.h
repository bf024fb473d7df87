// libcurl's multi interface in the worker's loop.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "worker/loop.h"

namespace pipelined::worker {

struct CurlFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, CurlFree>;
using CurlList = std::unique_ptr<curl_slist, CurlFree>;

class CurlLoop {
 public:
  explicit CurlLoop(Loop& loop);
  ~CurlLoop();
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;

  // `done` is called from the loop when the transfer has ended. The handle stays its owner's.
  void Add(CURL* easy, std::function<void(CURLcode)> done);
  void Remove(CURL* easy);  // gives it up, unless it has ended

 private:
  static int OnSocket(CURL* easy, curl_socket_t socket, int what, void* self, void* known);
  static int OnTimer(CURLM* multi, long delay_ms, void* self);
  void Act(curl_socket_t socket, int events);
  void TakeEnded();

  Loop& loop_;
  CURLM* multi_;
  Loop::TimerId timer_ = 0;
  std::unordered_map<CURL*, std::function<void(CURLcode)>> transfers_;
};

}  // namespace pipelined::worker
