// What a route needs of its caller. There is no default: a route that does not say it does not compile.
#pragma once

#include "pipelined/access/permission.h"

namespace pipelined::api {

class Need {
 public:
  enum class Where : unsigned char {
    kNothing,     // open to everybody, without a token
    kCaller,      // anybody who is known: it is about the caller himself
    kEverywhere,  // the permission for everything
    kOfDag,       // for the DAG in the path; "~" there is like kOfDags
    kOfDags,      // for one DAG at least: what is answered and changed is only what belongs to such
  };

  static constexpr Need Public() { return {Where::kNothing, {}, false}; }
  // Open from this host; from elsewhere it takes the permission.
  static constexpr Need LoopbackOr(access::Permission permission) { return {Where::kEverywhere, permission, true}; }
  static constexpr Need Caller() { return {Where::kCaller, {}, false}; }
  static constexpr Need Everywhere(access::Permission permission) { return {Where::kEverywhere, permission, false}; }
  static constexpr Need OfDag(access::Permission permission) { return {Where::kOfDag, permission, false}; }
  static constexpr Need OfDags(access::Permission permission) { return {Where::kOfDags, permission, false}; }

  constexpr Where where() const { return where_; }
  constexpr bool IsPublic() const { return where_ == Where::kNothing; }
  constexpr bool NeedsPermission() const { return where_ != Where::kNothing && where_ != Where::kCaller; }
  constexpr access::Permission permission() const { return permission_; }  // if NeedsPermission()
  constexpr bool open_from_loopback() const { return open_from_loopback_; }

 private:
  constexpr Need(Where where, access::Permission permission, bool open_from_loopback)
      : where_(where), permission_(permission), open_from_loopback_(open_from_loopback) {}

  Where where_;
  access::Permission permission_;
  bool open_from_loopback_;
};

}  // namespace pipelined::api
