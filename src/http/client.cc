#include "pipelined/http/client.h"

#include <cpprest/containerstream.h>
#include <cpprest/http_client.h>
#include <pplx/threadpool.h>

#include <algorithm>
#include <cctype>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "http/certificate_check.h"

namespace pipelined {
namespace {

namespace client = web::http::client;

struct Client {
  std::shared_ptr<client::http_client> http;
  std::shared_ptr<CertificateCheck> certificates = std::make_shared<CertificateCheck>();
};

Client NewClient(const web::uri& server, const HttpRequest& request) {
  Client made;
  client::http_client_config config;
  config.set_timeout(std::chrono::duration_cast<utility::seconds>(request.timeout + Seconds(1)));
  config.set_request_compressed_response(false);
  if (!request.follow_redirects) config.set_max_redirects(0);
  config.set_ssl_context_callback(
      [file = request.ca_file, check = made.certificates](boost::asio::ssl::context& context) {
        if (!file.empty()) context.load_verify_file(file);
        CertificateCheck::Watch(context.native_handle(), check);
      });
  made.http = std::make_shared<client::http_client>(server, config);
  return made;
}

// One client per server and way to reach it: it keeps its connections.
Client ClientFor(const web::uri& server, const HttpRequest& request) {
  static std::mutex mutex;
  // Never destroyed: at the end of the process cpprestsdk's own statics, which clients need, may go first.
  static auto& clients = *new std::map<std::string, Client>;
  static const bool pool = [] {
    crossplat::threadpool::initialize_with_threads(2);  // its default is 40
    return true;
  }();
  static_cast<void>(pool);
  if (!request.keep_connection) return NewClient(server, request);
  const std::lock_guard lock(mutex);
  Client& known = clients[server.to_string() + " " + std::to_string(request.timeout.count()) + " " + request.ca_file +
                          (request.follow_redirects ? "" : " stay")];
  if (known.http == nullptr) known = NewClient(server, request);
  return known;
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

HttpResponse HeadOf(const web::http::http_response& answer) {
  HttpResponse response;
  response.status = answer.status_code();
  for (const auto& [name, value] : answer.headers()) response.headers[Lower(name)] = value;
  return response;
}

// Ends an exchange that is not over in time: a server that sends a byte now and then is never silent.
class Watchdog {
 public:
  Watchdog(pplx::cancellation_token_source cancel, Micros patience)
      : thread_([this, cancel, patience] {
          std::unique_lock lock(mutex_);
          if (!over_.wait_for(lock, patience, [this] { return is_over_; })) cancel.cancel();
        }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    over_.notify_one();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;
  std::thread thread_;
};

HttpResponse Bounded(client::http_client& server, const web::http::http_request& message, const HttpRequest& request) {
  pplx::cancellation_token_source cancel;
  const Watchdog watchdog(cancel, request.timeout);
  web::http::http_response answer = server.request(message, cancel.get_token()).get();
  HttpResponse response = HeadOf(answer);
  try {
    concurrency::streams::istream body = answer.body();
    while (response.body.size() < request.most_body) {
      concurrency::streams::container_buffer<std::string> piece;
      const std::size_t got = body.read(piece, request.most_body - response.body.size()).get();
      if (got == 0) return response;
      response.body += piece.collection().substr(0, got);
    }
  } catch (const std::exception&) {
    // The status was said: what the server does afterwards does not take it back.
  }
  cancel.cancel();
  return response;
}

Error NoAnswer(const web::uri& server, const std::string& failure, const std::string& certificate) {
  const std::string why = certificate.empty() ? failure : "its certificate is refused: " + certificate;
  return {ErrorCode::kUnavailable, "no answer from " + server.to_string() + ": " + why, ""};
}

}  // namespace

Result<HttpResponse> SendHttp(const HttpRequest& request) {
  Client server;
  try {
    const web::uri url(request.url);
    web::http::http_request message(request.method);
    message.set_request_uri(url.resource());
    for (const auto& [name, value] : request.headers) message.headers().add(name, value);
    if (!request.body.empty()) {
      message.set_body(request.body);
      if (const auto type = request.headers.find("Content-Type"); type != request.headers.end())
        message.headers().set_content_type(type->second);
    }
    server = ClientFor(url.authority(), request);
    if (request.most_body > 0) return Bounded(*server.http, message, request);
    web::http::http_response answer = server.http->request(message).get();
    HttpResponse response = HeadOf(answer);
    response.body = answer.extract_utf8string(true).get();
    return response;
  } catch (const web::uri_exception&) {
    return Error{ErrorCode::kInvalid, "\"" + request.url + "\" is no URL", "write it as http://127.0.0.1:8080"};
  } catch (const std::exception& failure) {  // http_exception, and what tasks pass on
    const web::uri named = web::uri::validate(request.url) ? web::uri(request.url).authority() : web::uri();
    return NoAnswer(named, failure.what(), server.certificates->TakeRefusal());
  }
}

}  // namespace pipelined
