// One HTTP request through libcurl.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "pipelined/base/secret_name.h"
#include "worker/curl_loop.h"
#include "worker/http_answer.h"
#include "worker/http_request.h"
#include "worker/job.h"
#include "worker/thread_job.h"

namespace pipelined::worker {
namespace {

constexpr long kConnectTimeoutMs = 30'000;
constexpr long kMostRedirects = 10;
constexpr std::int64_t kMostResponse = 8 << 20;
constexpr std::size_t kShownOfAnswer = 4096;
constexpr std::size_t kMostInLoop = 256 << 10;  // bytes that take no time to read: all others would wait meanwhile

void LogBody(AttemptLog& log, const std::string& body) {
  if (body.empty()) return;
  const std::string shown = log.HasSecrets() ? log.Hide(body) : std::string();
  const std::string_view text = log.HasSecrets() ? shown : body;
  log.Line(text.substr(0, kShownOfAnswer));
  if (text.size() > kShownOfAnswer) log.Line(fmt::format("[pipelined: {} bytes more]", text.size() - kShownOfAnswer));
}

class HttpJob final : public Job {
 public:
  HttpJob(const Value& spec, HttpRequest request, const Tools& tools, AttemptLog& log, JobDone done)
      : spec_(spec),
        request_(std::move(request)),
        curl_(tools.curl),
        loop_(tools.loop),
        readers_(tools.readers),
        log_(log),
        done_(std::move(done)),
        most_(NumberIn(spec, "max_response", kMostResponse)) {}

  ~HttpJob() override { curl_.Remove(easy_.get()); }

  bool Begin() {
    easy_.reset(curl_easy_init());
    if (!easy_) return false;
    SetRequest();
    SetSecurity();
    LogRequest();
    curl_.Add(easy_.get(), [this](CURLcode code) { OnEnd(code); });
    return true;
  }

  void Stop() override {
    if (reading_) return reading_->Stop();
    if (stopped_ || ended_) return;
    stopped_ = true;
    curl_.Remove(easy_.get());
    loop_.Post([done = done_] {
      JobEnd end = JobEnd::Failed("the request was given up");
      end.was_stopped = true;
      done(std::move(end));
    });
  }

 private:
  template <class T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }

  void SetRequest() {
    Set(CURLOPT_URL, request_.url.c_str());
    Set(CURLOPT_PATH_AS_IS, 1L);
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_ERRORBUFFER, error_.data());
    Set(CURLOPT_USERAGENT, "pipelined");
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    Set(CURLOPT_ACCEPT_ENCODING, "");  // all that curl can unpack; the limit counts what comes out
    Set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    Set(CURLOPT_WRITEFUNCTION, &HttpJob::OnBody);
    Set(CURLOPT_WRITEDATA, this);
    if (request_.method == "HEAD") Set(CURLOPT_NOBODY, 1L);
    if (request_.has_body || request_.method == "POST") {
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      Set(CURLOPT_POSTFIELDS, request_.body.data());
    }
    // Only where curl would take another one: it is sent on after a redirect, too.
    const char* implied = request_.method == "HEAD" ? "HEAD" : request_.has_body ? "POST" : "GET";
    if (request_.method != "POST" && request_.method != implied) Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    // curl sends a request again whose kept connection had died. What changes something is sent once.
    const bool repeatable = request_.method == "GET" || request_.method == "HEAD" || request_.method == "OPTIONS";
    if (!repeatable) {
      Set(CURLOPT_FRESH_CONNECT, 1L);
      Set(CURLOPT_FORBID_REUSE, 1L);  // else each leaves a connection behind
    }
    curl_slist* headers = nullptr;
    for (const auto& [name, value] : request_.headers) {
      // curl sends no header without a value, unless it ends with a semicolon.
      headers = curl_slist_append(headers, (name + (value.empty() ? ";" : ": " + value)).c_str());
    }
    headers = curl_slist_append(headers, "Expect:");
    headers_.reset(headers);
    Set(CURLOPT_HTTPHEADER, headers);
    if (request_.follow_redirects && !request_.is_bound) {
      Set(CURLOPT_FOLLOWLOCATION, 1L);
      Set(CURLOPT_MAXREDIRS, kMostRedirects);
    }
  }

  void SetSecurity() {
    const bool tls = request_.url.starts_with("https://");
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");  // never out of TLS
    Set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    Set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    Set(CURLOPT_SSL_VERIFYPEER, request_.verify ? 1L : 0L);
    Set(CURLOPT_SSL_VERIFYHOST, request_.verify ? 2L : 0L);
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!request_.ca_file.empty()) {
      Set(CURLOPT_CAINFO, request_.ca_file.c_str());
      Set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    if (!request_.token.empty()) {
      Set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
      Set(CURLOPT_XOAUTH2_BEARER, request_.token.c_str());
    } else if (!request_.username.empty() || !request_.password.empty()) {
      Set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
      Set(CURLOPT_USERNAME, request_.username.c_str());
      Set(CURLOPT_PASSWORD, request_.password.c_str());
    }
  }

  void LogRequest() {
    log_.Line(fmt::format("{} {}", request_.method, log_.Shown(request_.shown_url, 4096)));
    for (const auto& [name, value] : request_.headers) {
      const bool secret = IsSecretHeader(name) || request_.IsOfConnection(name);
      log_.Line(fmt::format("  {}: {}", Readable(name, 200), secret ? std::string(kMasked) : log_.Shown(value, 1000)));
    }
    if (request_.has_body) log_.Line(fmt::format("  {} bytes are sent", request_.body.size()));
    if (!request_.verify) log_.Line("  the server's certificate is not checked (verify: false)");
  }

