// Addresses to listen on, and why they cannot be.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <string>

#include "api/transport/door.h"

namespace pipelined::api {

using TcpDoor = Door<boost::asio::ip::tcp>;
using UnixDoor = Door<boost::asio::local::stream_protocol>;

// kInvalid, kConflict and kUnavailable as Transport::Listen says.
Status BindTcp(TcpDoor& door, const std::string& host, std::uint16_t port);
// Replaces a socket that nobody listens on any more. Only the process's own user may connect (mode 0600).
Status BindUnix(UnixDoor& door, const std::string& path);

}  // namespace pipelined::api
