// A client's bytes, in and out, whatever carries them: TCP, a unix socket, TLS over TCP.
//
// One strand per stream: its completions and what is given to Post() run one after the other, on any I/O thread. All
// else must be called from there. A completion never runs inside the call that asked for it.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <functional>
#include <memory>
#include <string_view>

#include "api/transport/tls.h"

namespace pipelined::api {

using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Strand>;

class Stream {
 public:
  using Done = std::function<void(bool ok, std::size_t bytes)>;

  virtual ~Stream() = default;
  virtual void Handshake(Done done) = 0;
  virtual void Read(char* into, std::size_t size, Done done) = 0;  // some; at the end of the stream not ok
  virtual void Write(std::string_view head, std::string_view body, Done done) = 0;  // all of both
  // Says that nothing more will be written. What is read afterwards is only to be thrown away.
  virtual void Finish(Done done) = 0;
  virtual void Close() = 0;                           // what is outstanding ends with not ok
  virtual void Post(std::function<void()> work) = 0;  // from any thread
};

std::unique_ptr<Stream> MakeStream(Socket socket);
std::unique_ptr<Stream> MakeTlsStream(Socket socket, TlsContextPtr context);

}  // namespace pipelined::api
