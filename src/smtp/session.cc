#include "pipelined/smtp/session.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace pipelined::smtp {
namespace {

constexpr long kGoOn = 354;  // the answer to DATA

// What ends a mail before it is whole. Any other failure may come from the wait for the answer.
bool EndsInTheMiddle(CURLcode code) {
  return code == CURLE_SEND_ERROR || code == CURLE_READ_ERROR || code == CURLE_ABORTED_BY_CALLBACK ||
         code == CURLE_OPERATION_TIMEDOUT;
}

}  // namespace

Session::Session() : easy_(curl_easy_init()) {
  CURL* const curl = easy_.get();
  if (curl == nullptr) return;
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);     // nobody waits for a name that is looked up in vain
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);  // a mail is never sent again by curl itself
  // Closed in Perform(), where the callbacks below still count; curl_easy_cleanup() would wait for QUIT without them.
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why_);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, OnOpen);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, OnClose);
  curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, this);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
  curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, OnTalk);
  curl_easy_setopt(curl, CURLOPT_DEBUGDATA, this);
}

Session::~Session() = default;

Delivery Session::Perform() {
  Delivery delivery;
  delivery.code = curl_easy_perform(easy_.get());
  ShutDown(SHUT_RDWR);  // were one still open, its end would be waited for
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &delivery.answer);
  delivery.why = why_;
  delivery.said = said_;
  // Cut off behind the answer, curl calls it aborted.
  delivery.is_accepted =
      delivery.code == CURLE_OK || (may_be_whole_ && delivery.answer >= 200 && delivery.answer < 300);
  delivery.is_in_doubt =
      !delivery.is_accepted && delivery.answer == kGoOn && (may_be_whole_ || !EndsInTheMiddle(delivery.code));
  return delivery;
}

void Session::CutOff() {
  is_cut_ = true;
  ShutDown(SHUT_RDWR);
}

void Session::ShutDown(int how) {
  const std::lock_guard lock(mutex_);
  for (const curl_socket_t socket : sockets_) shutdown(socket, how);
}

curl_socket_t Session::OnOpen(void* self, curlsocktype, curl_sockaddr* address) {
  auto* const session = static_cast<Session*>(self);
  const std::lock_guard lock(session->mutex_);
  if (session->is_cut_) return CURL_SOCKET_BAD;
  const curl_socket_t made = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (made >= 0) session->sockets_.push_back(made);
  return made;
}

int Session::OnClose(void* self, curl_socket_t socket) {
  auto* const session = static_cast<Session*>(self);
  const std::lock_guard lock(session->mutex_);
  std::erase(session->sockets_, socket);
  return close(socket);
}

// curl asks at every step, after the last part of the mail and before its final dot, and each second while it waits.
int Session::OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t size, curl_off_t sent) {
  auto* const session = static_cast<Session*>(self);
  if (session->is_cut_) return 1;
  if (sent > 0 && sent >= size) session->may_be_whole_ = true;  // of a size that is not known, at once
  return 0;
}

// With nothing left to read, nobody waits for what a server says to QUIT.
int Session::OnTalk(CURL*, curl_infotype kind, char* text, std::size_t size, void* self) {
  auto* const session = static_cast<Session*>(self);
  const std::string_view line(text, size);
  if (kind == CURLINFO_HEADER_OUT) session->asked_ = line.substr(0, line.find_last_not_of("\r\n") + 1);
  if (kind == CURLINFO_HEADER_OUT && session->asked_ == "QUIT") session->ShutDown(SHUT_RD);
  if (kind == CURLINFO_HEADER_IN && session->asked_ != "QUIT") session->Hear(line);
  return 0;
}

void Session::Hear(std::string_view line) {
  constexpr std::size_t kMostHeard = 500;
  if (!line.starts_with('4') && !line.starts_with('5')) return void(said_.clear());
  if (said_.size() > kMostHeard) return;
  said_ +=
      (said_.empty() ? "" : " ") + std::string(line.substr(0, std::min(line.find_last_not_of("\r\n") + 1, kMostHeard)));
  const bool last = line.size() < 4 || line[3] != '-';
  if (last && asked_.starts_with("RCPT TO:")) said_ += fmt::format(" (to {})", asked_.substr(8, kMostHeard));
}

}  // namespace pipelined::smtp
