// A request and an answer, free of any HTTP library: what routes and handlers see. The transport makes and sends them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/base/time.h"
#include "pipelined/base/value.h"

namespace pipelined::api {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// The first value of a name; nullptr: there is none.
const std::string* Find(const Pairs& fields, std::string_view name);

class Pause;

struct Request {
  std::string method;  // upper case
  std::string path;    // as sent, without the query; for the log only
  std::vector<std::string>
      segments;   // decoded and checked: none is "." or "..", or holds a slash, NUL or control character
  Pairs query;    // decoded, in order; names may repeat
  Pairs headers;  // names in lower case
  std::string body;
  std::string remote;            // address of the client; empty when unknown
  bool secure = false;           // the client speaks TLS
  std::string host;              // what the client calls this server: "pipelined.example.com:8443"
  std::string proxy_user;        // whom a trusted proxy has admitted; empty: nobody
  std::string id;                // as the answer's X-Request-Id
  std::shared_ptr<Pause> pause;  // what it was answered when it was asked before; nullptr: it was not
  bool answer_now = false;       // no pause any more: say what there is to be said

  const std::string* Header(std::string_view lower_case_name) const;
  // All lines of a field that is a list, as one; empty when there is none.
  std::string List(std::string_view lower_case_name) const;
};

// A body that is made while it is sent, for as long as its client listens; gone when that is over. Called from one
// thread at a time, and never from inside of `more`. It must not block.
class Feed {
 public:
  struct Piece {
    std::string bytes;
    bool last = false;  // nothing follows
    bool cut = false;   // nothing follows although it is not whole: the client is not told that it has ended

    static Piece End() { return {{}, true, false}; }
    static Piece Cut() { return {{}, false, true}; }
  };

  virtual ~Feed() = default;
  // Once, before anything is taken: `more` is to be called when there is something after Take() had nothing. It may be
  // called from any thread, also too often or too late, but not with a lock held that the destructor takes.
  virtual void Begin(std::function<void()> more) = 0;
  // What there is now, about `most` bytes of it; empty: nothing yet.
  virtual Piece Take(std::size_t most) = 0;
  // Whether it is as good as whole when the server has to stop before its end. If not, the client is not told that it
  // has ended.
  virtual bool MayEndEarly() const { return true; }
};

// Instead of an answer, for who waits for something: the request is asked again when it has come. Until then it holds
// its connection and nothing else. Gone when the request is answered or its client has left.
class Pause {
 public:
  virtual ~Pause() = default;
  // As Feed::Begin; each call of `more` has the request asked again.
  virtual void Begin(std::function<void()> more) = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  Pairs headers;
  std::string body;
  std::shared_ptr<Feed> feed;    // instead of a body: what the client is sent from now on
  std::shared_ptr<Pause> pause;  // no answer yet: ask again when it says so, or after `patience` and for the last time
  Micros patience{0};
  std::string_view operation;  // which route it was, for the counters; is not sent
  std::string user;            // who asked, for the log; is not sent
};

Response Json(int status, const Value& value);
Response Json(const Value& value);
Response NoContent();
Response Text(int status, std::string content_type, std::string body);
// One that no cache may keep: it may hold what only its reader should know.
Response NoStore(Response response);
// {"detail": "…"}: how Airflow says what is wrong.
Response Detail(int status, std::string_view message);

}  // namespace pipelined::api
