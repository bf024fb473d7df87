#include "http/certificate_check.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <utility>

namespace pipelined {
namespace {

using Shared = std::shared_ptr<CertificateCheck>;

void Release(void*, void* held, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Shared*>(held);
}

int Place() {
  static const int place = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, Release);
  return place;
}

// As OpenSSL does it, and remembers why not.
int Verify(X509_STORE_CTX* store, void*) {
  const int good = X509_verify_cert(store);
  if (good > 0) return good;
  const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* held = static_cast<Shared*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), Place()));
  if (held != nullptr) (*held)->Refused(X509_STORE_CTX_get_error(store));
  return good;
}

}  // namespace

void CertificateCheck::Watch(SSL_CTX* context, const Shared& check) {
  auto held = std::make_unique<Shared>(check);
  if (SSL_CTX_set_ex_data(context, Place(), held.get()) != 1) return;  // then it is not said why
  static_cast<void>(held.release());
  SSL_CTX_set_cert_verify_callback(context, Verify, nullptr);
}

void CertificateCheck::Refused(long reason) {
  // The name is compared after all else, and OpenSSL has no word for that.
  const bool name = reason == X509_V_OK || reason == X509_V_ERR_UNSPECIFIED;
  const std::scoped_lock lock(mutex_);
  refusal_ = name ? "it is for another host" : X509_verify_cert_error_string(reason);
}

std::string CertificateCheck::TakeRefusal() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(refusal_, {});
}

}  // namespace pipelined
