#include "notify/mail_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "notify/plain_text.h"
#include "pipelined/base/base64.h"

namespace pipelined::notify {
namespace {

constexpr std::size_t kLine = 76;          // of base64, without its end
constexpr std::size_t kEncodedBytes = 42;  // in one encoded word: 12 + 56 characters, of 75 that are allowed
constexpr std::size_t kPlainHeader = 60;   // a longer one is encoded, so that it can be folded anywhere

bool IsPlain(std::string_view text) {
  return text.find("=?") == text.npos &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= ' ' && c < 127; });
}

std::string Base64Lines(std::string_view data) {
  const std::string code = Base64(data);
  std::string out;
  for (std::size_t at = 0; at < code.size(); at += kLine) out += code.substr(at, kLine) + "\r\n";
  return out;
}

}  // namespace

std::string HeaderText(std::string_view text) {
  std::string clean = ValidUtf8(text);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = ' ';
  }
  if (IsPlain(clean) && clean.size() <= kPlainHeader) return clean;
  std::string out;
  std::string_view rest = clean;
  while (!rest.empty()) {
    std::size_t length = std::min(kEncodedBytes, rest.size());
    while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0) == 0x80) --length;
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + Base64(rest.substr(0, length)) + "?=";
    rest.remove_prefix(length);
  }
  return out;
}

std::string MailDate(Instant at) {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{std::chrono::floor<Seconds>(at - day)};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", kDays[std::chrono::weekday{day}.c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

std::string MailText(const Mail& mail) {
  const std::string domain = mail.from.substr(mail.from.find('@') + 1);
  std::string out = fmt::format("Date: {}\r\nFrom: <{}>\r\nTo: ", MailDate(mail.date), mail.from);
  for (std::size_t i = 0; i < mail.to.size(); ++i) out += fmt::format("{}<{}>", i == 0 ? "" : ",\r\n ", mail.to[i]);
  out += fmt::format("\r\nSubject: {}\r\nMessage-ID: <{}@{}>\r\n", HeaderText(mail.subject), mail.id, domain);
  out +=
      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\n";
  return out + Base64Lines(ValidUtf8(mail.text));
}

}  // namespace pipelined::notify
