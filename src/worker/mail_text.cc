#include "worker/mail_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/base/base64.h"
#include "pipelined/base/mail_address.h"
#include "pipelined/schema/json.h"
#include "worker/attempt_log.h"
#include "worker/job.h"

namespace pipelined::worker {
namespace {

constexpr std::size_t kMostRecipients = 500;
constexpr std::size_t kEncodedAtOnce = 45;  // bytes: 60 letters, so that a word has less than 75

Error Invalid(std::string message) {
  return {ErrorCode::kInvalid, std::move(message), ""};
}

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// A text holds one or several, separated by commas; so does a list.
Result<std::vector<Address>> ReadAddresses(const Value& spec, std::string_view key) {
  std::vector<Address> addresses;
  const Value* value = spec.Find(key);
  if (value == nullptr || value->is_null()) return addresses;
  const Value::List list = value->is_list() ? value->list() : Value::List{*value};
  for (const Value& item : list) {
    const std::string text = ToText(item);
    std::string_view rest = text;
    while (!Trim(rest).empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      auto address = ParseAddress(rest.substr(0, end));
      if (!address) return Invalid(fmt::format("{}: {}", key, address.error().message));
      addresses.push_back(std::move(*address));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return addresses;
}

}  // namespace

Result<Address> ParseAddress(std::string_view text) {
  const std::string shown = Readable(text, kUncut);
  if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
    return Invalid(fmt::format("\"{}\" holds a line end", shown));
  text = Trim(text);
  Address read;
  const std::size_t open = text.rfind('<');
  if (open == std::string_view::npos) {
    read.address = std::string(text);
  } else {
    if (!text.ends_with('>')) return Invalid(fmt::format("\"{}\" is no address", shown));
    read.address = std::string(text.substr(open + 1, text.size() - open - 2));
    std::string_view name = Trim(text.substr(0, open));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
    read.name = std::string(name);
  }
  if (!IsMailAddress(read.address)) return Invalid(fmt::format("\"{}\" is no address", shown));
  return read;
}

Result<std::string> EncodeHeader(std::string_view text) {
  if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
    return Invalid("it holds a line end or a NUL");
  if (IsPrintable(text) && text.find("=?") == std::string_view::npos && text.size() <= 900) return std::string(text);
  std::string encoded;
  while (!text.empty()) {
    std::size_t size = std::min(kEncodedAtOnce, text.size());
    // A character stays in one word.
    while (size > 1 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
    if (!encoded.empty()) encoded += "\r\n ";
    encoded += "=?UTF-8?B?" + Base64(text.substr(0, size)) + "?=";
    text.remove_prefix(size);
  }
  return encoded;
}

std::string FormatAddress(const Address& address) {
  if (address.name.empty()) return address.address;
  const auto encoded = EncodeHeader(address.name);
  const bool plain = encoded && *encoded == address.name;
  if (!plain) return fmt::format("{} <{}>", encoded ? *encoded : "", address.address);
  std::string quoted;
  for (const char c : address.name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return fmt::format("\"{}\" <{}>", quoted, address.address);
}

Result<Mail> ReadMail(const Value& spec) {
  Mail mail;
  for (auto& [key, to] : {std::pair("to", &mail.to), std::pair("cc", &mail.cc), std::pair("bcc", &mail.bcc)}) {
    auto read = ReadAddresses(spec, key);
    if (!read) return read.error();
    *to = std::move(*read);
  }
  if (mail.to.empty()) return Invalid("to: there is no address");
  if (mail.to.size() + mail.cc.size() + mail.bcc.size() > kMostRecipients)
    return Invalid(fmt::format("there are more than {} recipients", kMostRecipients));
  const Value* connection = spec.Find("connection");
  const Value none;
  const auto extra = ParseJson(TextIn(connection == nullptr ? none : *connection, "extra"));
  std::string from = TextIn(spec, "from");
  if (from.empty() && extra) from = TextIn(*extra, "from_email");
  if (from.empty() && connection != nullptr) from = TextIn(*connection, "login");
  auto sender = ParseAddress(from);
  if (!sender) return Invalid("from: " + sender.error().message);
  mail.from = std::move(*sender);
  if (const std::string text = TextIn(spec, "reply_to"); !text.empty()) {
    auto reply_to = ParseAddress(text);
    if (!reply_to) return Invalid("reply_to: " + reply_to.error().message);
    mail.reply_to = std::move(*reply_to);
  }
  auto subject = EncodeHeader(TextIn(spec, "subject"));
  if (!subject) return Invalid("subject: " + subject.error().message);
  mail.subject = std::move(*subject);
  mail.text = TextIn(spec, "text");
  mail.html = TextIn(spec, "html");
  if (const Value* paths = spec.Find("attachments"); paths != nullptr && paths->is_list()) {
    for (const Value& item : paths->list()) {
      const std::string path = ToText(item);
      if (path.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        return Invalid("attachments: a path holds a line end or a NUL");
      mail.attachments.push_back({path, path.substr(path.rfind('/') + 1)});
    }
  }
  return mail;
}

}  // namespace pipelined::worker
