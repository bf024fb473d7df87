// A mail, sent by SMTP through libcurl, on a thread of its own.
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <ctime>

#include "pipelined/base/clock.h"
#include "pipelined/base/hash.h"
#include "pipelined/schema/json.h"
#include "pipelined/smtp/session.h"
#include "worker/curl_loop.h"
#include "worker/job.h"
#include "worker/mail_text.h"
#include "worker/thread_job.h"

namespace pipelined::worker {
namespace {

constexpr const char* kInDoubt = "the mail was sent and no answer came: whether it was accepted cannot be known";
constexpr long kConnectTimeoutMs = 30'000;  // until it is logged in
constexpr long kAnswerTimeout = 600;        // seconds; RFC 5321 wants as much for the answer to a mail
constexpr std::int64_t kMostAttached = 64 << 20;
constexpr std::int64_t kImplicitTlsPort = 465;

struct MimeFree {
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};

// How to reach the server: TLS is needed unless the connection says otherwise.
struct SmtpServer {
  std::string url, host, username, password, ca_file;
  bool starttls = true, verify = true;
};

Result<SmtpServer> ServerOf(const Value& connection) {
  const std::string type = TextIn(connection, "conn_type");
  const std::optional<std::string> host = UrlHost(TextIn(connection, "host"));
  if (type != "smtp" && type != "email")
    return Error{ErrorCode::kInvalid, fmt::format("the connection is of type \"{}\", not smtp", type), ""};
  if (!host) return Error{ErrorCode::kInvalid, "the connection has no host, or one that cannot be", ""};
  const auto read = ParseJson(TextIn(connection, "extra"));
  const Value extra = read && read->is_map() ? *read : Value();
  SmtpServer server;
  const std::int64_t port = NumberIn(connection, "port", FlagIn(extra, "ssl", false) ? kImplicitTlsPort : 587);
  const bool implicit = FlagIn(extra, "ssl", port == kImplicitTlsPort);
  server.host = *host;
  server.url = fmt::format("{}://{}:{}", implicit ? "smtps" : "smtp", *host, port);
  server.starttls = !implicit && !FlagIn(extra, "disable_tls", false);
  server.verify = FlagIn(extra, "verify", true);
  server.ca_file = TextIn(extra, "ca_file");
  server.username = TextIn(connection, "login");
  server.password = TextIn(connection, "password");
  return server;
}

std::string DateHeader() {
  const std::time_t now = std::chrono::duration_cast<Seconds>(SystemClock().Now().time_since_epoch()).count();
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S +0000", &utc);
  return text.data();
}

std::string Joined(const std::vector<Address>& addresses) {
  std::string text;
  for (const Address& address : addresses) text += (text.empty() ? "" : ",\r\n ") + FormatAddress(address);
  return text;
}

// Made in the loop's thread, sent in another.
class Sending {
 public:
  Sending(Mail mail, SmtpServer server, AttemptLog& log)
      : mail_(std::move(mail)), server_(std::move(server)), log_(log) {}

  Status Prepare() {
    if (session_.curl() == nullptr) return Error{ErrorCode::kUnavailable, "libcurl has no memory", ""};
    SetServer();
    SetEnvelope();
    SetHeaders();
    return SetParts();
  }

  JobEnd Run() {
    log_.Line(fmt::format("mail to {} recipients by {}", Recipients(), server_.url));
    for (const auto* list : {&mail_.to, &mail_.cc, &mail_.bcc}) {
      for (const Address& address : *list) log_.Line("  " + address.address);
    }
    JobEnd end = EndOf(session_.Perform());
    end.was_stopped = end.outcome != AttemptOutcome::kSucceeded && stop_.raised();
    return end;
  }

  // What blocks in Run() ends at once. From another thread than it.
  void CutOff() { session_.CutOff(); }
  StopFlag& stop() { return stop_; }

 private:
  template <class T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(session_.curl(), option, value);
  }
  std::size_t Recipients() const { return mail_.to.size() + mail_.cc.size() + mail_.bcc.size(); }

