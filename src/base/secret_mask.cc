#include "pipelined/base/secret_mask.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "pipelined/base/secret_name.h"

namespace pipelined {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF", kLowerHex = "0123456789abcdef";
constexpr std::size_t kShortestLine = 8;

std::string ForJson(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      escaped += {'\\', c};
    } else if (c == '\n') {
      escaped += "\\n";
    } else if (c == '\r') {
      escaped += "\\r";
    } else if (c == '\t') {
      escaped += "\\t";
    } else if (byte < 0x20) {
      escaped += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// As Python's json writes it: everything beyond ASCII as \uXXXX.
std::string ForAsciiJson(std::string_view text) {
  const auto unit = [](std::uint32_t u) { return fmt::format("\\u{:04x}", u); };
  std::string escaped;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (size == 1 || at + size > text.size()) {
      escaped += ForJson(text.substr(at++, 1));
      continue;
    }
    std::uint32_t point = lead & (0xffu >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) point = point << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3fu);
    escaped += point < 0x10000 ? unit(point)
                               : unit(0xd800 + ((point - 0x10000) >> 10)) + unit(0xdc00 + ((point - 0x10000) & 0x3ff));
    at += size;
  }
  return escaped;
}

std::string ForUrl(std::string_view text, std::string_view blank, std::string_view hex) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      escaped += c;
    } else if (c == ' ') {
      escaped += blank;
    } else {
      escaped += {'%', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return escaped;
}

// As templates put it within double quotes of a script, which a complaint of the shell repeats.
std::string ForDoubleQuotes(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '\\' || c == '"' || c == '$' || c == '`') quoted += '\\';
    quoted += c;
  }
  return quoted;
}

// As `set -x` shows it.
std::string ForShell(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted;
}

// As a shell leaves of it between words, and `$(…)` at its end: a secret is often kept with the newline of its file.
std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n\v\f\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

}  // namespace

void SecretMask::AddForm(std::string form) {
  if (form.size() >= kShortest && form != kMasked) forms_.insert(std::move(form));
}

void SecretMask::AddForms(const std::string& secret) {
  AddForm(secret);
  AddForm(ForJson(secret));
  AddForm(ForAsciiJson(secret));
  AddForm(ForUrl(secret, "%20", kHex));
  AddForm(ForUrl(secret, "+", kHex));
  AddForm(ForUrl(secret, "%20", kLowerHex));
  AddForm(ForShell(secret));
  AddForm(ForDoubleQuotes(secret));
}

void SecretMask::Add(const std::string& secret) {
  if (secret.size() < kShortest) return;
  AddForms(secret);
  if (const std::string_view inner = Trimmed(secret); inner.size() >= kShortest && inner.size() < secret.size())
    AddForms(std::string(inner));
  if (secret.find('\n') == std::string::npos) return;
  for (std::size_t at = 0; at < secret.size();) {
    std::size_t end = std::min(secret.find('\n', at), secret.size());
    const std::size_t next = end + 1;
    if (end > at && secret[end - 1] == '\r') --end;
    if (end - at >= kShortestLine) AddForms(secret.substr(at, end - at));
    at = next;
  }
}

std::vector<std::string> SecretMask::Forms() const {
  std::vector<std::string> forms(forms_.begin(), forms_.end());
  std::stable_sort(forms.begin(), forms.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return forms;
}

std::string Masked(std::string text, const std::vector<std::string>& forms) {
  std::array<bool, 256> begins{};
  for (const std::string& form : forms) begins[static_cast<unsigned char>(form[0])] = true;
  std::string masked;
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto here = [&](const std::string& form) { return text.compare(at, form.size(), form) == 0; };
    const auto form =
        begins[static_cast<unsigned char>(text[at])] ? std::find_if(forms.begin(), forms.end(), here) : forms.end();
    if (form == forms.end()) {
      ++at;
      continue;
    }
    masked.append(text, from, at - from).append(kMasked);
    from = at += form->size();
  }
  return from == 0 ? std::move(text) : masked.append(text, from);
}

}  // namespace pipelined
