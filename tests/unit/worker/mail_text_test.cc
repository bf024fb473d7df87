// Addresses and headers: what can stand in them, and what cannot get in.
#include "worker/mail_text.h"

#include <gmock/gmock.h>

#include "pipelined/schema/json.h"

namespace pipelined::worker {
namespace {

using ::testing::HasSubstr;

TEST(MailAddress, IsReadWithOrWithoutAName) {
  EXPECT_EQ(ParseAddress("ann@example.org")->address, "ann@example.org");
  EXPECT_EQ(ParseAddress(" Ann Lee <ann+x@example.org> ")->name, "Ann Lee");
  EXPECT_EQ(ParseAddress("\"Lee, Ann\" <ann@example.org>")->name, "Lee, Ann");
}

TEST(MailAddress, WhatIsNoneIsRefused) {
  for (const char* text : {"", "ann", "@example.org", "ann@", "ann@example.org\r\nBcc: x@y", "a b@c", "ann@ex ample",
                           "<ann@example.org", "ann@example.org> <b@c", "ann@.org", "ann@example.org."})
    EXPECT_FALSE(ParseAddress(text).ok()) << text;
  EXPECT_FALSE(ParseAddress(std::string("a\0@b.org", 8)).ok());
  EXPECT_FALSE(ParseAddress(std::string(300, 'a') + "@b.org").ok());
}

TEST(MailHeader, IsAsItIsOrEncoded) {
  EXPECT_EQ(*EncodeHeader("Report of 2026-01-01"), "Report of 2026-01-01");
  EXPECT_EQ(*EncodeHeader("Grüße"), "=?UTF-8?B?R3LDvMOfZQ==?=");
  EXPECT_EQ(*EncodeHeader("=?UTF-8?B?eA==?="), "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=");
  EXPECT_FALSE(EncodeHeader("a\r\nBcc: x@y.org").ok());
  EXPECT_FALSE(EncodeHeader(std::string("a\0b", 3)).ok());
}

TEST(MailHeader, ALongOneIsSeveralWordsOfWholeCharacters) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "ü";
  const std::string encoded = *EncodeHeader(text);
  EXPECT_THAT(encoded, HasSubstr("?=\r\n =?UTF-8?B?"));
  EXPECT_THAT(encoded, HasSubstr("w7w"));  // every word begins with a whole ü
  for (std::size_t at = encoded.find("?B?"); at != std::string::npos; at = encoded.find("?B?", at + 1))
    EXPECT_EQ(encoded.substr(at + 3, 3), "w7w");
}

TEST(MailHeader, NamesAreQuotedOrEncoded) {
  EXPECT_EQ(FormatAddress({"", "a@b.org"}), "a@b.org");
  EXPECT_EQ(FormatAddress({"Ann \"X\" Lee", "a@b.org"}), "\"Ann \\\"X\\\" Lee\" <a@b.org>");
  EXPECT_EQ(FormatAddress({"Jörg", "a@b.org"}), "=?UTF-8?B?SsO2cmc=?= <a@b.org>");
}

TEST(Mail, ComesFromTheConnectionUnlessTheFileSaysOtherwise) {
  const auto from = [](const std::string& json) { return ReadMail(*ParseJson(json))->from.address; };
  const std::string rest = R"("to": ["x@y.org"], "subject": "s", "text": "t"})";
  EXPECT_EQ(from(R"({"from": "me@b.org", "connection": {"login": "login@b.org"}, )" + rest), "me@b.org");
  EXPECT_EQ(from(R"({"connection": {"login": "login@b.org", "extra": "{\"from_email\": \"extra@b.org\"}"}, )" + rest),
            "extra@b.org");
  EXPECT_EQ(from(R"({"connection": {"login": "login@b.org"}, )" + rest), "login@b.org");
}

TEST(Mail, OneTextMayHoldSeveralAddresses) {
  const auto mail = ReadMail(*ParseJson(R"({"from": "a@b.org", "to": "x@y.org, Z <z@y.org>", "subject": "s"})"));
  ASSERT_TRUE(mail.ok()) << mail.error().message;
  EXPECT_EQ(mail->to.size(), 2u);
}

TEST(Mail, SaysWhichHeaderIsWrong) {
  const auto why = [](const Value& spec) { return ReadMail(spec).error().message; };
  EXPECT_EQ(why(Value::Map{{"from", "a@b.org"}, {"subject", "s"}}), "to: there is no address");
  EXPECT_THAT(why(Value::Map{{"from", "a@b.org"}, {"to", "x@y.org"}, {"subject", "s\nBcc: v@w.org"}}),
              HasSubstr("subject: it holds a line end"));
  EXPECT_THAT(why(Value::Map{{"from", "a@b.org"}, {"to", "x@y.org\r\nRCPT TO:<v@w.org>"}, {"subject", "s"}}),
              HasSubstr("to: \"x@y.org\\r\\nRCPT TO:<v@w.org>\" holds a line end"));
}

}  // namespace
}  // namespace pipelined::worker
