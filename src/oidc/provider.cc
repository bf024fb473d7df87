#include "pipelined/oidc/provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "oidc/documents.h"
#include "oidc/id_token.h"
#include "oidc/jose.h"
#include "pipelined/base/percent.h"
#include "pipelined/base/base64.h"
#include "pipelined/base/hash.h"
#include "pipelined/schema/json.h"

namespace pipelined::oidc {
namespace {

constexpr std::size_t kLongestName = 250;

std::string Derived(std::string_view purpose, std::string_view secret) {
  return Base64Url(Sha256(fmt::format("{}\n{}", purpose, secret)));
}

Error Invalid(std::string message, std::string hint) {
  return {ErrorCode::kInvalid, std::move(message), std::move(hint)};
}

bool OnLoopback(std::string_view url) {
  for (const std::string_view host : {"http://127.0.0.1", "http://localhost", "http://[::1]"}) {
    if (url.starts_with(host) && (url.size() == host.size() || url[host.size()] == ':' || url[host.size()] == '/'))
      return true;
  }
  return false;
}

Status Check(const ProviderOptions& options) {
  if (!options.issuer.starts_with("https://") && !OnLoopback(options.issuer))
    return Invalid(fmt::format("auth.oidc_issuer: \"{}\" does not begin with https://", options.issuer),
                   "write the issuer as its discovery document has it; plain http is for the loopback only");
  if (options.issuer.find_first_of("?# \"") != std::string::npos)
    return Invalid("auth.oidc_issuer: an issuer has no query, fragment or blank", "");
  if (options.client_id.empty())
    return Invalid("auth.oidc_issuer needs auth.oidc_client_id", "register pipelined with the provider");
  if (fmt::format(" {} ", options.scopes).find(" openid ") == std::string::npos)
    return Invalid("auth.oidc_scopes must hold openid", "separate scopes by blanks");
  return Ok();
}

std::string Form(const std::vector<std::pair<std::string_view, std::string>>& fields) {
  std::string form;
  for (const auto& [name, value] : fields)
    form += fmt::format("{}{}={}", form.empty() ? "" : "&", name, PercentEncode(value));
  return form;
}

// How the user is called: what the provider calls him, an address that it has checked, or what it knows him by.
std::string NameOf(const Value& claims) {
  if (std::string name = claims.TextOf("preferred_username"); !name.empty()) return name;
  const Value* verified = claims.Find("email_verified");
  const bool checked = verified != nullptr && verified->is_bool() && verified->boolean();
  if (std::string email = claims.TextOf("email"); checked && !email.empty()) return email;
  return claims.TextOf("sub");
}

bool IsName(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName &&
         std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::vector<std::string> GroupsOf(const Value& claims, const std::string& claim) {
  std::vector<std::string> groups;
  const Value* found = claims.Find(claim);
  if (found != nullptr && found->is_string()) groups.push_back(found->string());
  if (found == nullptr || !found->is_list()) return groups;
  for (const Value& group : found->list()) {
    if (group.is_string()) groups.push_back(group.string());
  }
  return groups;
}

}  // namespace

Bindings BindingsOf(std::string_view secret) {
  return {Derived("state", secret), Derived("nonce", secret), Derived("verifier", secret)};
}

class Provider::Impl {
 public:
  Impl(ProviderOptions options, const Clock& clock, Send send)
      : options_(std::move(options)), clock_(clock), send_(std::move(send)), documents_(options_, clock_, send_) {}

  Result<std::string> AuthorizationUrl(const Bindings& bindings, const std::string& redirect_uri) {
    const Result<Endpoints> endpoints = documents_.GetEndpoints();
    if (!endpoints.ok()) return endpoints.error();
    const bool has_query = endpoints->authorization.find('?') != std::string::npos;
    return endpoints->authorization + (has_query ? "&" : "?") +
           Form({{"response_type", "code"},
                 {"client_id", options_.client_id},
                 {"redirect_uri", redirect_uri},
                 {"scope", options_.scopes},
                 {"state", bindings.state},
                 {"nonce", bindings.nonce},
                 {"code_challenge", Base64Url(Sha256(bindings.verifier))},
                 {"code_challenge_method", "S256"}});
  }

  Result<Identity> Redeem(const std::string& code, const std::string& iss, const Bindings& bindings,
                          const std::string& redirect_uri) {
    const Result<Endpoints> endpoints = documents_.GetEndpoints();
    if (!endpoints.ok()) return endpoints.error();
    if (iss.empty() ? endpoints->names_issuer : iss != options_.issuer)
      return Error{ErrorCode::kNotAllowed, "the answer is of another identity provider (iss)", ""};
    const Result<Value> tokens = Exchange(*endpoints, code, bindings, redirect_uri);
    if (!tokens.ok()) return tokens.error();
    Result<Value> claims = CheckToken(tokens->TextOf("id_token"), bindings.nonce);
    if (!claims.ok()) return claims.error();
    if (const Status more = AddUserinfo(*endpoints, tokens->TextOf("access_token"), *claims); !more.ok())
      return more.error();
    Identity identity{options_.issuer, claims->TextOf("sub"), NameOf(*claims),
                      GroupsOf(*claims, options_.groups_claim)};
    if (!IsName(identity.name))
      return Error{ErrorCode::kNotAllowed,
                   "the identity provider gives a name that is too long or holds control characters", ""};
    return identity;
  }

