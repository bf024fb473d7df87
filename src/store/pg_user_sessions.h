#pragma once

#include "pipelined/ports/user_sessions.h"
#include "store/session_pool.h"

namespace pipelined {

class PgUserSessions : public UserSessions {
 public:
  explicit PgUserSessions(SessionPool& pool) : pool_(pool) {}

  Status Open(const NewUserSession& session) override;
  Result<std::optional<SessionUser>> UserOf(const std::string& sha256, Micros idle) override;
  Result<std::vector<UserSessionRow>> Of(std::int64_t user, Micros idle) override;
  Result<int> End(const std::string& sha256) override;
  Result<int> EndOne(std::int64_t user, std::int64_t id) override;
  Result<int> EndAll(std::int64_t user) override;
  Result<AdmittedUser> SignIn(const ExternalUser& external) override;
  Result<std::optional<AdmittedUser>> Dismiss(const std::string& issuer, const std::string& subject) override;

 private:
  SessionPool& pool_;
};

}  // namespace pipelined
