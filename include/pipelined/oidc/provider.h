// Signing in with an identity provider: OpenID Connect's authorization code flow with PKCE.
//
// The browser is sent to AuthorizationUrl() and comes back with a code, which Redeem() exchanges for a checked
// identity. What ties the two together is made from one secret that only that browser keeps, so that servers need no
// memory of sign-ins under way.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/base/result.h"
#include "pipelined/http/client.h"

namespace pipelined::oidc {

struct ProviderOptions {
  std::string issuer;  // "https://id.example.com/realms/x"; plain http on the loopback only
  std::string client_id;
  std::string client_secret;  // empty: a public client, which PKCE alone protects
  std::string scopes = "openid profile email";
  std::string groups_claim = "groups";
  std::string ca_file;                       // PEM; empty: whom the system trusts
  Micros skew = std::chrono::seconds(60);    // how far the provider's clock may be from this one
  Micros timeout = std::chrono::seconds(5);  // of each request to the provider
};

// What must come back unchanged. None tells another, nor the secret.
struct Bindings {
  std::string state;     // through the browser
  std::string nonce;     // in the ID token
  std::string verifier;  // PKCE: only the provider is told, with the code
};
// `secret` needs 256 random bits; whatever else is in it is bound as well.
Bindings BindingsOf(std::string_view secret);

// Somebody whom the provider vouches for. `subject` is what he is known by for ever; the rest may change.
struct Identity {
  std::string issuer, subject, name;
  std::vector<std::string> groups;
};

// Thread-safe. Its calls may block on the provider, several times options.timeout.
class Provider {
 public:
  using Send = std::function<Result<HttpResponse>(const HttpRequest&)>;

  // Asks nobody yet: a provider that is down must not keep the server from starting. kInvalid: an option, named as its
  // setting. `clock` must outlive the provider.
  static Result<std::shared_ptr<Provider>> Make(ProviderOptions options, const Clock& clock, Send send = SendHttp);
  ~Provider();

  // kUnavailable: the provider does not answer, or not as it must.
  Result<std::string> AuthorizationUrl(const Bindings& bindings, const std::string& redirect_uri);

  // `iss`: that parameter of the browser's return (RFC 9207), empty without. kNotAllowed: the provider does not take
  // the code, or its token does not pass a check; kUnavailable as above.
  Result<Identity> Redeem(const std::string& code, const std::string& iss, const Bindings& bindings,
                          const std::string& redirect_uri);

  const std::string& issuer() const;

 private:
  class Impl;
  explicit Provider(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pipelined::oidc
