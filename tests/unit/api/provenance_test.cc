#include "api/http/provenance.h"

#include <gtest/gtest.h>

#include "api/access/role_map.h"

namespace pipelined::api {
namespace {

AddressList List(std::string_view text) {
  const Result<AddressList> list = AddressList::Parse(text);
  EXPECT_TRUE(list.ok()) << text;
  return list.ok() ? *list : AddressList();
}

TEST(AddressListTest, AddressesAndNetworksOfBothKinds) {
  const AddressList list = List("127.0.0.1, 10.1.0.0/16 fd00::/8");
  for (const char* in : {"127.0.0.1", "::ffff:127.0.0.1", "10.1.255.255", "fd12::1"}) EXPECT_TRUE(list.Has(in)) << in;
  for (const char* out : {"127.0.0.2", "10.2.0.1", "fe80::1", "unix", "", "nonsense"})
    EXPECT_FALSE(list.Has(out)) << out;
  EXPECT_TRUE(List("unix").Has("unix"));
  EXPECT_TRUE(List("0.0.0.0/0").Has("8.8.8.8"));
  EXPECT_FALSE(List("0.0.0.0/0").Has("fd00::1"));
  EXPECT_FALSE(List("").Has("127.0.0.1"));
}

TEST(AddressListTest, WhatIsNoneIsNamed) {
  for (const char* bad : {"proxy.example.com", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "fd00::/129", "10.0.0/8"}) {
    const Result<AddressList> list = AddressList::Parse(bad);
    ASSERT_FALSE(list.ok()) << bad;
    EXPECT_NE(list.error().message.find(bad), std::string::npos);
  }
}

RawRequest From(const std::string& remote, Pairs headers) {
  RawRequest raw;
  raw.remote = remote;
  raw.headers = std::move(headers);
  raw.headers.emplace_back("host", "inner:8080");
  return raw;
}

const Pairs kForwarded{{"x-forwarded-for", "6.6.6.6, 9.9.9.9, 10.0.0.2"},
                       {"x-forwarded-proto", "https"},
                       {"x-forwarded-host", "pipelined.example.com"},
                       {"x-forwarded-user", "vera"}};

TEST(ProvenanceTest, AStrangersHeadersAreNotBelieved) {
  const Provenance from = ProvenanceOf(List("10.0.0.0/8"), false, "x-forwarded-user", From("9.9.9.9", kForwarded));
  EXPECT_EQ(from.remote, "9.9.9.9");
  EXPECT_FALSE(from.secure);
  EXPECT_EQ(from.host, "inner:8080");
  EXPECT_EQ(from.proxy_user, "");
}

TEST(ProvenanceTest, AProxysAreAndTheClientIsTheNearestThatIsNoProxy) {
  const Provenance from = ProvenanceOf(List("10.0.0.0/8"), false, "x-forwarded-user", From("10.0.0.1", kForwarded));
  EXPECT_EQ(from.remote, "9.9.9.9") << "what stands before it may be invented";
  EXPECT_TRUE(from.secure);
  EXPECT_EQ(from.host, "pipelined.example.com");
  EXPECT_EQ(from.proxy_user, "vera");
  EXPECT_EQ(ProvenanceOf(List("10.0.0.0/8"), false, "", From("10.0.0.1", kForwarded)).proxy_user, "");
}

TEST(ProvenanceTest, HopsHavePortsOrAreNonsense) {
  const AddressList proxies = List("10.0.0.1");
  const auto client = [&](const std::string& list) {
    return ProvenanceOf(proxies, true, "", From("10.0.0.1", {{"x-forwarded-for", list}})).remote;
  };
  EXPECT_EQ(client("9.9.9.9:4711"), "9.9.9.9");
  EXPECT_EQ(client("[2001:db8::1]:4711"), "2001:db8::1");
  EXPECT_EQ(client("unknown"), "10.0.0.1");
  EXPECT_EQ(client("unix"), "10.0.0.1");
}

TEST(ProvenanceTest, TwoNamesAreNone) {
  const Pairs two{{"x-forwarded-user", "admin"}, {"x-forwarded-user", "vera"}};
  EXPECT_TRUE(ProvenanceOf(List("10.0.0.1"), false, "x-forwarded-user", From("10.0.0.1", two)).ambiguous);
}

TEST(RoleMapTest, TheFirstGroupThatFitsCounts) {
  const RoleMap map = *RoleMap::Parse("platform team=admin, a=b=op,\n data=user");
  EXPECT_EQ(map.RoleOf({"data", "platform team"}), "admin");
  EXPECT_EQ(map.RoleOf({"a=b"}), "op");
  EXPECT_EQ(map.RoleOf({"nobody"}), "");
  EXPECT_EQ(RoleMap::Parse("*=viewer")->RoleOf({}), "viewer");
  for (const char* bad : {"admins", "=admin", "admins="}) EXPECT_FALSE(RoleMap::Parse(bad).ok()) << bad;
}

}  // namespace
}  // namespace pipelined::api