  const std::string& issuer() const { return options_.issuer; }

 private:
  HttpRequest Request(const std::string& url) const {
    HttpRequest request;
    request.url = url;
    request.timeout = options_.timeout;
    request.ca_file = options_.ca_file;
    request.follow_redirects = false;
    request.keep_connection = false;  // it would be dead by the next sign-in
    request.headers["Accept"] = "application/json";
    return request;
  }

  HttpRequest ExchangeRequest(const Endpoints& endpoints, const std::string& code, const Bindings& bindings,
                              const std::string& redirect_uri) const {
    std::vector<std::pair<std::string_view, std::string>> fields{{"grant_type", "authorization_code"},
                                                                 {"code", code},
                                                                 {"redirect_uri", redirect_uri},
                                                                 {"code_verifier", bindings.verifier}};
    HttpRequest request = Request(endpoints.token);
    request.method = "POST";
    request.headers["Content-Type"] = "application/x-www-form-urlencoded";
    const bool in_header = !options_.client_secret.empty() && endpoints.basic;
    if (in_header) {
      request.headers["Authorization"] =
          "Basic " + Base64(PercentEncode(options_.client_id) + ":" + PercentEncode(options_.client_secret));
    } else {
      fields.emplace_back("client_id", options_.client_id);
      if (!options_.client_secret.empty()) fields.emplace_back("client_secret", options_.client_secret);
    }
    request.body = Form(fields);
    return request;
  }

  // The tokens for a code. What the provider says beyond its error's word may hold anything, and is not repeated.
  Result<Value> Exchange(const Endpoints& endpoints, const std::string& code, const Bindings& bindings,
                         const std::string& redirect_uri) {
    const Result<HttpResponse> answer = send_(ExchangeRequest(endpoints, code, bindings, redirect_uri));
    if (!answer.ok()) return Error{ErrorCode::kUnavailable, "the identity provider: " + answer.error().message, ""};
    const Result<Value> body = ParseJson(answer->body);
    const bool readable = body.ok() && body->is_map();
    if (answer->status == 200 && readable) return body;
    const std::string word = readable ? body->TextOf("error") : "";
    if (word == "invalid_grant")
      return Error{ErrorCode::kNotAllowed,
                   "the identity provider does not take this code: it was used before, or is too old", "sign in again"};
    if (word == "invalid_client" || word == "unauthorized_client")
      return Error{ErrorCode::kUnavailable, "the identity provider does not know this server",
                   "see auth.oidc_client_id and auth.oidc_client_secret"};
    return Error{ErrorCode::kUnavailable, fmt::format("the identity provider answered {} to a code", answer->status),
                 ""};
  }

  Result<Value> CheckToken(const std::string& text, const std::string& nonce) {
    const Result<SignedToken> token = SignedToken::Parse(text);
    if (!token.ok()) return token.error();
    const Result<std::vector<Key>> keys = documents_.KeysFor(*token);
    if (!keys.ok()) return keys.error();
    if (keys->empty())
      return Error{ErrorCode::kNotAllowed, "the ID token is refused: the identity provider publishes no key for it",
                   ""};
    for (const Key& key : *keys) {
      const Result<std::string> payload = token->Payload(key);
      if (payload.ok())
        return CheckClaims(*payload, {options_.issuer, options_.client_id, nonce, clock_.Now(), options_.skew});
    }
    return Error{ErrorCode::kNotAllowed, "the ID token is refused: its signature is not right", ""};
  }

  // Many providers put names and groups not into the token, but where they can be asked for.
  Status AddUserinfo(const Endpoints& endpoints, const std::string& access_token, Value& claims) {
    const bool complete = claims.Find("preferred_username") != nullptr && claims.Find(options_.groups_claim) != nullptr;
    if (complete || endpoints.userinfo.empty() || access_token.empty()) return Ok();
    HttpRequest request = Request(endpoints.userinfo);
    request.headers["Authorization"] = "Bearer " + access_token;
    const Result<Value> info = FetchJson(send_, std::move(request));
    if (!info.ok()) return info.error();
    if (info->TextOf("sub") != claims.TextOf("sub"))
      return Error{ErrorCode::kNotAllowed, "the identity provider's userinfo is about somebody else (sub)", ""};
    for (const auto& [name, value] : info->map()) {
      if (claims.Find(name) == nullptr) claims.Set(name, value);
    }
    return Ok();
  }

  const ProviderOptions options_;
  const Clock& clock_;
  const Send send_;
  Documents documents_;
};

Result<std::shared_ptr<Provider>> Provider::Make(ProviderOptions options, const Clock& clock, Send send) {
  if (const Status checked = Check(options); !checked.ok()) return checked.error();
  return std::shared_ptr<Provider>(new Provider(std::make_unique<Impl>(std::move(options), clock, std::move(send))));
}

Provider::Provider(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Provider::~Provider() = default;

Result<std::string> Provider::AuthorizationUrl(const Bindings& bindings, const std::string& redirect_uri) {
  return impl_->AuthorizationUrl(bindings, redirect_uri);
}
Result<Identity> Provider::Redeem(const std::string& code, const std::string& iss, const Bindings& bindings,
                                  const std::string& redirect_uri) {
  return impl_->Redeem(code, iss, bindings, redirect_uri);
}
const std::string& Provider::issuer() const {
  return impl_->issuer();
}

}  // namespace pipelined::oidc
