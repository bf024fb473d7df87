// A server that has an encryption key.
#pragma once

#include "pipelined/secrets/key_ring.h"
#include "unit/api/api_test.h"

namespace pipelined::api {

class VaultTest : public ApiTest {
 protected:
  explicit VaultTest(ApiOptions options = {}) : ApiTest(WithKey(std::move(options))) {}

  static ApiOptions WithKey(ApiOptions options) {
    static const auto kKeys = std::make_shared<const secrets::KeyRing>(*secrets::KeyRing::Parse(secrets::NewKey()));
    options.keys = kKeys;
    return options;
  }
  // All names of a listing, "v1 v2".
  std::string Names(const std::string& target, std::string_view plural, std::string_view name) {
    std::string names;
    const Value body = BodyOf(Get(target));
    const Value* rows = body.Find(plural);
    if (rows == nullptr) return "no listing";
    for (const Value& row : rows->list()) names += (names.empty() ? "" : " ") + row.Find(name)->string();
    return names;
  }
};

}  // namespace pipelined::api
