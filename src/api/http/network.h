// Whom an address belongs to, so that who has many of them counts once.
#pragma once

#include <string>

namespace pipelined::api {

// What one subscriber has: an IPv4 address (also as ::ffff:a.b.c.d); in IPv6 a /64. What is no address, as it is.
std::string NetworkOf(const std::string& address);

// Where it comes from, more coarsely: in IPv4 the /24, in IPv6 the /48.
std::string NeighbourhoodOf(const std::string& address);

}  // namespace pipelined::api
