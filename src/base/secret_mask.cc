#include "pipelined/base/secret_mask.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "pipelined/base/secret_name.h"

namespace pipelined {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";
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

std::string ForUrl(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      escaped += c;
    } else {
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return escaped;
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

}  // namespace

void SecretMask::AddForm(std::string form) {
  if (form.size() >= kShortest && form != kMasked) forms_.insert(std::move(form));
}

void SecretMask::Add(const std::string& secret) {
  if (secret.size() < kShortest) return;
  AddForm(secret);
  AddForm(ForJson(secret));
  AddForm(ForUrl(secret));
  AddForm(ForShell(secret));
  if (secret.find('\n') == std::string::npos) return;
  for (std::size_t at = 0; at < secret.size();) {
    std::size_t end = std::min(secret.find('\n', at), secret.size());
    const std::size_t next = end + 1;
    if (end > at && secret[end - 1] == '\r') --end;
    if (end - at >= kShortestLine) AddForm(secret.substr(at, end - at));
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
