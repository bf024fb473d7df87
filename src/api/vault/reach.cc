#include "api/vault/reach.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "pipelined/base/clock.h"

namespace pipelined::api {
namespace {

constexpr std::pair<std::string_view, std::uint16_t> kUsual[] = {
    {"postgres", 5432}, {"mysql", 3306}, {"mssql", 1433},         {"oracle", 1521},    {"redis", 6379},
    {"mongo", 27017},   {"http", 80},    {"https", 443},          {"ssh", 22},         {"sftp", 22},
    {"ftp", 21},        {"smtp", 25},    {"kafka", 9092},         {"amqp", 5672},      {"ldap", 389},
    {"vault", 8200},    {"trino", 8080}, {"elasticsearch", 9200}, {"cassandra", 9042}, {"hive_cli", 10000}};

// 0, or the error of connecting to one address.
int Connect(const addrinfo& address, Micros patience) {
  const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int error = connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd wait{fd, POLLOUT, 0};
    const int got = poll(&wait, 1, static_cast<int>(std::chrono::ceil<Millis>(patience).count()));
    socklen_t size = sizeof error;
    error = ETIMEDOUT;
    if (got > 0) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  close(fd);
  return error;
}

}  // namespace

std::uint16_t UsualPort(std::string_view conn_type) {
  for (const auto& [type, port] : kUsual) {
    if (type == conn_type) return port;
  }
  return 0;
}

Reach TryAddress(const std::string& host, std::uint16_t port, Micros patience) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int unknown = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  if (unknown != 0) return {false, fmt::format("{}: {}", host, gai_strerror(unknown))};
  int error = EADDRNOTAVAIL;
  const Clock& clock = SystemClock();
  const Micros until = clock.Monotonic() + patience;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    error = Connect(*at, std::max(Micros(0), until - clock.Monotonic()));
    if (error == 0) return {true, fmt::format("{}:{} accepts connections; the log-in was not tried", host, port)};
  }
  return {false, fmt::format("{}:{}: {}", host, port, std::strerror(error))};
}

}  // namespace pipelined::api