  static std::size_t OnBody(const char* data, std::size_t size, std::size_t count, void* self) {
    auto* const job = static_cast<HttpJob*>(self);
    const std::size_t bytes = size * count;
    if (static_cast<std::int64_t>(job->body_.size() + bytes) > job->most_) {
      job->too_large_ = true;
      return CURL_WRITEFUNC_ERROR;
    }
    job->body_.append(data, bytes);
    return bytes;
  }

  double Milliseconds(CURLINFO what) const {
    curl_off_t us = 0;
    curl_easy_getinfo(easy_.get(), what, &us);
    return static_cast<double>(us) / 1000.0;
  }

  void LogAnswer(long status) {
    const char* type = nullptr;
    curl_easy_getinfo(easy_.get(), CURLINFO_CONTENT_TYPE, &type);
    log_.Line(fmt::format("status {}, {} bytes{}{}", status, body_.size(), type != nullptr ? " of " : "",
                          type != nullptr ? Readable(type, 200) : ""));
    log_.Line(fmt::format("  name {:.1f} ms, connected {:.1f} ms, TLS {:.1f} ms, first byte {:.1f} ms, all {:.1f} ms",
                          Milliseconds(CURLINFO_NAMELOOKUP_TIME_T), Milliseconds(CURLINFO_CONNECT_TIME_T),
                          Milliseconds(CURLINFO_APPCONNECT_TIME_T), Milliseconds(CURLINFO_STARTTRANSFER_TIME_T),
                          Milliseconds(CURLINFO_TOTAL_TIME_T)));
  }

  // What is meant for one server follows by hand, for curl would take all of it along to any other one. Nothing: there
  // is nowhere to go, or it goes on.
  std::optional<JobEnd> Follow(long status, const char* to, bool* goes_on) {
    if (!request_.follow_redirects || !request_.is_bound || to == nullptr) return std::nullopt;
    const std::string next = to;
    if (!SameServer(request_.url, next)) {
      JobEnd end = JobEnd::Failed(
          fmt::format("status {} sends it on to {}, which is another server: with a connection, auth or a secret "
                      "header that is not followed",
                      status, log_.Shown(ShowUrl(next), 300)));
      end.is_final = true;
      return end;
    }
    if (++redirects_ > kMostRedirects) return JobEnd::Failed(Explain(CURLE_TOO_MANY_REDIRECTS));
    log_.Line(fmt::format("status {}: on to {}", status, log_.Shown(ShowUrl(next), 4096)));
    request_.url = next;
    Set(CURLOPT_URL, request_.url.c_str());
    const bool is_get =
        status == 303 ? request_.method != "HEAD" : (status == 301 || status == 302) && request_.method == "POST";
    if (is_get) {
      request_.method = "GET";
      Set(CURLOPT_CUSTOMREQUEST, static_cast<const char*>(nullptr));
      Set(CURLOPT_HTTPGET, 1L);
    }
    body_.clear();
    ended_ = false;
    *goes_on = true;
    curl_.Add(easy_.get(), [this](CURLcode code) { OnEnd(code); });
    return std::nullopt;
  }

  void OnEnd(CURLcode code) {
    ended_ = true;
    if (code != CURLE_OK) return done_(JobEnd::Failed(Explain(code)));
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    const char* to = nullptr;
    curl_easy_getinfo(easy_.get(), CURLINFO_REDIRECT_URL, &to);
    bool goes_on = false;
    if (auto refused = Follow(status, to, &goes_on)) return done_(std::move(*refused));
    if (goes_on) return;
    LogAnswer(status);
    Read(status);
  }

  void Read(long status) {
    const bool is_long = body_.size() > kMostInLoop;
    auto read = [&log = log_, spec = std::move(spec_), status, body = std::move(body_)] {
      LogBody(log, body);
      return Judge(spec, status, body);
    };
    if (!is_long) return done_(read());
    reading_ = RunOnThread(loop_, readers_, std::make_shared<StopFlag>(), std::move(read), done_);
  }

  std::string Explain(CURLcode code) const {
    if (too_large_) return fmt::format("the answer has more than {} bytes (max_response)", most_);
    if (code == CURLE_TOO_MANY_REDIRECTS) return fmt::format("it was sent on more than {} times", kMostRedirects);
    const std::string_view details(error_.data());
    return fmt::format("{}", details.empty() ? curl_easy_strerror(code) : Readable(details, 500));
  }

  Value spec_;
  HttpRequest request_;
  CurlLoop& curl_;
  Loop& loop_;
  Threads& readers_;
  AttemptLog& log_;
  JobDone done_;
  std::int64_t most_;
  Easy easy_;
  CurlList headers_;
  std::string body_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::unique_ptr<Job> reading_;  // of an answer that is long
  long redirects_ = 0;
  bool too_large_ = false, stopped_ = false, ended_ = false;
};

}  // namespace

Result<std::unique_ptr<Job>> BeginHttp(const Value& spec, const Tools& tools, AttemptLog& log, JobDone done) {
  auto request = MakeRequest(spec);
  if (!request) return request.error();
  if (log.HasSecrets()) request->is_bound = true;
  auto job = std::make_unique<HttpJob>(spec, std::move(*request), tools, log, std::move(done));
  if (!job->Begin()) return Error{ErrorCode::kUnavailable, "libcurl has no memory", ""};
  return std::unique_ptr<Job>(std::move(job));
}

}  // namespace pipelined::worker
