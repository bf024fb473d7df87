// alerts.channels: from files, variables and the command line, and what is shown of them.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "pipelined/config/settings.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ChannelsTest : public ::testing::Test {
 protected:
  ChannelsTest() {
    std::string pattern = ::testing::TempDir() + "channels_XXXXXX";
    sources_.home = mkdtemp(pattern.data());
    sources_.working_dir = "/";
    sources_.variables = {{"HOOK_SECRET", "very secret"}};
  }
  ~ChannelsTest() override { std::filesystem::remove_all(sources_.home); }

  void HomeFile(const std::string& text) { std::ofstream(sources_.home + "/pipelined.yaml") << text; }
  std::vector<ChannelSettings> Channels() {
    const auto loaded = LoadSettings(sources_);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    return loaded ? loaded->settings.alerts.channels : std::vector<ChannelSettings>();
  }
  std::string Mistakes() {
    const auto loaded = LoadSettings(sources_);
    return loaded ? "none" : loaded.error().message;
  }
  std::string Shown(const std::string& name) {
    const auto loaded = LoadSettings(sources_);
    EXPECT_TRUE(loaded.ok());
    for (const EffectiveSetting& setting : loaded->effective) {
      if (setting.name == name) return setting.value;
    }
    return "not there";
  }

  SettingsSources sources_;
};

