// Sign-ins against a provider that is a function: its keys are real, and so are the signatures.
#include "pipelined/oidc/provider.h"

#include <cjose/cjose.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <memory>

#include "oidc/jose.h"
#include "pipelined/base/base64.h"
#include "pipelined/base/hash.h"
#include "pipelined/schema/json.h"

namespace pipelined::oidc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kIssuer = "https://id.example.com/realms/x";
constexpr const char* kBack = "https://pipelined.example.com/auth/oidc/callback";

// A key pair of the provider's.
class Signer {
 public:
  Signer(std::string alg, std::string kid, std::size_t bits = 2048) : alg_(std::move(alg)), kid_(std::move(kid)) {
    cjose_err error{};
    const std::uint8_t exponent[] = {1, 0, 1};
    cjose_jwk_t* made = alg_.starts_with("RS")   ? cjose_jwk_create_RSA_random(bits, exponent, sizeof exponent, &error)
                        : alg_.starts_with("ES") ? cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error)
                                                 : cjose_jwk_create_oct_random(256, &error);
    key_.reset(made, [](cjose_jwk_t* key) { cjose_jwk_release(key); });
    if (!kid_.empty()) cjose_jwk_set_kid(made, kid_.data(), kid_.size(), &error);
  }

  // The public half as a key set has it.
  Value Public(std::string use = "sig") const {
    cjose_err error{};
    char* text = cjose_jwk_to_json(key_.get(), false, &error);
    Value key = *ParseJson(text);
    std::free(text);
    key.Set("use", std::move(use));
    return key;
  }

  std::string Sign(const Value& claims) const {
    cjose_err error{};
    cjose_header_t* header = cjose_header_new(&error);
    cjose_header_set(header, CJOSE_HDR_ALG, alg_.c_str(), &error);
    if (!kid_.empty()) cjose_header_set(header, CJOSE_HDR_KID, kid_.c_str(), &error);
    const std::string text = ToJson(claims);
    cjose_jws_t* jws =
        cjose_jws_sign(key_.get(), header, reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), &error);
    const char* compact = nullptr;
    cjose_jws_export(jws, &compact, &error);
    std::string token = compact;
    cjose_jws_release(jws);
    cjose_header_release(header);
    return token;
  }

 private:
  std::string alg_, kid_;
  std::shared_ptr<cjose_jwk_t> key_;
};

// Making keys takes long; the tests share them.
const Signer& Rsa() {
  static const Signer signer("RS256", "k1");
  return signer;
}
const Signer& OtherRsa() {
  static const Signer signer("RS256", "k2");
  return signer;
}
const Signer& Curve() {
  static const Signer signer("ES256", "e1");
  return signer;
}

