// Why a server's certificate was not taken. The library that the client is made of says only that it was not.
#pragma once

#include <memory>
#include <mutex>
#include <string>

struct ssl_ctx_st;

namespace pipelined {

// Thread-safe. Of connections that are made at the same time with one of these, the last refusal counts.
class CertificateCheck {
 public:
  // From now on connections of `context` tell `check`, which lives as long as they do.
  static void Watch(ssl_ctx_st* context, const std::shared_ptr<CertificateCheck>& check);

  void Refused(long reason);  // of OpenSSL
  std::string TakeRefusal();  // in words; empty: none since it was last asked

 private:
  std::mutex mutex_;
  std::string refusal_;  // guarded by mutex_
};

}  // namespace pipelined
