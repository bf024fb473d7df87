#include "api/transport/stream.h"

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

namespace pipelined::api {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

template <class Layer>
class Layered : public Stream {
 public:
  template <class... Args>
  explicit Layered(Socket socket, Args&... args) : strand_(socket.get_executor()), layer_(std::move(socket), args...) {}

  void Read(char* into, std::size_t size, Done done) override {
    layer_.async_read_some(asio::buffer(into, size), Told(std::move(done)));
  }
  void Write(std::string_view head, std::string_view body, Done done) override {
    const std::array<asio::const_buffer, 2> both{asio::buffer(head), asio::buffer(body)};
    asio::async_write(layer_, both, Told(std::move(done)));
  }
  void Close() override {
    error_code ignored;
    layer_.lowest_layer().close(ignored);
  }
  void Post(std::function<void()> work) override { asio::post(strand_, std::move(work)); }

 protected:
  static auto Told(Done done) {
    return [done = std::move(done)](const error_code& error, std::size_t bytes) { done(!error, bytes); };
  }
  const Strand strand_;
  Layer layer_;
};

class PlainStream final : public Layered<Socket> {
 public:
  using Layered::Layered;
  void Handshake(Done done) override {
    Post([done = std::move(done)] { done(true, 0); });
  }
  void Finish(Done done) override {
    error_code error;
    layer_.shutdown(Socket::shutdown_send, error);
    Post([done = std::move(done), ok = !error] { done(ok, 0); });
  }
};

class TlsStream final : public Layered<asio::ssl::stream<Socket>> {
 public:
  TlsStream(Socket socket, TlsContextPtr context)
      : Layered(std::move(socket), *context), context_(std::move(context)) {}
  void Handshake(Done done) override {
    layer_.async_handshake(asio::ssl::stream_base::server,
                           [done = std::move(done)](const error_code& error) { done(!error, 0); });
  }
  // Says goodbye; whatever the client answers (it may be the rest of a body that nobody wants) ends what is encrypted.
  // The socket below is then shut towards the client and what still comes is read from there, so that no reset takes
  // away what was written.
  void Finish(Done done) override {
    layer_.async_shutdown([this, done = std::move(done)](const error_code&) {
      error_code error;
      layer_.next_layer().shutdown(Socket::shutdown_send, error);
      finished_ = true;
      done(!error, 0);
    });
  }
  void Read(char* into, std::size_t size, Done done) override {
    if (!finished_) return Layered::Read(into, size, std::move(done));
    layer_.next_layer().async_read_some(asio::buffer(into, size), Told(std::move(done)));
  }

 private:
  const TlsContextPtr context_;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<Stream> MakeStream(Socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

std::unique_ptr<Stream> MakeTlsStream(Socket socket, TlsContextPtr context) {
  return std::make_unique<TlsStream>(std::move(socket), std::move(context));
}

}  // namespace pipelined::api
