// Is something listening there? For probes.
#include <fmt/format.h>

#include "worker/curl_loop.h"
#include "worker/job.h"

namespace pipelined::worker {
namespace {

constexpr long kPatienceMs = 10'000;

class PortJob final : public Job {
 public:
  PortJob(std::string url, const Tools& tools, JobDone done)
      : url_(std::move(url)), curl_(tools.curl), loop_(tools.loop), done_(std::move(done)) {}
  ~PortJob() override { curl_.Remove(easy_.get()); }

  bool Begin() {
    easy_.reset(curl_easy_init());
    if (!easy_) return false;
    curl_easy_setopt(easy_.get(), CURLOPT_URL, url_.c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(easy_.get(), CURLOPT_CONNECTTIMEOUT_MS, kPatienceMs);
    curl_.Add(easy_.get(), [this](CURLcode code) { OnEnd(code); });
    return true;
  }

  void Stop() override {
    if (ended_) return;
    ended_ = true;
    curl_.Remove(easy_.get());
    loop_.Post([done = done_] { done(JobEnd::Failed("no answer in time")); });
  }

 private:
  void OnEnd(CURLcode code) {
    ended_ = true;
    JobEnd end = JobEnd::Failed(curl_easy_strerror(code));
    const bool closed = code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT;
    if (code == CURLE_OK) end.outcome = AttemptOutcome::kSucceeded;
    if (code == CURLE_OK || closed) end.probed = code == CURLE_OK;
    done_(std::move(end));
  }

  std::string url_;
  CurlLoop& curl_;
  Loop& loop_;
  JobDone done_;
  Easy easy_;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<Job>> BeginPort(const Value& spec, const Tools& tools, AttemptLog&, JobDone done) {
  std::string host = TextIn(spec, "host");
  const std::int64_t port = NumberIn(spec, "port");
  const bool plain = !host.empty() && host.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789.-_:[]") == std::string::npos;
  if (!plain || port <= 0 || port > 65'535) return Error{ErrorCode::kInvalid, "that is no host with a port", ""};
  if (host.find(':') != std::string::npos && !host.starts_with('[')) host = "[" + host + "]";
  auto job = std::make_unique<PortJob>(fmt::format("http://{}:{}/", host, port), tools, std::move(done));
  if (!job->Begin()) return Error{ErrorCode::kUnavailable, "libcurl has no memory", ""};
  return std::unique_ptr<Job>(std::move(job));
}

}  // namespace pipelined::worker
