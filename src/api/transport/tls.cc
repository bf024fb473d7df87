#include "api/transport/tls.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>

namespace pipelined::api {
namespace {

namespace ssl = boost::asio::ssl;

Error Unusable(std::string_view what, const std::string& file, std::string_view why) {
  return {ErrorCode::kInvalid, fmt::format("the TLS {} {} cannot be used: {}", what, file, why),
          "api.tls_cert and api.tls_key name PEM files that belong together; the chain follows the certificate"};
}

}  // namespace

Status TlsContext::Load() {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);  // an idle connection costs little
  boost::system::error_code error;
  // Without one OpenSSL asks at the terminal.
  context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); }, error);
  context->use_certificate_chain_file(cert_, error);
  if (error) return Unusable("certificate", cert_, error.message());
  context->use_private_key_file(key_, ssl::context::pem, error);
  if (error) return Unusable("key", key_, error.message());
  // A key of another kind than the certificate's is taken without a word.
  if (SSL_CTX_check_private_key(raw) != 1) return Unusable("key", key_, "it is not the certificate's");
  const std::scoped_lock lock(mutex_);
  current_ = std::move(context);
  return Ok();
}

TlsContextPtr TlsContext::current() const {
  const std::scoped_lock lock(mutex_);
  return current_;
}

}  // namespace pipelined::api
