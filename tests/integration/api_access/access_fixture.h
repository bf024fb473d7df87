// The API over a real database, with somebody of every kind and two DAGs, "own" and "other", each with a run "r".
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "api/routes.h"
#include "api/service.h"
#include "api/http/target.h"
#include "pipelined/schema/json.h"
#include "pipelined/secrets/token.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::api {

class AccessTest : public ::testing::Test {
 protected:
  AccessTest() {
    options_.url = testing::PostgresFixture::Shared().url();
    options_.schema = testing::PostgresFixture::Shared().NewSchema();
    EXPECT_TRUE(Migrate(options_).ok());
    store_ = MakePgStore(options_, SystemClock());
    catalog_ = MakePgCatalog(options_);
    const Lease lease = **store_->Acquire("me", std::chrono::hours(1));
    EXPECT_TRUE(store_->Load(lease).ok());
    const auto publisher = MakePgPublisher(options_);
    EXPECT_TRUE(
        publisher
            ->Publish(Publication{{testing::SampleDag("own"), testing::SampleDag("other")}, {}, {}, {}}, lease.epoch)
            .ok());
    for (const char* dag_id : {"own", "other"}) {
      TriggerRequest request;
      request.dag_id = dag_id;
      request.run_id = "r";
      EXPECT_TRUE(catalog_->Trigger(request).ok());
    }
    ApiOptions options;
    options.patience = Micros(0);
    options.local_token = "local-token";
    service_ = std::make_unique<Service>(*catalog_, std::move(options));
    for (const char* role : {"viewer", "user", "op", "admin"}) AddWithRole(role, role);
    AddWithRole("service", "user", AccountKind::kService);
    EXPECT_TRUE(accounts().PutRole(RoleRow{"starter", "", {"runs.read", "runs.trigger"}}, true).ok());
    AddWithRole("custom", "starter");
    Add("of-other", {GrantRow{0, "of-other", "admin", GrantScope::kDag, "other"}});
    Token("admin", "expired", testing::At(0));
    EXPECT_TRUE(accounts().DropToken(Token("admin", "revoked", std::nullopt)).ok());
  }

  Accounts& accounts() { return catalog_->accounts(); }

  // Whose token is his name.
  void Add(const std::string& name, std::vector<GrantRow> grants, AccountKind kind = AccountKind::kUser) {
    AccountRow account;
    account.name = name;
    account.kind = kind;
    account.grants = std::move(grants);
    EXPECT_TRUE(accounts().Add(account, "no hash").ok()) << name;
    Token(name, name, std::nullopt);
  }
  void AddWithRole(const std::string& name, const std::string& role, AccountKind kind = AccountKind::kUser) {
    Add(name, {GrantRow{0, name, role, GrantScope::kAll, ""}}, kind);
  }
  std::int64_t Token(const std::string& account, const std::string& text, std::optional<Instant> expires,
                     std::optional<std::vector<std::string>> permissions = std::nullopt,
                     std::optional<std::vector<std::string>> dag_ids = std::nullopt) {
    TokenRow token;
    token.account = account;
    token.expires_at = expires;
    token.permissions = std::move(permissions);
    token.dag_ids = std::move(dag_ids);
    const Result<TokenRow> added = accounts().AddToken(token, secrets::TokenHash(text));
    EXPECT_TRUE(added.ok()) << added.error().message;
    return added->id;
  }

  // `token` empty: none is sent. A target that cannot be read is 400, as the server answers it.
  Response Send(const std::string& method, const std::string& target, const std::string& token,
                const std::string& body = "", const Pairs& headers = {}) {
    const Result<Target> parsed = ParseTarget(target);
    if (!parsed.ok()) return Detail(400, parsed.error().message);
    Request request;
    request.method = method;
    request.path = parsed->path;
    request.segments = parsed->segments;
    request.query = parsed->query;
    request.body = body;
    request.headers = headers;
    request.remote = "192.0.2.1";
    if (!token.empty()) request.headers.emplace_back("authorization", "Bearer " + token);
    return Dispatch(*service_, request);
  }
  int Status(const std::string& method, const std::string& target, const std::string& token,
             const std::string& body = "") {
    return Send(method, target, token, body).status;
  }
  Value Get(const std::string& target, const std::string& token) {
    const Response response = Send("GET", target, token);
    EXPECT_EQ(response.status, 200) << target << " " << response.body;
    Result<Value> value = ParseJson(response.body);
    return value.ok() ? *std::move(value) : Value();
  }

  StoreOptions options_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Service> service_;
};

}  // namespace pipelined::api
