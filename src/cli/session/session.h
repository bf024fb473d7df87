// The connection to a server: which one, with which token, and its answers as values or errors.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"

namespace pipelined::cli {

struct Profile;

struct GlobalOptions {
  std::string url, token, home, profile, ca_cert;
  std::string output;  // table, wide, json, yaml, plain; empty: table on a terminal, plain otherwise
  bool quiet = false;
};

// --home, else $PIPELINED_HOME, else /var/lib/pipelined for root and ~/.pipelined for others.
std::string HomeFolder(const GlobalOptions& options);

// The text of an answer's entry; empty when there is none or it is no text.
std::string TextOf(const Value& object, std::string_view key);

class Session {
 public:
  // Order: command line (--url, --profile, --home), PIPELINED_URL and PIPELINED_TOKEN, the log-in profile
  // (PIPELINED_PROFILE, else the current one), the local home. A profile's token goes only to that profile's address,
  // the local token only to the address that is recorded in its home. kUnavailable: there is no server to be found.
  static Result<Session> Open(const GlobalOptions& options);
  // The same server as it is now: after a restart it may have another address and another local token.
  Result<Session> Again() const { return Open(options_); }

  // `path` begins with '/'. Errors say what the server said.
  Result<Value> Get(const std::string& path) const { return Send("GET", path, std::nullopt); }
  Result<Value> Post(const std::string& path, const Value& body) const { return Send("POST", path, body); }
  Result<Value> Patch(const std::string& path, const Value& body) const { return Send("PATCH", path, body); }
  Result<Value> Put(const std::string& path) const { return Send("PUT", path, std::nullopt); }
  Result<Value> Delete(const std::string& path) const { return Send("DELETE", path, std::nullopt); }
  Result<std::string> GetText(const std::string& path) const;

  // Every row of a listing, page by page: the entries of `plural` in the answers. `path` may hold a query. At most
  // `limit` rows (0: all).
  Result<Value::List> GetAll(const std::string& path, const std::string& plural, std::size_t limit = 0) const;

  const std::string& url() const { return url_; }
  const GlobalOptions& options() const { return options_; }

 private:
  Status FindServer();
  Status TakeProfile(const Profile& profile);
  Status CheckAuthority() const;
  Result<Value> Send(const std::string& method, const std::string& path, const std::optional<Value>& body) const;
  Result<std::string> SendText(const std::string& method, const std::string& path, const std::optional<Value>& body,
                               const std::string& accept) const;

  GlobalOptions options_;
  std::string url_, token_, ca_cert_;
};

}  // namespace pipelined::cli
