// A mail, sent by SMTP through libcurl.
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <ctime>

#include "pipelined/base/clock.h"
#include "pipelined/base/hash.h"
#include "pipelined/schema/json.h"
#include "worker/curl_loop.h"
#include "worker/job.h"
#include "worker/mail_text.h"

namespace pipelined::worker {
namespace {

constexpr long kConnectTimeoutMs = 30'000;
constexpr std::int64_t kMostAttached = 64 << 20;
constexpr std::int64_t kImplicitTlsPort = 465;

struct MimeFree {
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};

// How to reach the server: TLS is needed unless the connection says otherwise.
struct Server {
  std::string url, host, username, password, ca_file;
  bool starttls = true, verify = true;
};

Result<Server> ServerOf(const Value& connection) {
  const std::string type = TextIn(connection, "conn_type"), host = TextIn(connection, "host");
  if (type != "smtp" && type != "email")
    return Error{ErrorCode::kInvalid, fmt::format("the connection is of type \"{}\", not smtp", type), ""};
  const bool plain = !host.empty() && host.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789.-_:[]") == std::string::npos;
  if (!plain) return Error{ErrorCode::kInvalid, "the connection has no host, or one that cannot be", ""};
  const auto read = ParseJson(TextIn(connection, "extra"));
  const Value extra = read && read->is_map() ? *read : Value();
  Server server;
  const std::int64_t port = NumberIn(connection, "port", FlagIn(extra, "ssl", false) ? kImplicitTlsPort : 587);
  const bool implicit = FlagIn(extra, "ssl", port == kImplicitTlsPort);
  server.host = host;
  server.url = fmt::format("{}://{}:{}", implicit ? "smtps" : "smtp", host, port);
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

class MailJob final : public Job {
 public:
  MailJob(Mail mail, Server server, const Tools& tools, AttemptLog& log, JobDone done)
      : mail_(std::move(mail)),
        server_(std::move(server)),
        curl_(tools.curl),
        loop_(tools.loop),
        log_(log),
        done_(std::move(done)) {}

  ~MailJob() override { curl_.Remove(easy_.get()); }

  Status Begin() {
    easy_.reset(curl_easy_init());
    if (!easy_) return Error{ErrorCode::kUnavailable, "libcurl has no memory", ""};
    SetServer();
    SetEnvelope();
    SetHeaders();
    if (const Status made = SetParts(); !made) return made;
    log_.Line(fmt::format("mail to {} recipients by {}", Recipients(), server_.url));
    for (const auto* list : {&mail_.to, &mail_.cc, &mail_.bcc}) {
      for (const Address& address : *list) log_.Line("  " + address.address);
    }
    curl_.Add(easy_.get(), [this](CURLcode code) { OnEnd(code); });
    return Ok();
  }

  void Stop() override {
    if (ended_) return;
    ended_ = true;
    curl_.Remove(easy_.get());
    loop_.Post([done = done_] {
      JobEnd end = JobEnd::Failed("sending was given up");
      end.was_stopped = true;
      done(std::move(end));
    });
  }

 private:
  template <class T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }
  std::size_t Recipients() const { return mail_.to.size() + mail_.cc.size() + mail_.bcc.size(); }

  void SetServer() {
    Set(CURLOPT_URL, server_.url.c_str());
    Set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_ERRORBUFFER, error_.data());
    Set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    Set(CURLOPT_FRESH_CONNECT, 1L);  // a mail is never sent again by curl itself
    Set(CURLOPT_USE_SSL, static_cast<long>(server_.starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    Set(CURLOPT_SSL_VERIFYPEER, server_.verify ? 1L : 0L);
    Set(CURLOPT_SSL_VERIFYHOST, server_.verify ? 2L : 0L);
    Set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
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
    curl_mime* both = curl_mime_init(easy_.get());
    AddText(both, mail_.text, kPlain);
    AddText(both, mail_.html, kHtml);
    curl_mimepart* part = curl_mime_addpart(to);
    curl_mime_subparts(part, both);
    curl_mime_type(part, "multipart/alternative");
  }

  Status SetParts() {
    mime_.reset(curl_mime_init(easy_.get()));
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

  void OnEnd(CURLcode code) {
    ended_ = true;
    JobEnd end;
    long answer = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &answer);
    if (code == CURLE_OK) {
      log_.Line(fmt::format("accepted with {}", answer));
      end.outcome = AttemptOutcome::kSucceeded;
      end.outputs = Value(Value::Map{{"recipients", static_cast<std::int64_t>(Recipients())}});
    } else {
      const std::string_view details(error_.data());
      end = JobEnd::Failed(std::string(details.empty() ? curl_easy_strerror(code) : details));
      if (answer >= 400 && end.message.find(std::to_string(answer)) == std::string::npos)
        end.message += fmt::format(" (the server answered {})", answer);
      end.is_final = answer >= 500 && answer < 600;
    }
    done_(std::move(end));
  }

  Mail mail_;
  Server server_;
  CurlLoop& curl_;
  Loop& loop_;
  AttemptLog& log_;
  JobDone done_;
  Easy easy_;
  std::unique_ptr<curl_mime, MimeFree> mime_;
  CurlList recipients_, headers_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<Job>> BeginMail(const Value& spec, const Tools& tools, AttemptLog& log, JobDone done) {
  const Value* connection = spec.Find("connection");
  auto server = ServerOf(connection == nullptr ? Value() : *connection);
  if (!server) return server.error();
  auto mail = ReadMail(spec);
  if (!mail) return mail.error();
  auto job = std::make_unique<MailJob>(std::move(*mail), std::move(*server), tools, log, std::move(done));
  if (const Status begun = job->Begin(); !begun) return begun.error();
  return std::unique_ptr<Job>(std::move(job));
}

}  // namespace pipelined::worker
