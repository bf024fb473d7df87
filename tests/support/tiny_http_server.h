// An HTTP server of a test: answers by path, keeps what it was asked, and holds back answers until it is told to give
// them.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pipelined::testing {

class TinyHttpServer {
 public:
  TinyHttpServer() {
    listen_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listen_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listen_, 128);
    getsockname(listen_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~TinyHttpServer() {
    Release();
    ending_ = true;
    shutdown(listen_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    close(listen_);
  }

  int port() const { return port_; }
  std::string Url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(port_) + path; }

  // "HTTP/1.1 200 OK\r\n…": what `path` (without its query) is answered; all others: 200 with the body `ok`.
  void Answer(const std::string& path, const std::string& response) {
    const std::lock_guard lock(mutex_);
    answers_[path] = response;
  }
  static std::string Response(int status, const std::string& body, const std::string& headers = "") {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           headers + "\r\n" + body;
  }

  // Requests to /hold wait until this.
  void Release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    wake_.notify_all();
  }

  // Whole requests, head and body, in the order in which they came.
  std::vector<std::string> Asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::size_t asked() const { return Asked().size(); }
  // Connections that were closed by the other side while their answer was held back.
  int given_up() const { return given_up_; }

 private:
  void Accept() {
    while (!ending_) {
      const int fd = accept4(listen_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd] { Serve(fd); });
    }
  }

  void Serve(int fd) {
    std::string data;
    for (std::string request; TakeRequest(fd, data, request);) {
      const std::string target = request.substr(request.find(' ') + 1);
      const std::string path = target.substr(0, target.find_first_of(" ?"));
      if (!Keep(request, path, fd)) break;
      const std::string response = AnswerOf(path);
      if (send(fd, response.data(), response.size(), MSG_NOSIGNAL) < 0) break;
    }
    shutdown(fd, SHUT_RDWR);
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    close(fd);
  }

  static bool TakeRequest(int fd, std::string& data, std::string& request) {
    char chunk[4096];
    for (;;) {
      const std::size_t end = data.find("\r\n\r\n");
      if (end != std::string::npos) {
        std::size_t length = 0;
        if (const std::size_t at = data.find("Content-Length: "); at < end) length = std::stoul(data.substr(at + 16));
        if (data.size() >= end + 4 + length) {
          request = data.substr(0, end + 4 + length);
          data.erase(0, request.size());
          return true;
        }
      }
      const ssize_t size = recv(fd, chunk, sizeof chunk, 0);
      if (size <= 0) return false;
      data.append(chunk, static_cast<std::size_t>(size));
    }
  }

  bool Keep(const std::string& request, const std::string& path, int fd) {
    std::unique_lock lock(mutex_);
    asked_.push_back(request);
    if (path != "/hold") return true;
    while (!released_) {
      wake_.wait_for(lock, std::chrono::milliseconds(5));
      pollfd gone{fd, POLLRDHUP, 0};
      if (poll(&gone, 1, 0) == 1) {
        ++given_up_;
        return false;
      }
    }
    return true;
  }

  std::string AnswerOf(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(path);
    return found != answers_.end() ? found->second : Response(200, "ok");
  }

  int listen_ = -1, port_ = 0;
  std::atomic<bool> ending_{false};
  std::atomic<int> given_up_{0};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, std::string> answers_;
  std::vector<std::string> asked_;
  std::vector<int> open_;
  bool released_ = false;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace pipelined::testing
