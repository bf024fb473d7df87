#include "api/transport/bind.h"

#include <fmt/format.h>
#include <sys/socket.h>
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
  return error;
}

template <class Door>
error_code Listen(Door& door) {
  error_code error;
  door.acceptor().listen(asio::socket_base::max_listen_connections, error);
  return error;
}

// What the system says to somebody who wants to connect there. Does not wait: EAGAIN is a server with a full queue.
int Probe(const asio::local::stream_protocol::endpoint& endpoint) {
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return errno;
  const int error = connect(probe, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0 ? 0 : errno;
  close(probe);
  return error;
}

bool IsSocket(const std::string& path) {
  struct stat found {};
  return lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

Status CannotListen(const std::string& path, std::string_view why) {
  return Error{ErrorCode::kUnavailable, fmt::format("cannot listen on {}: {}", path, why), ""};
}

}  // namespace

Status BindTcp(TcpDoor& door, const std::string& host, std::uint16_t port) {
  error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (error)
    return Error{ErrorCode::kInvalid, fmt::format("api.host must be an IP address, not \"{}\"", host),
                 "127.0.0.1, or 0.0.0.0 for all"};
  error = Bind(door, asio::ip::tcp::endpoint(address, port));
  if (!error) error = Listen(door);
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
  const int found = Probe(endpoint);
  if (found == 0 || found == EAGAIN)
    return Error{ErrorCode::kConflict, fmt::format("a server listens on {}", path), "set another api.socket"};
  if (found != ECONNREFUSED && found != ENOENT) return CannotListen(path, std::strerror(found));
  if (found == ECONNREFUSED && IsSocket(path)) unlink(path.c_str());  // left by a process that was killed
  error_code error = Bind(door, endpoint);
  // Nobody can connect before it listens. The mask of the whole process would be the other way.
  if (!error && chmod(path.c_str(), 0600) != 0) error.assign(errno, boost::system::system_category());
  if (!error) error = Listen(door);
  return error ? CannotListen(path, error.message()) : Ok();
}

}  // namespace pipelined::api
