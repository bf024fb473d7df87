#include "api/http/negotiate.h"

#include <zlib.h>

#include <algorithm>

#include "api/http/letters.h"
#include "pipelined/base/hash.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kWorthCompressing = 1024;

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The pieces between `separator`s, trimmed; `use` says whether to go on.
template <class Use>
void ForEach(std::string_view list, char separator, Use use) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(separator), list.size());
    if (!use(Trim(list.substr(0, end)))) return;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

// "q=0", "q=0.000": explicitly not.
bool Unwanted(std::string_view parameters) {
  bool unwanted = false;
  ForEach(parameters, ';', [&](std::string_view parameter) {
    if (parameter.starts_with("q=0") || parameter.starts_with("Q=0"))
      unwanted = parameter.find_first_not_of("0.", 2) == parameter.npos;
    return !unwanted;
  });
  return unwanted;
}

// Whether a list such as "text/html, */*;q=0.1" takes one of `names`, of which the first that is listed decides.
bool Takes(std::string_view list, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    std::optional<bool> decided;
    ForEach(list, ',', [&](std::string_view item) {
      const std::size_t end = std::min(item.find(';'), item.size());
      if (LowerCase(Trim(item.substr(0, end))) == name) decided = !Unwanted(item.substr(end));
      return !decided;
    });
    if (decided) return *decided;
  }
  return false;
}

bool IsJson(const std::string& content_type) {
  const std::string type = LowerCase(content_type);
  const std::string_view media = Trim(std::string_view(type).substr(0, type.find(';')));
  const std::size_t charset = type.find("charset=");
  if (charset != type.npos && type.find("utf-8", charset) == type.npos) return false;
  return media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"));
}

bool Compressible(const std::string& content_type) {
  return content_type.starts_with("text/") || IsJson(content_type) || content_type.starts_with("application/x-ndjson");
}

// Empty when zlib cannot.
std::string Gzip(const std::string& plain) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string packed(deflateBound(&stream, static_cast<uLong>(plain.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));  // zlib reads only
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  packed.resize(done ? stream.total_out : 0);
  deflateEnd(&stream);
  return packed;
}

// The ETag of the answer, made from its body where the handler has set none. Weak: the same answer may be sent plain
// and compressed.
std::string TagOf(Response& response) {
  for (auto& [name, value] : response.headers) {
    if (name != "ETag") continue;
    if (!value.starts_with("W/")) value.insert(0, "W/");
    return value;
  }
  if (response.status != 200) return {};
  response.headers.emplace_back("ETag", "W/\"" + Sha256Hex(response.body).substr(0, 32) + "\"");
  return response.headers.back().second;
}

bool Has(std::string_view known, std::string_view tag) {
  bool found = false;
  tag.remove_prefix(2);  // W/
  ForEach(known, ',', [&](std::string_view one) {
    if (one.starts_with("W/")) one.remove_prefix(2);
    found = one == "*" || one == tag;
    return !found;
  });
  return found;
}

// Whether the answer may differ by what the client can unpack. Of one that the handler left out nobody knows its size.
bool MayBeCompressed(const Response& response) {
  return response.status == 304 || (response.body.size() >= kWorthCompressing && Compressible(response.content_type));
}

void Compress(const Request& request, Response& response) {
  if (!Takes(request.List("accept-encoding"), {"gzip", "*"})) return;
  std::string packed = Gzip(response.body);
  if (packed.empty()) return;
  response.body = std::move(packed);
  response.headers.emplace_back("Content-Encoding", "gzip");
}

}  // namespace

std::optional<Response> RefuseMedia(const Request& request) {
  if (request.body.empty()) return std::nullopt;
  if (const std::string* coding = request.Header("content-encoding");
      coding != nullptr && LowerCase(*coding) != "identity")
    return Detail(415, "a compressed body is not read here");
  if (const std::string* type = request.Header("content-type"); type != nullptr && !IsJson(*type))
    return Detail(415, "the body must be JSON in UTF-8, with Content-Type: application/json");
  return std::nullopt;
}

std::optional<Response> RefuseAccept(const Request& request) {
  const std::string accepted = request.List("accept");
  if (accepted.empty() || Takes(accepted, {"application/json", "application/*", "*/*"})) return std::nullopt;
  return Detail(406, "the answer is application/json");
}

bool WantsText(const Request& request) {
  const std::string* accept = request.Header("accept");
  return accept != nullptr && accept->starts_with("text/plain");
}

void Negotiate(const Request& request, bool gzip, Response& response) {
  if (request.method != "GET" && request.method != "HEAD") return;
  if (response.feed != nullptr || (response.status != 200 && response.status != 304)) return;
  const std::string tag = TagOf(response);
  if (Find(response.headers, "Cache-Control") == nullptr)
    response.headers.emplace_back("Cache-Control", "private, no-cache");
  const bool compress = gzip && MayBeCompressed(response);
  if (compress) response.headers.emplace_back("Vary", "Accept-Encoding");
  if (response.status == 200 && Has(request.List("if-none-match"), tag)) {
    response.status = 304;
    response.body.clear();
  }
  if (compress && response.status == 200) Compress(request, response);
}

}  // namespace pipelined::api