TEST_F(ChannelsTest, AreReadWithTheirDefaults) {
  HomeFile(R"(
alerts:
  channels:
    ops: {type: webhook, url: https://hooks.example.com/x, secret: "${env:HOOK_SECRET}", rate: 5, rate_window: 10s}
    post: {type: mail, url: smtp://mail.example.com:587, from: pipelined@example.com, to: [a@example.com, b@example.com]}
)");
  const auto channels = Channels();
  ASSERT_EQ(channels.size(), 2U);
  EXPECT_EQ(channels[0].name, "ops");
  EXPECT_EQ(channels[0].secret, "very secret");
  EXPECT_EQ(channels[0].rate, 5);
  EXPECT_EQ(channels[0].max_tries, 12);
  EXPECT_EQ(channels[0].dedupe_window, Micros(std::chrono::minutes(5)));
  EXPECT_THAT(channels[1].to, ElementsAre("a@example.com", "b@example.com"));
  EXPECT_EQ(channels[1].tls, "required");
}

TEST_F(ChannelsTest, VariablesAndTheCommandLineComeOnTop) {
  HomeFile("alerts: {channels: {ops: {type: slack, url: https://a.example.com}}}");
  sources_.variables.emplace_back("PIPELINED__ALERTS__CHANNELS__OPS__URL", "https://b.example.com");
  EXPECT_EQ(Channels().at(0).url, "https://b.example.com");
  sources_.command_line = {{"alerts.channels.ops.url", "https://c.example.com"}};
  EXPECT_EQ(Channels().at(0).url, "https://c.example.com");
}

TEST_F(ChannelsTest, SecretsAreMaskedAndUrlsShownWithoutTheirPath) {
  HomeFile(
      "alerts: {channels: {ops: {type: webhook, url: https://hooks.example.com/T0/B0/xyz, secret: "
      "'${env:HOOK_SECRET}'}}}");
  EXPECT_EQ(Shown("alerts.channels.ops.url"), "https://hooks.example.com/***");
  EXPECT_EQ(Shown("alerts.channels.ops.secret"), "***");
  EXPECT_EQ(Shown("alerts.channels.ops.type"), "webhook");
  EXPECT_EQ(Shown("alerts.channels.ops.from"), "not there");  // a webhook has none
}

TEST_F(ChannelsTest, ASecretIsNotWrittenOut) {
  HomeFile("alerts: {channels: {ops: {type: webhook, url: https://a.example.com, secret: hunter2}}}");
  EXPECT_THAT(Mistakes(), HasSubstr("alerts.channels.ops.secret: a secret is not written out"));
  EXPECT_THAT(Mistakes(), Not(HasSubstr("hunter2")));
}

TEST_F(ChannelsTest, WhatIsWrongIsSaidWithItsPlace) {
  const auto of = [&](const std::string& channel) {
    HomeFile("alerts:\n  channels:\n    ops: " + channel + "\n");
    return Mistakes();
  };
  EXPECT_THAT(of("{url: https://a.example.com}"), HasSubstr("type: it is not said"));
  EXPECT_THAT(of("{type: webhok, url: https://a.example.com}"), HasSubstr("\"webhok\" is not one of"));
  EXPECT_THAT(of("{type: webhook, ulr: x}"), HasSubstr("did you mean \"url\"?"));
  EXPECT_THAT(of("{type: webhook, url: ftp://a}"), HasSubstr("http:// or https:// is wanted"));
  EXPECT_THAT(of("{type: mail, url: smtp://a, from: \"a@b\\r\\nBcc: c@d\"}"),
              HasSubstr("from: a mail address is wanted"));
  EXPECT_THAT(of("{type: command, command: page}"), HasSubstr("the path of a program is wanted"));
  EXPECT_THAT(of("{type: slack, url: https://a.example.com, from: a@b}"), HasSubstr("a slack channel has none"));
  EXPECT_THAT(of("{type: webhook, url: https://a.example.com, rate: many}"),
              HasSubstr("pipelined.yaml:3: alerts.channels.ops.rate"));
  EXPECT_THAT(of("{type: webhook, url: \"https://me:pw@a.example.com\"}"),
              HasSubstr("url: who logs in is said by token"));
  EXPECT_THAT(of("{type: alertmanager, url: http://a, labels: team-x=1}"), HasSubstr("\"team-x=1\" is none"));
  EXPECT_THAT(of("{type: alertmanager, url: http://a, labels: dag_id=x}"), HasSubstr("dag_id is said by pipelined"));
  EXPECT_THAT(of("{type: alertmanager, url: http://a, labels: severity=critical team=data}"), "none");
  EXPECT_THAT(of("{type: mail, url: smtp://a, from: jürgen@example.com}"), HasSubstr("a mail address is wanted"));
  EXPECT_THAT(of("hello"), HasSubstr("wants keys"));
}

TEST_F(ChannelsTest, OnlyWhoSendsNeedsTheirSecrets) {
  HomeFile(
      "alerts: {channels: {ops: {type: webhook, url: '${env:NOT_SET}', secret: '${env:NOT_SET}'}, "
      "chat: {type: slack, url: https://a.example.com/x}}}");
  EXPECT_THAT(Mistakes(), HasSubstr("NOT_SET"));
  sources_.with_channels = false;
  const auto channels = Channels();
  ASSERT_EQ(channels.size(), 2U);
  EXPECT_EQ(channels[1].name, "ops");
  EXPECT_EQ(Shown("alerts.channels.ops.url"), "***");
  EXPECT_EQ(Shown("alerts.channels.chat.url"), "https://a.example.com/***");
  HomeFile("alerts: {channels: {ops: {type: webhook, url: https://a.example.com, secret: {command: 'touch ran'}}}}");
  Channels();
  EXPECT_FALSE(std::filesystem::exists(sources_.home + "/ran"));
}

TEST_F(ChannelsTest, WhatNeedsNoSecretIsLookedAtWithoutIt) {
  sources_.with_channels = false;
  HomeFile(R"(
alerts:
  channels:
    ops: {type: webhook, url: "https://me:pw@a.example.com", secret: "${env:NOT_SET}"}
    chat:
      type: slack
      url: "${env:NOT_SET}"
      from: a@b
)");
  EXPECT_EQ(Mistakes(), fmt::format("{0}:8: alerts.channels.chat.from: a slack channel has none\n"
                                    "{0}:4: alerts.channels.ops.url: who logs in is said by token, not there",
                                    sources_.home + "/pipelined.yaml"));
}

TEST_F(ChannelsTest, AllMistakesAreSaidEachWithItsOwnPlace) {
  HomeFile(R"(
alerts:
  channels:
    mail:
      type: mail
      url: http://a
      from: nobody
      password: "${env:NOT_SET}"
      user: me
    ops:
      type: webhook
      url: ftp://a
      rate: many
)");
  const std::string file = sources_.home + "/pipelined.yaml";
  const std::string mistakes = Mistakes();
  for (const char* mistake : {":6: alerts.channels.mail.url: smtp://", ":7: alerts.channels.mail.from: a mail address",
                              ":8: alerts.channels.mail.password: the environment variable NOT_SET is not set",
                              ":12: alerts.channels.ops.url: http://", ":13: alerts.channels.ops.rate: "})
    EXPECT_THAT(mistakes, HasSubstr(file + mistake));
  EXPECT_EQ(std::count(mistakes.begin(), mistakes.end(), '\n'), 4);
}

TEST_F(ChannelsTest, WhatTheyReferToIsLookedUpWhenItIsThere) {
  sources_.with_channels = false;
  HomeFile(
      "alerts: {channels: {ops: {type: webhook, url: 'https://${env:HOST}/x', secret: '${file:key}', rate: "
      "'${env:HOOK_SECRET}'}}}");
  const ChannelSettings channel = Channels().at(0);
  EXPECT_EQ(LookUpChannel(channel, {}).error().message,
            "alerts.channels.ops.url: the environment variable HOST is not set");
  std::vector<std::pair<std::string, std::string>> variables{{"HOOK_SECRET", "7"}, {"HOST", "a.example.com"}};
  EXPECT_THAT(LookUpChannel(channel, variables).error().message, HasSubstr("ops.secret: cannot read "));
  std::ofstream(sources_.home + "/key") << "very secret\n";
  const auto whole = LookUpChannel(channel, variables);
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  EXPECT_EQ(whole->url, "https://a.example.com/x");
  EXPECT_EQ(whole->secret, "very secret");
  EXPECT_EQ(whole->rate, 7);
  variables = {{"HOOK_SECRET", "very secret"}, {"HOST", "a.example.com"}};
  EXPECT_EQ(LookUpChannel(channel, variables).error().message,
            "alerts.channels.ops.rate: the value it refers to does not fit its type");
  variables = {{"HOOK_SECRET", "7"}, {"HOST", "me:pw@a"}};
  EXPECT_EQ(LookUpChannel(channel, variables).error().message,
            "alerts.channels.ops.url: who logs in is said by token, not there");
}

TEST_F(ChannelsTest, WhatWasLookedUpIsNotRepeated) {
  const std::string file =
      "alerts: {channels: {am: {type: alertmanager, url: 'http://a', labels: '${env:HOOK_SECRET}'}, post: {type: mail, "
      "url: 'smtp://a', from: a@b.org, to: ['${env:HOOK_SECRET}']}";
  HomeFile(file + ", said: {type: mail, url: 'smtp://a', from: a@b.org, to: nobody}}}");
  sources_.variables = {{"HOOK_SECRET", "supersecretvalue"}};
  const std::string mistakes = Mistakes();
  EXPECT_THAT(mistakes, HasSubstr("am.labels: what it refers to is none: write them as"));
  EXPECT_THAT(mistakes, HasSubstr("post.to: what it refers to is no mail address"));
  EXPECT_THAT(mistakes, HasSubstr("said.to: \"nobody\" is no mail address"));
  EXPECT_THAT(mistakes, Not(HasSubstr("supersecretvalue")));
  sources_.with_channels = false;
  HomeFile(file + "}}");
  for (const ChannelSettings& channel : Channels()) {
    const auto whole = LookUpChannel(channel, sources_.variables);
    ASSERT_FALSE(whole.ok()) << channel.name;
    EXPECT_THAT(whole.error().message, HasSubstr("what it refers to is no"));
    EXPECT_THAT(whole.error().message, Not(HasSubstr("supersecretvalue")));
  }
}

TEST_F(ChannelsTest, WhatIsOverriddenIsNotLookedUp) {
  HomeFile("alerts: {channels: {ops: {type: webhook, url: '${env:NOT_SET}'}}}");
  sources_.command_line = {{"alerts.channels.ops.url", "https://c.example.com"}};
  EXPECT_EQ(Channels().at(0).url, "https://c.example.com");
}

TEST_F(ChannelsTest, WhatIsShownAsYamlCanBeRead) {
  HomeFile("alerts: {\"channels.ops.type\": slack, \"channels.ops.url\": https://a.example.com}");
  EXPECT_EQ(Channels().at(0).type, "slack");
}

}  // namespace
}  // namespace pipelined
