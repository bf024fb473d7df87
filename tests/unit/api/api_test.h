// A service over a FakeCatalog, without sockets: one request in, one answer out, which is held against the description.
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "api/routes.h"
#include "api/service.h"
#include "api/http/target.h"
#include "pipelined/schema/json.h"
#include "unit/api/described.h"
#include "unit/api/fake_catalog.h"

namespace pipelined::api {

class ApiTest : public ::testing::Test {
 protected:
  explicit ApiTest(ApiOptions options = {}) : service_(catalog_, Ready(std::move(options))) {
    catalog_.AddUser("vera", "viewer", "viewer-token");
    catalog_.AddUser("uma", "user", "user-token");
    catalog_.AddUser("oscar", "op", "op-token");
    catalog_.AddUser("admin", "admin", "admin-token");
  }

  // `token` empty: none is sent.
  Response Send(const std::string& method, const std::string& target, const std::string& body = "",
                const std::string& token = "admin-token", const std::string& accept = "") {
    Result<Target> parsed = ParseTarget(target);
    EXPECT_TRUE(parsed.ok()) << target;
    Request request;
    request.method = method;
    request.path = parsed->path;
    request.segments = parsed->segments;
    request.query = parsed->query;
    request.body = body;
    request.remote = remote_;
    if (!token.empty()) request.headers.emplace_back("authorization", "Bearer " + token);
    if (!accept.empty()) request.headers.emplace_back("accept", accept);
    asked_ = request;
    const Response response = Dispatch(service_, request);
    if (response.pause == nullptr) ExpectDescribed(request, response);
    return response;
  }
  // The last request once more, as is done after the pause that it was answered with.
  Response SendAgain(const Response& paused, bool answer_now = false) {
    asked_.pause = paused.pause;
    asked_.answer_now = answer_now;
    const Response response = Dispatch(service_, asked_);
    if (response.pause == nullptr) ExpectDescribed(asked_, response);
    return response;
  }
  Response Get(const std::string& target) { return Send("GET", target); }

  static Value BodyOf(const Response& response) {
    Result<Value> value = ParseJson(response.body);
    return value.ok() ? *std::move(value) : Value();
  }
  // The field at "a.b.0.c" as JSON; "absent" when there is none.
  static std::string Field(const Response& response, std::string path) {
    const Value body = BodyOf(response);
    const Value* at = &body;
    while (!path.empty()) {
      const std::string step = path.substr(0, path.find('.'));
      path.erase(0, step.size() + 1);
      const bool index = at->is_list();
      if (index && std::stoul(step) >= at->list().size()) return "absent";
      at = index ? &at->list()[std::stoul(step)] : at->Find(step);
      if (at == nullptr) return "absent";
    }
    return ToJson(*at);
  }

  static Instant At(const std::string& text) { return *ParseInstant(text); }

  testing::FakeCatalog catalog_;
  ManualClock clock_{*ParseInstant("2026-02-01T12:00:00Z")};
  std::string remote_ = "127.0.0.1";
  Service service_;
  Request asked_;  // the last one; what waits for it has a place in the service

 private:
  ApiOptions Ready(ApiOptions options) {
    options.clock = &clock_;
    options.local_token = "local-token";
    return options;
  }
};

}  // namespace pipelined::api
