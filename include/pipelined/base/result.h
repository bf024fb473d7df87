// What a call that can fail returns: a value or an Error. The core throws nothing of its own; adapters translate
// foreign exceptions once, at their edge.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace pipelined {

// What kind of failure it is; apps map it to exit codes, api to HTTP.
enum class ErrorCode {
  kInvalid,      // bad input: what the caller gave must change                 exit 2, HTTP 400/422
  kNotFound,     //                                                             exit 3, 404
  kNotAllowed,   // authenticated, but may not                                  exit 4, 401/403
  kConflict,     // it clashes with what is there (duplicate id, wrong state)   exit 5, 409
  kUnavailable,  // a server, the database or a file system cannot be reached   exit 6, 503
  kConstraint,   // the database refused a row: a bug or a race that lost
  kInDoubt,      // it may or may not have happened (connection lost in COMMIT): re-read
  kStale,        // another leader took over, or the row moved on: drop it
  kFailed,       // what was asked for failed                                   exit 1
  kBug,          // ours                                                        exit 70, 500
};

struct Error {
  ErrorCode code = ErrorCode::kBug;
  std::string message;  // one sentence, names the place
  std::string hint;     // what to do about it; may be empty
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

// A Result without a value.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose
  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

inline Status Ok() {
  return {};
}

}  // namespace pipelined