  void SetServer() {
    Set(CURLOPT_URL, server_.url.c_str());
    Set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    Set(CURLOPT_SERVER_RESPONSE_TIMEOUT, kAnswerTimeout);
    Set(CURLOPT_LOW_SPEED_LIMIT, 1L);  // a server that stops reading is waited for as long
    Set(CURLOPT_LOW_SPEED_TIME, kAnswerTimeout);
    Set(CURLOPT_USE_SSL, static_cast<long>(server_.starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    Set(CURLOPT_SSL_VERIFYPEER, server_.verify ? 1L : 0L);
    Set(CURLOPT_SSL_VERIFYHOST, server_.verify ? 2L : 0L);
    if (!server_.ca_file.empty()) Set(CURLOPT_CAINFO, server_.ca_file.c_str());
    if (server_.username.empty()) return;
    Set(CURLOPT_USERNAME, server_.username.c_str());
    Set(CURLOPT_PASSWORD, server_.password.c_str());
  }

  void SetEnvelope() {
    Set(CURLOPT_MAIL_FROM, ("<" + mail_.from.address + ">").c_str());
    curl_slist* recipients = nullptr;
    for (const auto* list : {&mail_.to, &mail_.cc, &mail_.bcc}) {
      for (const Address& address : *list)
        recipients = curl_slist_append(recipients, ("<" + address.address + ">").c_str());
    }
    recipients_.reset(recipients);
    Set(CURLOPT_MAIL_RCPT, recipients);
  }

  void SetHeaders() {
    curl_slist* headers = nullptr;
    const auto add = [&](const std::string& line) { headers = curl_slist_append(headers, line.c_str()); };
    const std::string domain = mail_.from.address.substr(mail_.from.address.find('@') + 1);
    const std::string unique = fmt::format("{}{}{}", SystemClock().Now().time_since_epoch().count(),
                                           reinterpret_cast<std::uintptr_t>(this), mail_.to.front().address);
    add(DateHeader());
    add(fmt::format("Message-ID: <{}@{}>", Sha256Hex(unique).substr(0, 32), domain));
    add("From: " + FormatAddress(mail_.from));
    if (!mail_.reply_to.address.empty()) add("Reply-To: " + FormatAddress(mail_.reply_to));
    add("To: " + Joined(mail_.to));
    if (!mail_.cc.empty()) add("Cc: " + Joined(mail_.cc));
    add("Subject: " + mail_.subject);
    add("Auto-Submitted: auto-generated");
    headers_.reset(headers);
    Set(CURLOPT_HTTPHEADER, headers);
  }

  static void AddText(curl_mime* to, const std::string& text, const char* type) {
    curl_mimepart* part = curl_mime_addpart(to);
    curl_mime_data(part, text.data(), text.size());
    curl_mime_type(part, type);
    curl_mime_encoder(part, "base64");
  }

  void AddBody(curl_mime* to) {
    static constexpr char kPlain[] = "text/plain; charset=utf-8", kHtml[] = "text/html; charset=utf-8";
    if (mail_.html.empty()) return AddText(to, mail_.text, kPlain);
    if (mail_.text.empty()) return AddText(to, mail_.html, kHtml);
    curl_mime* both = curl_mime_init(session_.curl());
    AddText(both, mail_.text, kPlain);
    AddText(both, mail_.html, kHtml);
    curl_mimepart* part = curl_mime_addpart(to);
    curl_mime_subparts(part, both);
    curl_mime_type(part, "multipart/alternative");
  }

  Status SetParts() {
    mime_.reset(curl_mime_init(session_.curl()));
    AddBody(mime_.get());
    std::int64_t attached = 0;
    for (const Attachment& file : mail_.attachments) {
      struct stat info {};
      if (stat(file.path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
        return Error{ErrorCode::kInvalid, fmt::format("attachments: {} is no file that can be read", file.path), ""};
      attached += info.st_size;
      if (attached > kMostAttached)
        return Error{ErrorCode::kInvalid, fmt::format("attachments have more than {} bytes", kMostAttached), ""};
      curl_mimepart* part = curl_mime_addpart(mime_.get());
      if (curl_mime_filedata(part, file.path.c_str()) != CURLE_OK)
        return Error{ErrorCode::kInvalid, fmt::format("attachments: {} cannot be read", file.path), ""};
      const auto name = EncodeHeader(file.name);
      curl_mime_filename(part, name ? name->c_str() : "file");
      curl_mime_encoder(part, "base64");
    }
    Set(CURLOPT_MIMEPOST, mime_.get());
    return Ok();
  }

  JobEnd EndOf(const smtp::Delivery& delivery) {
    JobEnd end;
    if (delivery.is_accepted) {
      log_.Line(fmt::format("accepted with {}", delivery.answer));
      end.outcome = AttemptOutcome::kSucceeded;
      end.outputs = Value(Value::Map{{"recipients", static_cast<std::int64_t>(Recipients())}});
      return end;
    }
    const long answer = delivery.answer;
    end = JobEnd::Failed(delivery.why.empty() ? curl_easy_strerror(delivery.code) : delivery.why);
    if (!delivery.said.empty()) {
      end.message += ": the server said " + delivery.said;
    } else if (answer >= 400 && end.message.find(std::to_string(answer)) == std::string::npos) {
      end.message += fmt::format(" (the server answered {})", answer);
    }
    end.is_final = answer >= 500 && answer < 600;
    if (!delivery.is_in_doubt) return end;
    end.outcome = AttemptOutcome::kLost;
    end.message = stop_.raised() ? kInDoubt : fmt::format("{}: {}", kInDoubt, end.message);
    return end;
  }

  Mail mail_;
  SmtpServer server_;
  AttemptLog& log_;
  StopFlag stop_;
  CurlList recipients_, headers_;  // the session's, which goes before them
  smtp::Session session_;
  std::unique_ptr<curl_mime, MimeFree> mime_;  // goes before the session
};

class MailJob final : public Job {
 public:
  MailJob(std::shared_ptr<Sending> sending, const Tools& tools, JobDone done) : sending_(std::move(sending)) {
    const std::shared_ptr<StopFlag> stop(sending_, &sending_->stop());
    thread_ = RunOnThread(
        tools.loop, tools.mail_threads, stop, [sending = sending_] { return sending->Run(); }, std::move(done));
  }

  void Stop() override {
    thread_->Stop();
    sending_->CutOff();
  }

 private:
  const std::shared_ptr<Sending> sending_;
  std::unique_ptr<Job> thread_;
};

}  // namespace

Result<std::unique_ptr<Job>> BeginMail(const Value& spec, const Tools& tools, AttemptLog& log, JobDone done) {
  const Value* connection = spec.Find("connection");
  auto server = ServerOf(connection == nullptr ? Value() : *connection);
  if (!server) return server.error();
  auto mail = ReadMail(spec);
  if (!mail) return mail.error();
  auto sending = std::make_shared<Sending>(std::move(*mail), std::move(*server), log);
  if (const Status prepared = sending->Prepare(); !prepared) return prepared.error();
  return std::unique_ptr<Job>(std::make_unique<MailJob>(std::move(sending), tools, std::move(done)));
}

}  // namespace pipelined::worker
