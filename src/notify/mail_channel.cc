#include "notify/mail_channel.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "notify/channel_secrets.h"
#include "notify/mail_text.h"
#include "pipelined/base/mail_address.h"
#include "pipelined/smtp/session.h"

namespace pipelined::notify {
namespace {

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Upload {
  std::string text;
  std::size_t sent = 0;
};

std::size_t Read(char* into, std::size_t size, std::size_t count, void* from) {
  auto& upload = *static_cast<Upload*>(from);
  const std::size_t length = std::min(size * count, upload.text.size() - upload.sent);
  std::memcpy(into, upload.text.data() + upload.sent, length);
  upload.sent += length;
  return length;
}

std::size_t Drop(char*, std::size_t size, std::size_t count, void*) {
  return size * count;
}

void StartCurl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(started);
}

// What the server's last answer means; without one it was not reached.
Outcome OutcomeOf(const smtp::Delivery& delivery) {
  const long status = delivery.answer;
  const std::string& why = delivery.why;
  if (delivery.is_accepted) return {Verdict::kTaken, static_cast<int>(status)};
  Outcome outcome{Verdict::kLater, std::nullopt, curl_easy_strerror(delivery.code)};
  if (status > 0) outcome.status = static_cast<int>(status);
  if (status >= 400) outcome.error = fmt::format("SMTP {}: {}", status, why.empty() ? outcome.error : why);
  if (status == 0 && !why.empty()) outcome.error = why;
  if (delivery.is_in_doubt) outcome.error = fmt::format("it may have been taken: no answer came to the mail ({})", why);
  if (status >= 500) outcome.verdict = Verdict::kRefused;
  if (delivery.code == CURLE_USE_SSL_FAILED && (status < 400 || status >= 500)) {  // 454: not now
    outcome.verdict = Verdict::kRefused;
    outcome.error = "the server offers no STARTTLS (tls: required)";
  }
  return outcome;
}

}  // namespace

MailChannel::MailChannel(const ChannelSettings& settings, const Clock& clock) : settings_(settings), clock_(clock) {
  StartCurl();
}

Outcome MailChannel::Send(const Message& message) {
  const std::vector<std::string>& to = message.to.empty() ? settings_.to : message.to;
  if (to.empty())
    return {Verdict::kRefused, std::nullopt, "nobody to send it to: neither the DAG file nor the channel has `to`"};
  for (const std::string& address : to) {
    if (!IsMailAddress(address)) return {Verdict::kRefused, std::nullopt, "a recipient is no mail address"};
  }
  smtp::Session session;
  CURL* const curl = session.curl();
  if (curl == nullptr) return {Verdict::kLater, std::nullopt, "no memory for a connection"};
  Upload upload{MailText({settings_.from, to, message.subject, message.text, message.id, clock_.Now()}), 0};
  std::unique_ptr<curl_slist, FreeList> recipients;
  for (const std::string& address : to) {
    curl_slist* longer = curl_slist_append(recipients.get(), fmt::format("<{}>", address).c_str());
    recipients.release();
    recipients.reset(longer);
  }
  curl_easy_setopt(curl, CURLOPT_URL, settings_.url.c_str());
  curl_easy_setopt(curl, CURLOPT_USE_SSL,
                   static_cast<long>(settings_.tls == "none" ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  if (!settings_.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, settings_.ca_file.c_str());
  if (!settings_.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, settings_.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, settings_.password.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_MAIL_FROM, fmt::format("<{}>", settings_.from).c_str());
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, Read);
  curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
  curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(upload.text.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Drop);
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(std::chrono::duration_cast<Millis>(settings_.timeout).count()));
  Outcome outcome = OutcomeOf(session.Perform());
  outcome.error = SecretsOf(settings_).Apply(std::move(outcome.error));
  return outcome;
}

}  // namespace pipelined::notify
