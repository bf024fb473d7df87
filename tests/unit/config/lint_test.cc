#include "pipelined/config/lint.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pipelined {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LintTest : public testing::Test {
 protected:
  LintTest() {
    std::string pattern = testing::TempDir() + "lint_XXXXXX";
    home_ = mkdtemp(pattern.data());
    sources_.home = home_;
    sources_.working_dir = "/";
  }
  ~LintTest() override { std::filesystem::remove_all(home_); }

  std::vector<LintFinding> Lint(const std::string& text, const std::string& environment = "production") {
    std::ofstream(home_ + "/pipelined.yaml") << text;
    const auto loaded = LoadSettings(sources_);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    return loaded ? LintSettings(*loaded, environment) : std::vector<LintFinding>();
  }
  std::vector<std::string> Codes(const std::string& text, const std::string& environment = "production") {
    std::vector<std::string> codes;
    for (const LintFinding& finding : Lint(text, environment)) codes.push_back(finding.code);
    return codes;
  }

  std::string home_;
  SettingsSources sources_;
};

TEST_F(LintTest, TheDefaultsAreFineEverywhere) {
  EXPECT_THAT(Codes(""), IsEmpty());
  EXPECT_THAT(Codes("", "development"), IsEmpty());
}

TEST_F(LintTest, AFindingNamesFileLineSettingAndRemedy) {
  const auto findings = Lint("api:\n  host: 0.0.0.0\n  allow_insecure: true\n");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "CFG201");
  EXPECT_EQ(findings[0].origin, home_ + "/pipelined.yaml:3");
  EXPECT_EQ(findings[0].name, "api.allow_insecure");
  EXPECT_THAT(findings[0].what, HasSubstr("set api.tls_cert and api.tls_key"));
}

TEST_F(LintTest, AChannelWithASecretAndWithoutTlsIsFoundInProduction) {
  sources_.variables = {{"S", "secret"}};
  const auto of = [&](const std::string& channel) { return Codes("alerts: {channels: {c: " + channel + "}}"); };
  const std::string mail = "from: p@example.com, user: me, password: '${env:S}'";
  EXPECT_THAT(of("{type: webhook, url: http://a.example.com/x, token: '${env:S}'}"), ElementsAre("CFG211"));
  EXPECT_THAT(of("{type: webhook, url: http://a.example.com:8080, secret: '${env:S}'}"), ElementsAre("CFG211"));
  EXPECT_THAT(of("{type: slack, url: http://a.example.com/x}"), ElementsAre("CFG211"));
  EXPECT_THAT(of("{type: mail, url: smtp://a.example.com, tls: none, " + mail + "}"), ElementsAre("CFG211"));
  EXPECT_THAT(of("{type: webhook, url: http://a.example.com/x}"), IsEmpty());
  EXPECT_THAT(of("{type: webhook, url: http://127.0.0.1:1/x, token: '${env:S}'}"), IsEmpty());
  EXPECT_THAT(of("{type: webhook, url: https://a.example.com/x, token: '${env:S}'}"), IsEmpty());
  EXPECT_THAT(of("{type: mail, url: smtp://a.example.com, " + mail + "}"), IsEmpty());
  EXPECT_THAT(of("{type: mail, url: smtp://a.example.com, tls: none, from: p@example.com}"), IsEmpty());
  EXPECT_THAT(Codes("alerts: {channels: {c: {type: slack, url: http://a.example.com/x}}}", "testing"), IsEmpty());
}

TEST_F(LintTest, ContradictionsAreFoundInEveryEnvironment) {
  EXPECT_THAT(Codes("api: {tls_cert: a}", ""), ElementsAre("CFG101"));
  EXPECT_THAT(Codes("api: {tls_key: a}", "testing"), ElementsAre("CFG101"));
  EXPECT_THAT(Codes("api: {host: 0.0.0.0}", ""), ElementsAre("CFG102"));
  EXPECT_THAT(Codes("api: {host: 0.0.0.0, tls_cert: a, tls_key: b}", ""), IsEmpty());
  EXPECT_THAT(Codes("auth: {session_idle: 3d}", ""), ElementsAre("CFG103"));
  EXPECT_THAT(Codes("api: {max_connections: 10}", ""), ElementsAre("CFG104"));
}

TEST_F(LintTest, WhatIsNoGoodInProductionIsFineElsewhere) {
  const std::string text =
      "api: {allow_insecure: true, cors_origins: 'https://a *', allowed_hosts: '*', trusted_proxies: '0.0.0.0/0'}\n"
      "core: {test_connection: enabled}\n"
      "auth: {oidc_issuer: 'http://id', token_lifetime: 365d}\n"
      "logging: {level: debug}\n";
  EXPECT_THAT(Codes(text), ElementsAre("CFG201", "CFG202", "CFG203", "CFG204", "CFG205", "CFG206", "CFG208", "CFG209"));
  for (const char* environment : {"", "development", "testing"}) EXPECT_THAT(Codes(text, environment), IsEmpty());
}

TEST_F(LintTest, ADatabaseOnAnotherHostWantsTls) {
  const auto url = [&](const std::string& text) { return Codes("database: {url: \"" + text + "\"}"); };
  EXPECT_THAT(url("postgresql://etl@db.example.com/etl"), ElementsAre("CFG207"));
  EXPECT_THAT(url("host=db.example.com dbname=etl"), ElementsAre("CFG207"));
  EXPECT_THAT(url("postgresql://etl@[2001:db8::1]:5432/etl"), ElementsAre("CFG207"));
  EXPECT_THAT(url("postgresql://etl@db.example.com/etl?sslmode=prefer"), ElementsAre("CFG207"));
  for (const char* fine : {"postgresql://etl@db.example.com/etl?sslmode=verify-full", "host=/run/postgresql dbname=etl",
                           "postgresql:///etl?host=/run/postgresql", "postgresql://etl@localhost:5432/etl",
                           "postgresql://%2Frun%2Fpostgresql/etl", "dbname=etl", "postgresql://etl@[::1]:5432/etl"})
    EXPECT_THAT(url(fine), IsEmpty()) << fine;
}

TEST_F(LintTest, ASecretThatIsWrittenOutIsFoundAndNotRepeated) {
  sources_.variables = {{"KEY", "topsecret"}};
  const auto findings = Lint("metrics: {token: topsecret}");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "CFG210");
  EXPECT_EQ(findings[0].what.find("topsecret"), std::string::npos);
  EXPECT_THAT(Codes("database: {url: 'postgresql://etl:topsecret@localhost/etl'}"), ElementsAre("CFG210"));
  EXPECT_THAT(Codes("metrics: {token: '${env:KEY}'}"), IsEmpty());
  EXPECT_THAT(Codes("metrics: {token: topsecret}", "development"), IsEmpty());
}

TEST_F(LintTest, TheEnvironmentsOfTheRepositoryAreClean) {
  sources_.config_dirs = {std::string(PIPELINED_SOURCE_DIR) + "/config"};
  for (const char* environment : {"development", "testing", "production"}) {
    sources_.environment = environment;
    EXPECT_THAT(Codes("", environment), IsEmpty()) << environment;
  }
}

}  // namespace
}  // namespace pipelined
