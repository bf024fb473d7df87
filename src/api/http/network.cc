#include "api/http/network.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace pipelined::api {
namespace {

// The first bits of an address; `bits_4` and `bits_6` are whole bytes.
std::string Prefix(const std::string& address, int bits_4, int bits_6) {
  in6_addr six{};
  in_addr four{};
  const bool is_six = inet_pton(AF_INET6, address.c_str(), &six) == 1;
  const bool mapped = is_six && IN6_IS_ADDR_V4MAPPED(&six) != 0;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_six && !mapped) {
    std::fill(std::begin(six.s6_addr) + bits_6 / 8, std::end(six.s6_addr), std::uint8_t{0});
    inet_ntop(AF_INET6, &six, text.data(), text.size());
    return fmt::format("{}/{}", text.data(), bits_6);
  }
  std::array<std::uint8_t, 4> bytes{};
  if (mapped) {
    std::copy(std::begin(six.s6_addr) + 12, std::end(six.s6_addr), bytes.begin());
  } else if (inet_pton(AF_INET, address.c_str(), &four) == 1) {
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&four), 4, bytes.begin());
  } else {
    return address;
  }
  std::fill(bytes.begin() + bits_4 / 8, bytes.end(), std::uint8_t{0});
  const std::string plain = fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
  return bits_4 == 32 ? plain : fmt::format("{}/{}", plain, bits_4);
}

}  // namespace

std::string NetworkOf(const std::string& address) {
  return Prefix(address, 32, 64);
}

std::string NeighbourhoodOf(const std::string& address) {
  return Prefix(address, 24, 48);
}

}  // namespace pipelined::api
