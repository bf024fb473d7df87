#include "oidc/documents.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/schema/json.h"

namespace pipelined::oidc {
namespace {

constexpr Micros kKept = std::chrono::hours(1);
constexpr Micros kPauseAfterFailure = std::chrono::seconds(5);  // a provider that is down holds up one caller, not each
constexpr Micros kPauseBetweenFetches = std::chrono::seconds(10);

Error Unavailable(std::string message) {
  return {ErrorCode::kUnavailable, std::move(message), "see auth.oidc_issuer, and whether the provider is up"};
}

// Whether a list has `word`; a list that is not there has what the specification says it has then.
bool Lists(const Value& document, std::string_view name, std::string_view word, bool otherwise) {
  const Value* list = document.Find(name);
  if (list == nullptr || !list->is_list()) return otherwise;
  return std::any_of(list->list().begin(), list->list().end(),
                     [&](const Value& one) { return one.is_string() && one.string() == word; });
}

}  // namespace

Result<Value> FetchJson(const Provider::Send& send, HttpRequest request) {
  request.headers["Accept"] = "application/json";
  const std::string url = request.url;
  const Result<HttpResponse> answer = send(request);
  if (!answer.ok()) return Unavailable("the identity provider: " + answer.error().message);
  if (answer->status != 200)
    return Unavailable(fmt::format("the identity provider answered {} at {}", answer->status, url));
  Result<Value> document = ParseJson(answer->body);
  if (!document.ok() || !document->is_map())
    return Unavailable(fmt::format("what the identity provider has at {} is no JSON document", url));
  return document;
}

Result<Endpoints> ReadEndpoints(const Value& document, const std::string& issuer) {
  if (document.TextOf("issuer") != issuer)
    return Unavailable(fmt::format("the discovery document is of the issuer \"{}\" and not of {}",
                                   document.TextOf("issuer").substr(0, 200), issuer));
  Endpoints found;
  found.authorization = document.TextOf("authorization_endpoint");
  found.token = document.TextOf("token_endpoint");
  found.keys = document.TextOf("jwks_uri");
  found.userinfo = document.TextOf("userinfo_endpoint");
  const bool plain = issuer.starts_with("http://");
  for (const std::string* url : {&found.authorization, &found.token, &found.keys, &found.userinfo}) {
    if (url->empty() && url == &found.userinfo) continue;
    if (!url->starts_with("https://") && !(plain && url->starts_with("http://")))
      return Unavailable("the discovery document lacks an endpoint, or has one without TLS");
  }
  if (!Lists(document, "code_challenge_methods_supported", "S256", true))
    return Unavailable("the identity provider does not support PKCE with S256");
  constexpr std::string_view kMethods = "token_endpoint_auth_methods_supported";
  found.basic =
      Lists(document, kMethods, "client_secret_basic", true) || !Lists(document, kMethods, "client_secret_post", false);
  const Value* names = document.Find("authorization_response_iss_parameter_supported");
  found.names_issuer = names != nullptr && names->is_bool() && names->boolean();
  return found;
}

HttpRequest Documents::Request(const std::string& url) const {
  HttpRequest request;
  request.url = url;
  request.timeout = options_.timeout;
  request.ca_file = options_.ca_file;
  request.follow_redirects = false;
  request.keep_connection = false;  // it would be dead by the next sign-in
  return request;
}

Result<Endpoints> Documents::GetEndpoints() {
  const std::lock_guard lock(mutex_);
  return EndpointsNow();
}

Result<Endpoints> Documents::EndpointsNow() {
  const Micros now = clock_.Monotonic();
  if (endpoints_ && now - endpoints_at_ < kKept) return *endpoints_;
  if (failure_ && now - failed_at_ < kPauseAfterFailure) return *failure_;
  std::string url = options_.issuer;
  while (url.ends_with('/')) url.pop_back();
  const Result<Value> document = FetchJson(send_, Request(url + "/.well-known/openid-configuration"));
  const Result<Endpoints> found = document.ok() ? ReadEndpoints(*document, options_.issuer) : document.error();
  if (!found.ok()) {
    failure_ = found.error();
    failed_at_ = clock_.Monotonic();
    return found;
  }
  failure_.reset();
  endpoints_ = *found;
  endpoints_at_ = now;
  return found;
}

Status Documents::FetchKeys(const std::string& url) {
  keys_tried_at_ = clock_.Monotonic();
  const Result<Value> document = FetchJson(send_, Request(url));
  if (!document.ok()) return document.error();
  Result<std::vector<Key>> keys = ReadKeys(*document);
  if (!keys.ok()) return Unavailable("the identity provider's keys: " + keys.error().message);
  keys_ = *std::move(keys);
  keys_at_ = keys_tried_at_;
  return Ok();
}

std::vector<Key> Documents::Fitting(const SignedToken& token) const {
  std::vector<Key> fitting;
  std::copy_if(keys_.begin(), keys_.end(), std::back_inserter(fitting),
               [&](const Key& key) { return token.Fits(key); });
  return fitting;
}

Result<std::vector<Key>> Documents::KeysFor(const SignedToken& token) {
  const std::lock_guard lock(mutex_);
  const Result<Endpoints> endpoints = EndpointsNow();
  if (!endpoints.ok()) return endpoints.error();
  const Micros now = clock_.Monotonic();
  const bool old = !keys_at_ || now - *keys_at_ >= kKept;
  const bool may_ask = !keys_tried_at_ || now - *keys_tried_at_ >= kPauseBetweenFetches;
  if ((old || Fitting(token).empty()) && may_ask) {
    if (const Status fetched = FetchKeys(endpoints->keys); !fetched.ok()) return fetched.error();
  }
  return Fitting(token);
}

}  // namespace pipelined::oidc