std::string Encoded(std::string_view text) {
  return Base64Url(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

class ProviderTest : public ::testing::Test {
 protected:
  ProviderTest() {
    options_.issuer = kIssuer;
    options_.client_id = "pipelined";
    options_.client_secret = "s&cret";
    discovery_ = Value::Map{{"issuer", kIssuer},
                            {"authorization_endpoint", "https://id.example.com/auth"},
                            {"token_endpoint", "https://id.example.com/token"},
                            {"jwks_uri", "https://id.example.com/keys"}};
    keys_ = {Rsa().Public()};
    claims_ = Value::Map{{"iss", kIssuer},
                         {"sub", "4711"},
                         {"aud", "pipelined"},
                         {"exp", Now() + 300},
                         {"iat", Now()},
                         {"nonce", bindings_.nonce},
                         {"preferred_username", "alice"},
                         {"groups", Value::List{"admins", "staff"}}};
  }

  std::int64_t Now() const { return std::chrono::floor<Seconds>(clock_.Now()).time_since_epoch().count(); }

  Provider& Made() {
    if (made_ == nullptr)
      made_ = *Provider::Make(options_, clock_, [this](const HttpRequest& request) { return Answer(request); });
    return *made_;
  }

  Result<Identity> Redeem() { return Made().Redeem("the-code", iss_, bindings_, kBack); }
  // What is wrong with a token; "taken" when nothing is.
  std::string Refusal() {
    const Result<Identity> identity = Redeem();
    if (identity.ok()) return "taken";
    EXPECT_EQ(identity.error().code, ErrorCode::kNotAllowed) << identity.error().message;
    return identity.error().message;
  }
  std::string RefusalWith(const char* claim, Value value) {
    const Value before = claims_;
    claims_.Set(claim, std::move(value));
    std::string refusal = Refusal();
    claims_ = before;
    return refusal;
  }

  Result<HttpResponse> Answer(const HttpRequest& request) {
    ++asked_[request.url];
    last_[request.url] = request;
    if (down_) return Error{ErrorCode::kUnavailable, "no answer from https://id.example.com", ""};
    if (request.url.ends_with("/.well-known/openid-configuration")) return HttpResponse{200, {}, ToJson(discovery_)};
    if (request.url.ends_with("/keys")) return HttpResponse{200, {}, ToJson(Value::Map{{"keys", keys_}})};
    if (request.url.ends_with("/userinfo")) return HttpResponse{200, {}, ToJson(userinfo_)};
    if (!token_error_.empty()) return HttpResponse{400, {}, ToJson(Value::Map{{"error", token_error_}})};
    const std::string token = token_.empty() ? signer_->Sign(claims_) : token_;
    return HttpResponse{200, {}, ToJson(Value::Map{{"id_token", token}, {"access_token", "at"}})};
  }

  ProviderOptions options_;
  ManualClock clock_{*ParseInstant("2026-02-01T12:00:00Z")};
  const Bindings bindings_ = BindingsOf("1769947200.secret.%2Fdocs");
  Value discovery_, claims_, userinfo_;
  Value::List keys_;
  const Signer* signer_ = &Rsa();
  std::string token_;  // empty: `claims_` signed by `signer_`
  std::string token_error_, iss_;
  bool down_ = false;
  std::map<std::string, int> asked_;
  std::map<std::string, HttpRequest> last_;
  std::shared_ptr<Provider> made_;
};

TEST_F(ProviderTest, AGoodTokenGivesTheIdentity) {
  const Result<Identity> identity = Redeem();
  ASSERT_TRUE(identity.ok()) << identity.error().message;
  EXPECT_EQ(identity->issuer, kIssuer);
  EXPECT_EQ(identity->subject, "4711");
  EXPECT_EQ(identity->name, "alice");
  EXPECT_THAT(identity->groups, ElementsAre("admins", "staff"));
}

TEST_F(ProviderTest, TheBrowserIsSentWithEverythingThatBinds) {
  const Result<std::string> url = Made().AuthorizationUrl(bindings_, kBack);
  ASSERT_TRUE(url.ok());
  EXPECT_THAT(*url, ::testing::StartsWith("https://id.example.com/auth?response_type=code&client_id=pipelined&"));
  EXPECT_THAT(*url, HasSubstr("state=" + bindings_.state));
  EXPECT_THAT(*url, HasSubstr("nonce=" + bindings_.nonce));
  EXPECT_THAT(*url,
              HasSubstr("code_challenge=" + Base64Url(Sha256(bindings_.verifier)) + "&code_challenge_method=S256"));
  EXPECT_THAT(*url, Not(HasSubstr(bindings_.verifier)));
}

TEST_F(ProviderTest, TheCodeGoesWithVerifierAndSecret) {
  ASSERT_TRUE(Redeem().ok());
  const HttpRequest& sent = last_["https://id.example.com/token"];
  EXPECT_THAT(sent.body, HasSubstr("code=the-code"));
  EXPECT_THAT(sent.body, HasSubstr("code_verifier=" + bindings_.verifier));
  EXPECT_THAT(sent.body, Not(HasSubstr("client_secret")));
  EXPECT_EQ(sent.headers.at("Authorization"), "Basic " + Base64("pipelined:s%26cret"));
  EXPECT_FALSE(sent.follow_redirects);
}

TEST_F(ProviderTest, ASecretIsPutIntoTheBodyWhereTheProviderWantsItThere) {
  discovery_.Set("token_endpoint_auth_methods_supported", Value::List{"client_secret_post"});
  ASSERT_TRUE(Redeem().ok());
  EXPECT_THAT(last_["https://id.example.com/token"].body, HasSubstr("client_secret=s%26cret"));
}

TEST_F(ProviderTest, BothKindsOfKeysAreTaken) {
  keys_ = {Rsa().Public(), Curve().Public()};
  signer_ = &Curve();
  EXPECT_EQ(Refusal(), "taken");
}

TEST_F(ProviderTest, ATokenThatNobodySignedIsRefused) {
  token_ = Encoded(R"({"alg":"none"})") + "." + Encoded(ToJson(claims_)) + ".";
  EXPECT_THAT(Refusal(), HasSubstr("refused"));
  token_ = Encoded(R"({"alg":"none","kid":"k1"})") + "." + Encoded(ToJson(claims_)) + "." + Encoded("x");
  EXPECT_THAT(Refusal(), HasSubstr("refused"));
}

TEST_F(ProviderTest, ASharedSecretIsNoSignature) {
  const Signer secret("HS256", "k1");
  signer_ = &secret;
  keys_ = {secret.Public(), Rsa().Public()};
  EXPECT_THAT(Refusal(), HasSubstr("its algorithm is not one of"));
}

TEST_F(ProviderTest, AnotherKeyOfTheSameNameIsRefused) {
  const Signer impostor("RS256", "k1");
  signer_ = &impostor;
  EXPECT_THAT(Refusal(), HasSubstr("its signature is not right"));
}

TEST_F(ProviderTest, AChangedClaimBreaksTheSignature) {
  const std::string good = Rsa().Sign(claims_);
  claims_.Set("sub", "1");
  const std::size_t dot = good.find('.');
  token_ = good.substr(0, dot + 1) + Encoded(ToJson(claims_)) + good.substr(good.rfind('.'));
  EXPECT_THAT(Refusal(), HasSubstr("its signature is not right"));
}

TEST_F(ProviderTest, AWeakKeyAndAKeyForEncryptionAreNoKeys) {
  const Signer weak("RS256", "k1", 1024);
  signer_ = &weak;
  keys_ = {weak.Public()};
  EXPECT_THAT(Refusal(), HasSubstr("publishes no key for it"));
  clock_.Advance(std::chrono::seconds(11));
  signer_ = &Rsa();
  keys_ = {Rsa().Public("enc")};
  EXPECT_THAT(Refusal(), HasSubstr("publishes no key for it"));
}

TEST_F(ProviderTest, WrongClaimsAreRefusedByName) {
  EXPECT_THAT(RefusalWith("iss", "https://id.example.com/realms/y"), HasSubstr("(iss)"));
  EXPECT_THAT(RefusalWith("aud", "another"), HasSubstr("(aud)"));
  EXPECT_THAT(RefusalWith("aud", Value::List{"pipelined", "another"}), HasSubstr("(azp)"));
  EXPECT_THAT(RefusalWith("azp", "another"), HasSubstr("(azp)"));
  EXPECT_THAT(RefusalWith("nonce", "another"), HasSubstr("(nonce)"));
  EXPECT_THAT(RefusalWith("nonce", Value()), HasSubstr("(nonce)"));
  EXPECT_THAT(RefusalWith("exp", Value()), HasSubstr("(exp)"));
  EXPECT_THAT(RefusalWith("exp", "tomorrow"), HasSubstr("(exp)"));
  EXPECT_THAT(RefusalWith("exp", Now() - 61), HasSubstr("(exp)"));
  EXPECT_THAT(RefusalWith("iat", Now() + 61), HasSubstr("(iat)"));
  EXPECT_THAT(RefusalWith("nbf", Now() + 61), HasSubstr("(nbf)"));
  EXPECT_THAT(RefusalWith("sub", ""), HasSubstr("(sub)"));
  EXPECT_THAT(RefusalWith("preferred_username", "a\nb"), HasSubstr("control characters"));
}

TEST_F(ProviderTest, ClocksMayDifferALittle) {
  EXPECT_EQ(RefusalWith("exp", Now() - 59), "taken");
  EXPECT_EQ(RefusalWith("iat", Now() + 59), "taken");
  EXPECT_EQ(RefusalWith("aud", Value::List{"pipelined"}), "taken");
}

TEST_F(ProviderTest, NewKeysAreFetchedOnceAndNotAtOnceAgain) {
  ASSERT_EQ(Refusal(), "taken");
  EXPECT_EQ(asked_["https://id.example.com/keys"], 1);
  clock_.Advance(std::chrono::seconds(11));
  ASSERT_EQ(Refusal(), "taken");
  EXPECT_EQ(asked_["https://id.example.com/keys"], 1) << "known keys are kept";
  keys_ = {OtherRsa().Public()};
  signer_ = &OtherRsa();
  EXPECT_EQ(Refusal(), "taken");
  EXPECT_EQ(asked_["https://id.example.com/keys"], 2);
  signer_ = &Rsa();
  EXPECT_THAT(Refusal(), HasSubstr("publishes no key for it")) << "the old key is gone";
  EXPECT_EQ(asked_["https://id.example.com/keys"], 2) << "asked a moment ago";
  clock_.Advance(std::chrono::seconds(11));
  EXPECT_THAT(Refusal(), HasSubstr("publishes no key for it"));
  EXPECT_EQ(asked_["https://id.example.com/keys"], 3);
}

TEST_F(ProviderTest, KeysThatWereTakenBackAreForgottenInTime) {
  ASSERT_EQ(Refusal(), "taken");
  keys_ = {OtherRsa().Public()};
  clock_.Advance(std::chrono::hours(1));
  claims_.Set("exp", Now() + 300);
  claims_.Set("iat", Now());
  EXPECT_THAT(Refusal(), HasSubstr("publishes no key for it"));
}

TEST_F(ProviderTest, AProviderThatIsDownIsAskedAgainAfterAWhileOnly) {
  down_ = true;
  for (int i = 0; i < 3; ++i) {
    const Result<std::string> url = Made().AuthorizationUrl(bindings_, kBack);
    ASSERT_FALSE(url.ok());
    EXPECT_EQ(url.error().code, ErrorCode::kUnavailable);
  }
  EXPECT_EQ(asked_[std::string(kIssuer) + "/.well-known/openid-configuration"], 1);
  down_ = false;
  clock_.Advance(std::chrono::seconds(6));
  EXPECT_TRUE(Made().AuthorizationUrl(bindings_, kBack).ok());
}

TEST_F(ProviderTest, ADiscoveryDocumentOfAnotherIssuerOrWithoutTlsIsNotBelieved) {
  discovery_.Set("issuer", "https://evil.example.com");
  EXPECT_THAT(Made().AuthorizationUrl(bindings_, kBack).error().message, HasSubstr("of the issuer"));
  clock_.Advance(std::chrono::seconds(6));
  discovery_.Set("issuer", kIssuer);
  discovery_.Set("token_endpoint", "http://id.example.com/token");
  EXPECT_THAT(Made().AuthorizationUrl(bindings_, kBack).error().message, HasSubstr("without TLS"));
}

TEST_F(ProviderTest, ACodeThatWasUsedIsRefusedAndAWrongSecretIsOurs) {
  token_error_ = "invalid_grant";
  EXPECT_THAT(Refusal(), HasSubstr("does not take this code"));
  token_error_ = "invalid_client";
  EXPECT_EQ(Redeem().error().code, ErrorCode::kUnavailable);
}

TEST_F(ProviderTest, TheAnswerOfAnotherProviderIsRefused) {
  iss_ = "https://evil.example.com";
  EXPECT_THAT(Refusal(), HasSubstr("(iss)"));
  iss_.clear();
  discovery_.Set("authorization_response_iss_parameter_supported", true);
  clock_.Advance(std::chrono::hours(1));
  EXPECT_THAT(Refusal(), HasSubstr("(iss)"));
}

TEST_F(ProviderTest, WhatTheTokenDoesNotSayIsAskedFor) {
  discovery_.Set("userinfo_endpoint", "https://id.example.com/userinfo");
  claims_ = Value::Map{{"iss", kIssuer},     {"sub", "4711"}, {"aud", "pipelined"},
                       {"exp", Now() + 300}, {"iat", Now()},  {"nonce", bindings_.nonce}};
  userinfo_ = Value::Map{{"sub", "4711"}, {"preferred_username", "alice"}, {"groups", Value::List{"staff"}}};
  const Result<Identity> identity = Redeem();
  ASSERT_TRUE(identity.ok()) << identity.error().message;
  EXPECT_EQ(identity->name, "alice");
  EXPECT_THAT(identity->groups, ElementsAre("staff"));
  EXPECT_EQ(last_["https://id.example.com/userinfo"].headers.at("Authorization"), "Bearer at");
  userinfo_.Set("sub", "1");
  EXPECT_THAT(Refusal(), HasSubstr("about somebody else"));
}

TEST_F(ProviderTest, OptionsThatCannotWorkAreNamed) {
  const auto message = [&](ProviderOptions options) { return Provider::Make(options, clock_).error().message; };
  ProviderOptions options = options_;
  options.issuer = "http://id.example.com";
  EXPECT_THAT(message(options), HasSubstr("auth.oidc_issuer"));
  options.issuer = "http://localhost.example.com";
  EXPECT_THAT(message(options), HasSubstr("auth.oidc_issuer"));
  options = options_;
  options.client_id.clear();
  EXPECT_THAT(message(options), HasSubstr("auth.oidc_client_id"));
  options = options_;
  options.scopes = "profile";
  EXPECT_THAT(message(options), HasSubstr("auth.oidc_scopes"));
}

TEST(Bindings, AreOfTheSecretAndUnlikeEachOther) {
  const Bindings a = BindingsOf("a"), b = BindingsOf("b");
  EXPECT_EQ(a.state, BindingsOf("a").state);
  EXPECT_NE(a.state, b.state);
  EXPECT_NE(a.state, a.nonce);
  EXPECT_NE(a.nonce, a.verifier);
  EXPECT_EQ(a.verifier.size(), 43U) << "PKCE wants 43 characters at least";
}

}  // namespace
}  // namespace pipelined::oidc
