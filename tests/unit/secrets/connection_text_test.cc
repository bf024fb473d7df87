// How a connection is written in the environment and in files.
#include "pipelined/secrets/connection_text.h"

#include <gmock/gmock.h>

#include "pipelined/schema/json.h"

namespace pipelined::secrets {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Written {
  std::string_view text, means;
};

TEST(Connection, IsReadAsAirflowWritesIt) {
  for (
      const Written& one : std::vector<Written>{
          {"postgres://ann:p%40ss@db:5432/sales?sslmode=require",
           R"({"conn_type": "postgres", "schema": "sales", "login": "ann", "password": "p@ss", "port": 5432, "host": "db", "extra": "{\"sslmode\":\"require\"}"})"},
          {"postgresql://db/", R"({"conn_type": "postgres", "host": "db"})"},
          {"http://https%3A%2F%2Fexample.org", R"({"conn_type": "http", "host": "https://example.org"})"},
          {"google-cloud://", R"({"conn_type": "google_cloud"})"},
          {"http://[::1]:80/", R"({"conn_type": "http", "port": 80, "host": "::1"})"},
          {"smtp://u:a:b@h", R"({"conn_type": "smtp", "login": "u", "password": "a:b", "host": "h"})"},
          {"x://h?__extra__=%7B%22a%22%3A+1%7D", R"({"conn_type": "x", "host": "h", "extra": "{\"a\":1}"})"},
          {R"({"conn_type": "http", "host": "h", "port": "80", "extra": {"a": 1}})",
           R"({"conn_type": "http", "host": "h", "port": 80, "extra": "{\"a\":1}"})"}}) {
    const auto read = ParseConnection(one.text);
    ASSERT_TRUE(read.ok()) << one.text << read.error().message;
    EXPECT_EQ(ToJson(*read), ToJson(*ParseJson(one.means))) << one.text;
  }
}

TEST(Connection, WhatIsNoneIsRefusedAndNotRepeated) {
  for (const char* text :
       {"", "s3cret", "://h", "{", R"({"host": "s3cret"})", "http://s3cret:99999", "http://h:s3cret"}) {
    const auto read = ParseConnection(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.error().message, Not(HasSubstr("s3cret")));
  }
}

}  // namespace
}  // namespace pipelined::secrets
