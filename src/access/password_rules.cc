#include "pipelined/access/password_rules.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace pipelined::access {
namespace {

// What is tried first, without the digits and signs that people put around it.
constexpr std::array<std::string_view, 34> kCommon{"password",   "passwort",      "passw0rd",
                                                   "p@ssw0rd",   "p@ssword",      "qwerty",
                                                   "qwertyuiop", "qwertz",        "azerty",
                                                   "letmein",    "welcome",       "monkey",
                                                   "dragon",     "football",      "master",
                                                   "sunshine",   "princess",      "iloveyou",
                                                   "admin",      "administrator", "root",
                                                   "changeme",   "default",       "secret",
                                                   "login",      "airflow",       "pipelined",
                                                   "asdfghjkl",  "zxcvbnm",       "trustno",
                                                   "whatever",   "superman",      "correcthorsebatterystaple",
                                                   "starwars"};

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

// "!!Password123" -> "password"
std::string_view Core(std::string_view lower) {
  while (!lower.empty() && !IsLetter(lower.front())) lower.remove_prefix(1);
  while (!lower.empty() && !IsLetter(lower.back())) lower.remove_suffix(1);
  return lower;
}

std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// "aaaaaaaa", "12345678", "abcdefgh"
bool IsSequence(std::string_view text) {
  if (text.size() < 2) return true;
  const int step = text[1] - text[0];
  if (step < -1 || step > 1) return false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const bool wraps = text[i - 1] == '9' && text[i] == '0';
    if (text[i] - text[i - 1] != step && !wraps) return false;
  }
  return true;
}

}  // namespace

std::optional<std::string> PasswordFault(std::string_view password, std::string_view owner, std::size_t shortest) {
  if (Characters(password) < shortest)
    return fmt::format("the password is too short: at least {} characters are needed", shortest);
  if (password.size() > kLongestPassword)
    return fmt::format("the password is too long: at most {} bytes", kLongestPassword);
  const std::string lower = Lower(password);
  if (!owner.empty() && lower.find(Lower(owner)) != std::string::npos && password.size() < owner.size() + shortest)
    return "the password is little more than the name of its owner";
  if (IsSequence(lower) || std::find(kCommon.begin(), kCommon.end(), Core(lower)) != kCommon.end() ||
      std::find(kCommon.begin(), kCommon.end(), lower) != kCommon.end())
    return "the password is one of those that are tried first";
  return std::nullopt;
}

}  // namespace pipelined::access
