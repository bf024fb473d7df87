// What a provider publishes: where its endpoints are, and its keys. Both are kept for a while.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "oidc/jose.h"
#include "pipelined/oidc/provider.h"

namespace pipelined::oidc {

struct Endpoints {
  std::string authorization, token, keys;
  std::string userinfo;       // empty: there is none
  bool basic = true;          // whether the token endpoint takes the secret in a header (else in the body)
  bool names_issuer = false;  // whether the browser comes back with `iss`
};

// The JSON document at `url`; kUnavailable for everything else that may be there.
Result<Value> FetchJson(const Provider::Send& send, HttpRequest request);

// Reads a discovery document. kUnavailable: it is another issuer's, or lacks what is needed.
Result<Endpoints> ReadEndpoints(const Value& document, const std::string& issuer);

// Thread-safe; one asks at a time, the others wait for what he finds.
class Documents {
 public:
  // All must outlive this.
  Documents(const ProviderOptions& options, const Clock& clock, const Provider::Send& send)
      : options_(options), clock_(clock), send_(send) {}

  Result<Endpoints> GetEndpoints();
  // Those that may check `token`. When there is none the keys are fetched again, but not more often than every ten
  // seconds: this is how new keys come to be known.
  Result<std::vector<Key>> KeysFor(const SignedToken& token);

 private:
  HttpRequest Request(const std::string& url) const;
  Result<Endpoints> EndpointsNow();
  Status FetchKeys(const std::string& url);
  std::vector<Key> Fitting(const SignedToken& token) const;

  const ProviderOptions& options_;
  const Clock& clock_;
  const Provider::Send& send_;

  std::mutex mutex_;  // guards what follows
  std::optional<Endpoints> endpoints_;
  Micros endpoints_at_{0};
  std::optional<Error> failure_;
  Micros failed_at_{0};
  std::vector<Key> keys_;
  std::optional<Micros> keys_at_, keys_tried_at_;
};

}  // namespace pipelined::oidc
