// Accepts clients on one address and hands each over as a socket on a strand of its own.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <functional>
#include <future>

#include "api/transport/stream.h"

namespace pipelined::api {

template <class Protocol>
class Door {
 public:
  using Acceptor = boost::asio::basic_socket_acceptor<Protocol, Strand>;
  using Peer = typename Protocol::endpoint;
  using Guest = std::function<void(Socket, const Peer&)>;

  Door(boost::asio::io_context& io, Guest guest)
      : io_(io), acceptor_(Strand(io.get_executor())), pause_(io), guest_(std::move(guest)) {}

  Acceptor& acceptor() { return acceptor_; }
  void Open() { Accept(); }
  // Nobody comes in any more when it returns. Not from an I/O thread, which has to run meanwhile.
  void Close() {
    std::promise<void> closed;
    boost::asio::post(acceptor_.get_executor(), [this, &closed] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      pause_.cancel();
      closed.set_value();
    });
    closed.get_future().wait();
  }

 private:
  void Accept() {
    acceptor_.async_accept(
        Strand(io_.get_executor()), peer_,
        [this](const boost::system::error_code& error, boost::asio::basic_stream_socket<Protocol, Strand> socket) {
          if (!acceptor_.is_open()) return;
          if (error) return Fail(error);
          guest_(Socket(std::move(socket)), peer_);
          Accept();
        });
  }

  // Most errors are those of one client, who is gone. Where the system lacks something, an accept would fail again and
  // again without a pause; nobody is dropped for it, as that need not help.
  void Fail(const boost::system::error_code& error) {
    if (!IsShortage(error.value())) return Accept();
    pause_.expires_after(std::chrono::milliseconds(50));
    pause_.async_wait(boost::asio::bind_executor(acceptor_.get_executor(), [this](const boost::system::error_code&) {
      if (acceptor_.is_open()) Accept();
    }));
  }

  static bool IsShortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
  }

  boost::asio::io_context& io_;
  Acceptor acceptor_;
  boost::asio::steady_timer pause_;
  const Guest guest_;
  Peer peer_;
};

}  // namespace pipelined::api
