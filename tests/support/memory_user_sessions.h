// Sessions without a database, over a list of users; the clock stands still, so that only `end` of a row ends one.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipelined/access/name_rules.h"
#include "pipelined/ports/catalog.h"
#include "pipelined/ports/user_sessions.h"

namespace pipelined::testing {

class MemoryUserSessions : public UserSessions {
 public:
  explicit MemoryUserSessions(std::vector<UserRow>& users) : users_(users) {}

  struct Row {
    std::int64_t user = 0;
    UserSessionRow session;
  };
  std::vector<Row> rows;
  std::optional<Error> broken;  // what every call answers

  Status Open(const NewUserSession& session) override {
    if (broken) return *broken;
    for (const UserRow& user : users_) {
      const bool other = session.password_hash && *session.password_hash != user.password_hash;
      if (user.id == session.user && (user.disabled || other)) return Error{ErrorCode::kNotAllowed, "not any more", ""};
    }
    UserSessionRow row;
    row.id = ++last_id_;
    row.sha256 = session.sha256;
    row.sign_in = session.sign_in;
    row.remote = session.remote;
    row.user_agent = session.user_agent;
    row.expires = session.expires;
    rows.insert(rows.begin(), {session.user, std::move(row)});
    return Ok();
  }
  Result<std::optional<SessionUser>> UserOf(const std::string& sha256, Micros) override {
    if (broken) return *broken;
    for (const Row& row : rows) {
      if (row.session.sha256 == sha256) return User(row.user);
    }
    return std::optional<SessionUser>();
  }
  Result<std::vector<UserSessionRow>> Of(std::int64_t user, Micros) override {
    if (broken) return *broken;
    std::vector<UserSessionRow> found;
    for (const Row& row : rows) {
      if (row.user == user) found.push_back(row.session);
    }
    return found;
  }
  Result<int> End(const std::string& sha256) override {
    return Drop([&](const Row& row) { return row.session.sha256 == sha256; });
  }
  Result<int> EndOne(std::int64_t user, std::int64_t id) override {
    return Drop([&](const Row& row) { return row.user == user && row.session.id == id; });
  }
  Result<int> EndAll(std::int64_t user) override {
    return Drop([&](const Row& row) { return row.user == user; });
  }
  Result<AdmittedUser> SignIn(const ExternalUser& external) override {
    if (broken) return *broken;
    if (UserRow* known = Known(external.issuer, external.subject)) {
      AdmittedUser signed_in{{known->id, known->name}, known->role};
      known->role = external.role;
      return signed_in;
    }
    if (!access::IsAccountName(external.name))
      return Error{ErrorCode::kNotAllowed, "\"" + external.name + "\" cannot be a name here", ""};
    for (const UserRow& user : users_) {
      if (user.name == external.name) return Error{ErrorCode::kConflict, "there is another user of that name", ""};
    }
    UserRow user;
    user.id = static_cast<std::int64_t>(users_.size()) + 1;
    user.name = external.name;
    user.role = external.role;
    users_.push_back(user);
    identities_[{external.issuer, external.subject}] = user.id;
    return AdmittedUser{{user.id, user.name}, ""};
  }
  Result<std::optional<AdmittedUser>> Dismiss(const std::string& issuer, const std::string& subject) override {
    if (broken) return *broken;
    UserRow* const known = Known(issuer, subject);
    if (known == nullptr) return std::optional<AdmittedUser>();
    AdmittedUser gone{{known->id, known->name}, std::exchange(known->role, "")};
    if (const Result<int> ended = EndAll(known->id); !ended.ok()) return ended.error();
    return std::optional(std::move(gone));
  }

 private:
  UserRow* Known(const std::string& issuer, const std::string& subject) {
    const auto identity = identities_.find({issuer, subject});
    for (UserRow& user : users_) {
      if (identity != identities_.end() && user.id == identity->second) return &user;
    }
    return nullptr;
  }
  template <class Which>
  Result<int> Drop(Which which) {
    if (broken) return *broken;
    return static_cast<int>(std::erase_if(rows, which));
  }
  std::optional<SessionUser> User(std::int64_t id) const {
    const auto found = std::find_if(users_.begin(), users_.end(), [&](const UserRow& user) { return user.id == id; });
    return found == users_.end() ? std::nullopt : std::optional(SessionUser{found->id, found->name});
  }

  std::vector<UserRow>& users_;
  std::map<std::pair<std::string, std::string>, std::int64_t> identities_;
  std::int64_t last_id_ = 0;
};

}  // namespace pipelined::testing
