#include "api/transport/bind.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <cstring>

namespace pipelined::api {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kLongestPath = 107;

template <class Door, class Endpoint>
error_code Bind(Door& door, const Endpoint& endpoint) {
  error_code error;
  auto& acceptor = door.acceptor();
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

// Whether somebody answers there.
bool Alive(const asio::local::stream_protocol::endpoint& endpoint) {
  asio::io_context io;
  asio::local::stream_protocol::socket probe(io);
  error_code error;
  probe.connect(endpoint, error);
  return !error;
}

bool IsSocket(const std::string& path) {
  struct stat found {};
  return lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

}  // namespace

Status BindTcp(TcpDoor& door, const std::string& host, std::uint16_t port) {
  error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (error)
    return Error{ErrorCode::kInvalid, fmt::format("api.host must be an IP address, not \"{}\"", host),
                 "127.0.0.1, or 0.0.0.0 for all"};
  error = Bind(door, asio::ip::tcp::endpoint(address, port));
  if (!error) return Ok();
  if (error == asio::error::address_in_use)
    return Error{ErrorCode::kConflict, fmt::format("port {} on {} is in use", port, host),
                 "choose another with --port"};
  return Error{ErrorCode::kUnavailable, fmt::format("cannot listen on {}:{}: {}", host, port, error.message()), ""};
}

Status BindUnix(UnixDoor& door, const std::string& path) {
  if (path.size() > kLongestPath)
    return Error{ErrorCode::kInvalid, fmt::format("api.socket is longer than {} bytes: {}", kLongestPath, path),
                 "put it in a folder with a shorter path"};
  const asio::local::stream_protocol::endpoint endpoint(path);
  if (Alive(endpoint))
    return Error{ErrorCode::kConflict, fmt::format("a server listens on {}", path), "set another api.socket"};
  if (IsSocket(path)) unlink(path.c_str());  // left by a process that was killed
  const mode_t mask = umask(0177);           // from its first moment on
  const error_code error = Bind(door, endpoint);
  umask(mask);
  if (!error) return Ok();
  return Error{ErrorCode::kUnavailable, fmt::format("cannot listen on {}: {}", path, error.message()), ""};
}

}  // namespace pipelined::api
