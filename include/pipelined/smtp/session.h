// One mail through libcurl, in a thread that may wait. The door to libcurl for SMTP: libcurl itself waits, blocking,
// for the answer to the mail and for the one to QUIT; here the first wait can be ended, and the second never happens.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace pipelined::smtp {

struct Delivery {
  CURLcode code = CURLE_OK;
  long answer = 0;  // the last one before that to QUIT; 0: there was none
  bool is_accepted = false;
  bool is_in_doubt = false;  // all of it may have been sent, and no answer is known. Neither: it was not accepted.
  std::string why;           // libcurl's words; empty when it has none
  std::string said;  // the server's when it refused: "550 5.1.1 no such user", with what was refused; else empty
};

// libcurl must have been started (curl_global_init).
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // For the mail and the server; null: no memory. Protocols, callbacks of sockets and progress, and what becomes of the
  // connection are the session's.
  CURL* curl() { return easy_.get(); }

  // Sends it, once, and closes the connection. A curl_mime of the handle is freed before this session.
  Delivery Perform();

  // From any thread, and for good: what blocks ends at once. A mail that is not yet whole is never ended, so that no
  // server takes what was cut off.
  void CutOff();

 private:
  struct EasyFree {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  static curl_socket_t OnOpen(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int OnClose(void* self, curl_socket_t socket);
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t size, curl_off_t sent);
  static int OnTalk(CURL* easy, curl_infotype kind, char* text, std::size_t size, void* self);
  void ShutDown(int how);
  void Hear(std::string_view line);

  std::mutex mutex_;
  std::vector<curl_socket_t>
      sockets_;  // guarded by mutex_: closed under it too, so that no other file is ever shut down
  std::atomic<bool> is_cut_{false};
  bool may_be_whole_ = false;  // what follows is the final dot
  char why_[CURL_ERROR_SIZE] = "";
  std::string asked_, said_;  // the last command, and its refusal
  std::unique_ptr<CURL, EasyFree> easy_;  // last: it closes its sockets when it goes
};

}  // namespace pipelined::smtp
