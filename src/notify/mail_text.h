// A mail as it goes over the wire: RFC 5322 with MIME. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/time.h"

namespace pipelined::notify {

struct Mail {
  std::string from;
  std::vector<std::string> to;
  std::string subject, text;
  std::string id;  // becomes the Message-ID, by which receivers know a mail that comes twice
  Instant date{};
};

// Header lines hold nothing but what is said here: line breaks and other control characters of the subject become
// blanks, and what is not plain ASCII is encoded (RFC 2047). The text is base64. Lines end with CR LF.
std::string MailText(const Mail& mail);

// A subject as the value of a header, folded.
std::string HeaderText(std::string_view text);

// "Sat, 28 Nov 2026 03:30:00 +0000"
std::string MailDate(Instant at);

}  // namespace pipelined::notify
