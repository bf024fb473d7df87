#include "pipelined/http/client.h"

#include <cpprest/http_client.h>
#include <pplx/threadpool.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <mutex>

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
    web::http::http_response answer = server.http->request(message).get();
    HttpResponse response;
    response.status = answer.status_code();
    for (const auto& [name, value] : answer.headers()) response.headers[Lower(name)] = value;
    response.body = answer.extract_utf8string(true).get();
    return response;
  } catch (const web::uri_exception&) {
    return Error{ErrorCode::kInvalid, "\"" + request.url + "\" is no URL", "write it as http://127.0.0.1:8080"};
  } catch (const std::exception& failure) {  // http_exception, and what tasks pass on
    const web::uri named = web::uri::validate(request.url) ? web::uri(request.url).authority() : web::uri();
    return NoAnswer(named, failure.what(), server.certificates->TakeRefusal());
  }
}

std::string UrlEncode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kDigits[byte >> 4];
      encoded += kDigits[byte & 15];
    }
  }
  return encoded;
}

}  // namespace pipelined
