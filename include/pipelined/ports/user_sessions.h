// Sessions of browsers, and people whom an identity provider vouches for. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"

namespace pipelined {

struct SessionUser {
  std::int64_t id = 0;
  std::string name;
};

struct NewUserSession {
  std::string sha256;  // of its id, which itself is not kept
  std::int64_t user = 0;
  std::string sign_in;             // "password", "oidc"
  std::string remote, user_agent;  // where it was opened
  // What the user's password was checked against. Nothing: it was none that let him in.
  std::optional<std::string> password_hash;
  Instant expires{};               // whatever happens
};

struct UserSessionRow {
  std::int64_t id = 0;
  std::string sha256, sign_in, remote, user_agent;
  Instant created{}, last_seen{}, expires{};
};

// Whom a provider has vouched for.
struct ExternalUser {
  std::string issuer, subject;
  std::string name;  // what a user made for him is called
  std::string role;  // as of now; replaces the role of before
};

struct AdmittedUser {
  SessionUser user;
  std::string role_before;  // empty: he had none, or comes for the first time
};

class UserSessions {
 public:
  virtual ~UserSessions() = default;

  // Also forgets what has long expired. kNotAllowed: the user is disabled by now, or has another password.
  virtual Status Open(const NewUserSession& session) = 0;
  // Whose session it is. Nothing: unknown, ended, expired, or not used for `idle`. Counts as use.
  virtual Result<std::optional<SessionUser>> UserOf(const std::string& sha256, Micros idle) = 0;
  // Those of a user that are open, the newest first.
  virtual Result<std::vector<UserSessionRow>> Of(std::int64_t user, Micros idle) = 0;
  // Each ends at once; how many there were.
  virtual Result<int> End(const std::string& sha256) = 0;
  virtual Result<int> EndOne(std::int64_t user, std::int64_t id) = 0;
  virtual Result<int> EndAll(std::int64_t user) = 0;

  // The user of (issuer, subject), made when he comes for the first time. kConflict: somebody else has his name, perhaps
  // in other letters; kNotAllowed: it cannot be a name here (access::IsAccountName), or the user is disabled.
  virtual Result<AdmittedUser> SignIn(const ExternalUser& external) = 0;
  // He has no role any more: it is taken from him, and his sessions end. Nothing: he has never come.
  virtual Result<std::optional<AdmittedUser>> Dismiss(const std::string& issuer, const std::string& subject) = 0;
};

}  // namespace pipelined
