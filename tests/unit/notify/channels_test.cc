// What each kind of channel puts on the wire, also when the values are hostile.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "notify/channel_secrets.h"
#include "notify/command_channel.h"
#include "notify/http_channels.h"
#include "notify/mail_text.h"
#include "notify/plain_text.h"
#include "pipelined/base/base64.h"
#include "pipelined/base/mail_address.h"
#include "pipelined/notify/message.h"
#include "pipelined/schema/json.h"

namespace pipelined::notify {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using namespace std::chrono_literals;

const Instant kNow = *ParseInstant("2026-01-01T06:00:00Z");

Message Hello(NotifyOn event = NotifyOn::kFailure) {
  Message message;
  message.id = "0f0e-42";
  message.event = event;
  message.created_at = kNow;
  message.subject = "sales failed";
  message.text = "load: exit code 7\n";
  message.facts =
      Value::Map{{"id", 42},          {"event", ToString(event)}, {"dag_id", "sales"},      {"run_id", "r"},
                 {"task_id", "load"}, {"map_index", -1},          {"error", "exit code 7"}, {"run_url", "https://x/r"}};
  return message;
}

// Values of which nothing may be executed or taken for markup.
const std::vector<std::string>& Hostile() {
  static const std::vector<std::string> values{"\r\nBcc: eve@example.com\r\n\r\nhello",
                                               "\nX: y",
                                               "\r",
                                               std::string("a\0b", 3),
                                               "'; rm -rf / #",
                                               "$(id)",
                                               "`id`",
                                               "${IFS}",
                                               "\"",
                                               "\\",
                                               "<!channel>",
                                               "&amp;",
                                               "=?UTF-8?B?AAAA?=",
                                               "\xff\xfe",
                                               "\xc3",
                                               "ä\u2028\u2029",
                                               ".\r\n.\r\n",
                                               "%0d%0aX: y",
                                               "{{ 7 * 7 }}",
                                               std::string(5000, 'x'),
                                               "\x1b[31m",
                                               "\t"};
  return values;
}

std::vector<std::string> LinesOf(const std::string& text, std::string_view end) {
  std::vector<std::string> lines;
  std::size_t start = 0;
  for (std::size_t at = text.find(end); at != text.npos; start = at + end.size(), at = text.find(end, start))
    lines.push_back(text.substr(start, at - start));
  lines.push_back(text.substr(start));
  return lines;
}

TEST(Webhooks, TheBodyHasTheFactsAndTheTexts) {
  const auto body = ParseJson(WebhookBody(Hello()));
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(body->Find("notification_id")->string(), "0f0e-42");
  EXPECT_EQ(body->Find("dag_id")->string(), "sales");
  EXPECT_EQ(body->Find("subject")->string(), "sales failed");
  EXPECT_EQ(body->Find("created_at")->string(), "2026-01-01T06:00:00+00:00");
}

// Made with: printf '%s' '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
TEST(Webhooks, TheSignatureIsOverTimeAndBody) {
  EXPECT_EQ(Signature("key", "1700000000", R"({"a":1})"),
            "sha256=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03");
}

TEST(Webhooks, HostileValuesArriveAsTheyAre) {
  for (const std::string& value : Hostile()) {
    Message message = Hello();
    message.facts.Set("error", value);
    message.text = value;
    const auto body = ParseJson(WebhookBody(message));
    ASSERT_TRUE(body.ok()) << value;
    EXPECT_EQ(body->Find("error")->string(), ValidUtf8(value));
    EXPECT_EQ(body->Find("message")->string(), ValidUtf8(value));
  }
}

TEST(Webhooks, AnAnswerIsTakenLaterOrNever) {
  EXPECT_EQ(OutcomeOf(200, "", "", kNow).verdict, Verdict::kTaken);
  EXPECT_EQ(OutcomeOf(202, "", "", kNow).verdict, Verdict::kTaken);
  for (const int status : {408, 425, 429, 500, 502, 503, 504})
    EXPECT_EQ(OutcomeOf(status, "", "", kNow).verdict, Verdict::kLater) << status;
  for (const int status : {301, 302, 307, 400, 401, 403, 404, 410, 413})
    EXPECT_EQ(OutcomeOf(status, "", "", kNow).verdict, Verdict::kRefused) << status;
  EXPECT_EQ(OutcomeOf(404, "no such hook\nsecret second line", "", kNow).error, "HTTP 404: no such hook");
  EXPECT_EQ(OutcomeOf(302, "moved", "", kNow).error, "HTTP 302: redirects are not followed");
}

TEST(Webhooks, RetryAfterIsHeededWithinReason) {
  EXPECT_EQ(OutcomeOf(429, "", "30", kNow).not_before, Micros(30s));
  EXPECT_EQ(OutcomeOf(429, "", "86400", kNow).not_before, Micros(24h));
  EXPECT_EQ(OutcomeOf(429, "", "99999999999999999", kNow).not_before, Micros(std::chrono::days(366)));
  EXPECT_EQ(OutcomeOf(429, "", "soon", kNow).not_before, std::nullopt);
  EXPECT_EQ(OutcomeOf(429, "", "-5", kNow).not_before, std::nullopt);
  EXPECT_EQ(OutcomeOf(429, "", "Thu, 01 Jan 2026 06:00:30 GMT", kNow).not_before, Micros(30s));
  EXPECT_EQ(OutcomeOf(429, "", "Thu, 01 Jan 2026 05:00:00 GMT", kNow).not_before, std::nullopt);
  EXPECT_EQ(OutcomeOf(404, "", "30", kNow).not_before, std::nullopt);
}

TEST(Secrets, AreMaskedWhereverAnAnswerRepeatsThem) {
  ChannelSettings channel;
  channel.url = "https://hooks.example.com/services/T0/B0/xyzzyxyzzyxyzzyxyzzy?key=unguessable&x=1";
  channel.token = "tok-tok-tok";
  channel.secret = "hooksecret";
  channel.user = "me";
  channel.password = "pass word";
  const SecretMask mask = SecretsOf(channel);
  for (const char* said :
       {"Cannot POST /services/T0/B0/xyzzyxyzzyxyzzyxyzzy?key=unguessable&x=1", "/services/T0/B0/xyzzyxyzzyxyzzyxyzzy",
        R"({"path":"\/services\/T0\/B0\/xyzzyxyzzyxyzzyxyzzy"})", "no hook xyzzyxyzzyxyzzyxyzzy", "key=unguessable",
        "unguessable is no key", "Bearer tok-tok-tok", "signed with hooksecret", "pass word", "pass%20word",
        "cGFzcyB3b3Jk", "AG1lAHBhc3Mgd29yZA=="}) {
    const std::string shown = mask.Apply(said);
    EXPECT_THAT(shown, HasSubstr("***")) << said;
    for (const char* secret : {"xyzzy", "unguessable", "tok-tok", "hooksecret", "pass", "cGFz", "AG1l"})
      EXPECT_THAT(shown, Not(HasSubstr(secret))) << said;
  }
  EXPECT_EQ(mask.Apply("these services are closed"), "these services are closed");
}

TEST(Slack, MarkupInValuesIsText) {
  Notification row;
  row.dag_id = "sales";
  row.facts = Value::Map{{"error", "<!channel> & <https://evil|click>"}, {"try_number", 2}};
  row.use.message = "<!here> {{ error }} {{ try_number }} {{ [error] }} <https://wiki|help>";
  const auto text = [&] { return ParseJson(SlackBody(MakeMessage(row, {})))->Find("text")->string(); };
  const std::string plain = "&lt;!channel&gt; &amp; &lt;https://evil|click&gt;";
  EXPECT_EQ(text(), "[pipelined] sales failed\n<!here> " + plain + " 2 ['" + plain + "'] <https://wiki|help>");
  row.use.message.clear();
  EXPECT_THAT(text(), AllOf(HasSubstr("error: " + plain), Not(HasSubstr("<"))));
  row.use.message = "{{ nothing }}";
  EXPECT_THAT(text(), Not(HasSubstr("<")));
}

ChannelSettings Alertmanager() {
  ChannelSettings channel;
  channel.labels = "severity=critical team=data";
  channel.alert_for = 24h;
  return channel;
}

TEST(Alerts, AFailureFiresForAWhile) {
  EXPECT_EQ(
      AlertBody(Hello(), Alertmanager(), kNow),
      R"([{"labels":{"alertname":"PipelinedFailed","dag_id":"sales","task_id":"load","severity":"critical",)"
      R"("team":"data"},"annotations":{"summary":"sales failed","description":"load: exit code 7\n","run_id":"r",)"
      R"("error":"exit code 7","run_url":"https://x/r","notification_id":"0f0e-42"},)"
      R"("startsAt":"2026-01-01T06:00:00+00:00","endsAt":"2026-01-02T06:00:00+00:00","generatorURL":"https://x/r"}])");
}

TEST(Alerts, ItsEndHasTheSameLabels) {
  Message end = Hello(NotifyOn::kRecovered);
  end.facts.Set("ends", "failure");
  const auto fired = ParseJson(AlertBody(Hello(), Alertmanager(), kNow)),
             ended = ParseJson(AlertBody(end, Alertmanager(), kNow));
  EXPECT_EQ(*fired->list()[0].Find("labels"), *ended->list()[0].Find("labels"));
  EXPECT_EQ(ended->list()[0].Find("endsAt")->string(), "2026-01-01T06:00:00+00:00");
  EXPECT_EQ(ended->list()[0].Find("startsAt"), nullptr);
}

TEST(Alerts, AFailureThatIsOverByNowIsToldAsOver) {
  Message late = Hello();
  late.recovered_at = kNow;
  EXPECT_THAT(AlertBody(late, Alertmanager(), kNow + 1h),
              AllOf(HasSubstr(R"("endsAt":"2026-01-01T07:00:00+00:00")"), Not(HasSubstr("startsAt"))));
}

TEST(Mail, IsPlainAndEncoded) {
  EXPECT_EQ(MailText({"p@example.com", {"a@example.com", "b@example.com"}, "sales failed", "hello\n", "0f0e-42", kNow}),
            "Date: Thu, 01 Jan 2026 06:00:00 +0000\r\n"
            "From: <p@example.com>\r\n"
            "To: <a@example.com>,\r\n <b@example.com>\r\n"
            "Subject: sales failed\r\n"
            "Message-ID: <0f0e-42@example.com>\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: base64\r\n"
            "\r\n"
            "aGVsbG8K\r\n");
}

TEST(Mail, NoValueMakesAHeader) {
  for (const std::string& value : Hostile()) {
    const std::string mail = MailText({"p@example.com", {"a@example.com"}, value, value, "1", kNow});
    const std::size_t end = mail.find("\r\n\r\n");
    ASSERT_NE(end, mail.npos) << value;
    std::vector<std::string> names;
    for (const std::string& line : LinesOf(mail.substr(0, end), "\r\n")) {
      EXPECT_LE(line.size(), 78U) << line;
      for (const char c : line) EXPECT_TRUE(c >= ' ' && c < 127) << value;
      if (!line.starts_with(' ')) names.push_back(line.substr(0, line.find(':')));
    }
    EXPECT_THAT(names, ::testing::ElementsAre("Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted",
                                              "MIME-Version", "Content-Type", "Content-Transfer-Encoding"))
        << value;
    for (const std::string& line : LinesOf(mail.substr(end + 4), "\r\n"))
      EXPECT_EQ(line.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="), line.npos)
          << line;
  }
}

TEST(Mail, ASubjectBeyondAsciiIsEncodedInWordsThatFit) {
  EXPECT_EQ(HeaderText("größer"), "=?UTF-8?B?Z3LDtsOfZXI=?=");
  for (const std::string& line : LinesOf(HeaderText(std::string(300, 'x')), "\r\n")) EXPECT_LE(line.size(), 75U + 1);
}

TEST(Mail, AnAddressIsOneAddress) {
  EXPECT_TRUE(IsMailAddress("a.b+c@example.com"));
  for (const std::string_view bad :
       {"", "a", "@b", "a@", "a@b\r\nBcc: c@d", "a@b c@d", "a@b,c@d", "<a@b>", "\"a\"@b", "ä@b"})
    EXPECT_FALSE(IsMailAddress(bad)) << bad;
}

TEST(Commands, GetEverythingAsVariables) {
  EXPECT_THAT(CommandEnvironment(Hello()), IsSupersetOf({Pair("PIPELINED_NOTIFICATION_ID", "0f0e-42"),
                                                         Pair("PIPELINED_NOTIFICATION_DAG_ID", "sales"),
                                                         Pair("PIPELINED_NOTIFICATION_MAP_INDEX", "-1"),
                                                         Pair("PIPELINED_NOTIFICATION_SUBJECT", "sales failed")}));
}

class CommandTest : public ::testing::Test {
 protected:
  static Outcome Run(std::vector<std::string> command, const Message& message = Hello(), Micros timeout = 10s) {
    ChannelSettings settings;
    settings.type = "command";
    settings.command = std::move(command);
    settings.timeout = timeout;
    return CommandChannel(settings, SystemClock()).Send(message);
  }
};

TEST_F(CommandTest, NoValueIsEverPartOfACommand) {
  for (const std::string& value : Hostile()) {
    Message message = Hello();
    message.facts.Set("error", value);
    const Outcome outcome =
        Run({"/bin/sh", "-c", "printf %s \"$PIPELINED_NOTIFICATION_ERROR\" | base64 -w0; exit 1"}, message);
    std::string wanted = value;
    std::erase(wanted, '\0');
    EXPECT_EQ(outcome.error, wanted.empty() ? "exit code 1" : "exit code 1: " + Base64(wanted).substr(0, 200)) << value;
  }
}

TEST_F(CommandTest, ZeroIsTakenAndAllElseIsTriedAgain) {
  EXPECT_EQ(Run({"/bin/true"}).verdict, Verdict::kTaken);
  const Outcome failed = Run({"/bin/sh", "-c", "echo the pager is off; exit 3"});
  EXPECT_EQ(failed.verdict, Verdict::kLater);
  EXPECT_EQ(failed.status, 3);
  EXPECT_EQ(failed.error, "exit code 3: the pager is off");
  EXPECT_EQ(Run({"/no/such/program"}).verdict, Verdict::kRefused);
  EXPECT_EQ(Run({"/bin/sh", "-c", "kill -9 $$"}).error, "ended by signal 9");
}

TEST_F(CommandTest, OneThatHangsIsKilledWithAllThatItStarted) {
  const Outcome outcome = Run({"/bin/sh", "-c", "sleep 1000 & echo $!; sleep 1000"}, Hello(), 300ms);
  EXPECT_EQ(outcome.verdict, Verdict::kLater);
  const std::string words = "killed after 300ms: ";
  ASSERT_THAT(outcome.error, StartsWith(words));
  const pid_t child = std::stoi(outcome.error.substr(words.size()));
  const auto is_dead = [child] {  // or a zombie, where nobody reaps
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string pid, name, state;
    return !(stat >> pid >> name >> state) || state == "Z";
  };
  for (int i = 0; i < 500 && !is_dead(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(is_dead());
}

TEST_F(CommandTest, MaySayMoreThanAPipeHolds) {
  EXPECT_EQ(Run({"/bin/sh", "-c", "head -c 1000000 /dev/zero"}).verdict, Verdict::kTaken);
}

TEST_F(CommandTest, GetsNoDescriptorOfTheDaemon) {
  const int leaky = open("/dev/null", O_RDONLY);  // as of libraries that do not say O_CLOEXEC
  EXPECT_EQ(Run({"/bin/sh", "-c", fmt::format("test ! -e /proc/self/fd/{}", leaky)}).verdict, Verdict::kTaken);
  close(leaky);
}

TEST_F(CommandTest, ItDoesNotGetWhatTheDaemonHasInItsEnvironment) {
  setenv("HOOK_SECRET", "very secret", 1);
  EXPECT_EQ(Run({"/bin/sh", "-c", "test -z \"$HOOK_SECRET\""}).verdict, Verdict::kTaken);
  unsetenv("HOOK_SECRET");
}

}  // namespace
}  // namespace pipelined::notify
