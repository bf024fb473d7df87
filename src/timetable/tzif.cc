#include "timetable/tzif.h"

namespace pipelined {

namespace {

constexpr std::size_t kHeaderSize = 44;
constexpr std::uint32_t kMostEntries = 100'000;      // far above any real zone; keeps sizes from overflowing
constexpr std::int32_t kGreatestOffset = 26 * 3600;  // RFC 8536: between -25 and +26 hours

Error NoTzif(const char* why) {
  return Error{ErrorCode::kInvalid, std::string("not a compiled time zone: ") + why, ""};
}

std::int64_t BigEndian(std::string_view bytes, std::size_t size) {
  std::uint64_t value = (static_cast<unsigned char>(bytes[0]) & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < size; ++i) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  return static_cast<std::int64_t>(value);
}

struct Header {
  char version = 0;
  std::uint32_t isut = 0, isstd = 0, leap = 0, time = 0, type = 0, chars = 0;

  std::size_t BlockSize(std::size_t time_size) const {
    return time * time_size + time + type * 6 + chars + leap * (time_size + 4) + isstd + isut;
  }
};

bool ReadHeader(std::string_view bytes, Header& out) {
  if (bytes.size() < kHeaderSize || bytes.substr(0, 4) != "TZif") return false;
  out.version = bytes[4];
  std::uint32_t* const counts[] = {&out.isut, &out.isstd, &out.leap, &out.time, &out.type, &out.chars};
  for (std::size_t i = 0; i < 6; ++i) {
    *counts[i] = static_cast<std::uint32_t>(BigEndian(bytes.substr(20 + 4 * i), 4));
    if (*counts[i] > kMostEntries) return false;
  }
  return out.type > 0;
}

Result<Tzif> ReadBlock(std::string_view block, const Header& header, std::size_t time_size) {
  const std::string_view kinds = block.substr(header.time * time_size, header.time);
  const std::string_view types = block.substr(header.time * (time_size + 1), header.type * 6);
  const auto offset_of = [&](std::size_t type) {
    return static_cast<std::int32_t>(BigEndian(types.substr(type * 6), 4));
  };
  Tzif out;
  for (std::size_t type = 0; type < header.type; ++type) {
    if (offset_of(type) > kGreatestOffset || offset_of(type) < -kGreatestOffset)
      return NoTzif("an offset is out of range");
  }
  out.first_offset = offset_of(0);
  out.changes.reserve(header.time);
  for (std::size_t i = 0; i < header.time; ++i) {
    const auto kind = static_cast<unsigned char>(kinds[i]);
    if (kind >= header.type) return NoTzif("a change names a type that is not there");
    const std::int64_t at = BigEndian(block.substr(i * time_size), time_size);
    if (!out.changes.empty() && at <= out.changes.back().at) return NoTzif("the changes are not in order");
    out.changes.push_back({at, offset_of(kind)});
  }
  return out;
}

}  // namespace

Result<Tzif> ReadTzif(std::string_view bytes) {
  Header header;
  if (!ReadHeader(bytes, header)) return NoTzif("the header is wrong");
  std::string_view rest = bytes.substr(kHeaderSize);
  if (rest.size() < header.BlockSize(4)) return NoTzif("it ends too early");
  if (header.version == '\0') return ReadBlock(rest, header, 4);

  rest = rest.substr(header.BlockSize(4));
  if (!ReadHeader(rest, header)) return NoTzif("the second header is wrong");
  rest = rest.substr(kHeaderSize);
  if (rest.size() < header.BlockSize(8)) return NoTzif("it ends too early");
  auto out = ReadBlock(rest, header, 8);
  if (!out) return out;
  rest = rest.substr(header.BlockSize(8));
  if (rest.empty() || rest.front() != '\n') return NoTzif("the footer is missing");
  const std::size_t close = rest.find('\n', 1);
  if (close == std::string_view::npos) return NoTzif("the footer does not end");
  out->footer = std::string(rest.substr(1, close - 1));
  return out;
}

}  // namespace pipelined
