// Asks a server at a constant rate, whatever it answers, and tells how long the answers took from the instant at which
// each request was due: a server that stops for a second is charged with every request of that second.
//
//   steady_client PORT RATE SECONDS CONNECTIONS < requests
//
// Each line of the input is "METHOD PATH [BODY]"; they are sent in turn, {n} replaced by the number of the request. The
// token is in $TOKEN. One line of JSON comes out; latencies in milliseconds.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace {

std::int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

struct Connection {
  int fd = -1;
  std::int64_t due = 0;  // of the request under way; 0: idle
  std::string answer;
};

struct Tally {
  std::map<int, int> by_status;  // 0: the connection broke
  std::vector<double> ms;
};

int Connect(const sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::perror("connect");
    std::exit(1);
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

// "METHOD PATH [BODY]" as it goes over the wire.
std::string Wire(std::string line, std::int64_t number, const std::string& token) {
  for (std::size_t at; (at = line.find("{n}")) != std::string::npos;) line.replace(at, 3, std::to_string(number));
  const std::size_t path = line.find(' '), body = line.find(' ', path + 1);
  std::string text = line.substr(0, body) + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token + "\r\n";
  if (body == std::string::npos) return text + "\r\n";
  const std::string content = line.substr(body + 1);
  return text + "Content-Type: application/json\r\nContent-Length: " + std::to_string(content.size()) + "\r\n\r\n" +
         content;
}

// The status once the answer is whole, else -1. Every answer of this server has a length.
int StatusOf(const std::string& answer) {
  const std::size_t head = answer.find("\r\n\r\n");
  if (head == std::string::npos) return -1;
  const std::size_t at = answer.find("Content-Length: ");
  const std::size_t length = at < head ? std::strtoul(answer.c_str() + at + 16, nullptr, 10) : 0;
  return answer.size() >= head + 4 + length ? std::atoi(answer.c_str() + 9) : -1;
}

class Client {
 public:
  Client(std::uint16_t port, int connections)
      : epoll_(epoll_create1(0)), connections_(static_cast<std::size_t>(connections)) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(port);
    inet_pton(AF_INET, "127.0.0.1", &address_.sin_addr);
    for (std::size_t i = 0; i < connections_.size(); ++i) Open(i);
  }

  Tally Run(const std::vector<std::string>& lines, std::int64_t count, double interval_ns, const std::string& token) {
    const std::int64_t start = NowNs();
    const auto due = [&](std::int64_t number) {
      return start + static_cast<std::int64_t>(static_cast<double>(number) * interval_ns);
    };
    std::int64_t next = 0;
    while (next < count || idle_.size() < connections_.size()) {
      while (next < count && !idle_.empty() && due(next) <= NowNs()) {
        Send(Wire(lines[static_cast<std::size_t>(next) % lines.size()], next, token), due(next));
        ++next;
      }
      const bool waits = next < count && !idle_.empty();
      Receive(waits ? std::max<std::int64_t>(0, due(next) - NowNs()) : 1'000'000'000);
    }
    return std::move(tally_);
  }

 private:
  void Open(std::size_t i) {
    connections_[i].fd = Connect(address_);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event);
    idle_.push_back(i);
  }

  void Send(const std::string& text, std::int64_t due) {
    const std::size_t i = idle_.back();
    idle_.pop_back();
    connections_[i].due = due;
    connections_[i].answer.clear();
    if (write(connections_[i].fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) End(i, 0);
  }

  void Receive(std::int64_t at_most_ns) {
    const timespec patience{at_most_ns / 1'000'000'000, at_most_ns % 1'000'000'000};
    epoll_event events[64];
    const int count = epoll_pwait2(epoll_, events, 64, &patience, nullptr);
    for (int e = 0; e < count; ++e) {
      const std::size_t i = events[e].data.u64;
      char buffer[65536];
      const ssize_t got = read(connections_[i].fd, buffer, sizeof buffer);
      if (got <= 0) {
        End(i, 0);
        continue;
      }
      connections_[i].answer.append(buffer, static_cast<std::size_t>(got));
      if (const int status = StatusOf(connections_[i].answer); status >= 0) End(i, status);
    }
  }

  void End(std::size_t i, int status) {
    if (connections_[i].due != 0) {
      ++tally_.by_status[status];
      tally_.ms.push_back(static_cast<double>(NowNs() - connections_[i].due) / 1e6);
    }
    const bool was_idle = connections_[i].due == 0;
    connections_[i].due = 0;
    if (status == 0) {
      close(connections_[i].fd);
      if (was_idle) std::erase(idle_, i);
      Open(i);
    } else {
      idle_.push_back(i);
    }
  }

  int epoll_;
  sockaddr_in address_{};
  std::vector<Connection> connections_;
  std::vector<std::size_t> idle_;
  Tally tally_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: steady_client PORT RATE SECONDS CONNECTIONS < requests\n");
    return 2;
  }
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  const double rate = std::atof(argv[2]);
  const auto count = static_cast<std::int64_t>(rate * std::atof(argv[3]));
  const char* token = std::getenv("TOKEN");
  if (lines.empty() || count < 1) return 2;
  Client client(static_cast<std::uint16_t>(std::atoi(argv[1])), std::atoi(argv[4]));
  const std::int64_t begun = NowNs();
  Tally tally = client.Run(lines, count, 1e9 / rate, token == nullptr ? "" : token);
  const double seconds = static_cast<double>(NowNs() - begun) / 1e9;
  std::sort(tally.ms.begin(), tally.ms.end());
  const auto quantile = [&](double share) {
    return tally
        .ms[std::min(tally.ms.size() - 1, static_cast<std::size_t>(share * static_cast<double>(tally.ms.size())))];
  };
  std::printf(
      "{\"requests\": %zu, \"seconds\": %.2f, \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f, "
      "\"statuses\": {",
      tally.ms.size(), seconds, quantile(0.5), quantile(0.9), quantile(0.99), tally.ms.back());
  const char* comma = "";
  for (const auto& [status, times] : tally.by_status) {
    std::printf("%s\"%d\": %d", comma, status, times);
    comma = ", ";
  }
  std::printf("}}\n");
}
