// The certificate of the server. Thread-safe: a reload changes what the next connection gets.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "pipelined/base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace pipelined::api {

using TlsContextPtr = std::shared_ptr<boost::asio::ssl::context>;

class TlsContext {
 public:
  TlsContext(std::string cert, std::string key) : cert_(std::move(cert)), key_(std::move(key)) {}

  // TLS 1.2 and newer. kInvalid: a file cannot be read or the key is not the certificate's; then what was there stays.
  Status Load();
  TlsContextPtr current() const;

 private:
  const std::string cert_, key_;
  mutable std::mutex mutex_;
  TlsContextPtr current_;
};

}  // namespace pipelined::api
