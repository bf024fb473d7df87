// Addresses and headers of a mail. Nothing that comes here can add a header or a recipient.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"

namespace pipelined::worker {

struct Address {
  std::string name;     // may be empty
  std::string address;  // local@domain
};

// "a@b.org" or "Ann Lee <a@b.org>". kInvalid: it is none, holds a line end, or is several.
Result<Address> ParseAddress(std::string_view text);

// A header's text: as it is when it is printable ASCII, else as encoded words (RFC 2047). kInvalid: a line end or a
// NUL.
Result<std::string> EncodeHeader(std::string_view text);

// "=?UTF-8?B?…?= <a@b.org>"
std::string FormatAddress(const Address& address);

struct Attachment {
  std::string path, name;
};

struct Mail {
  Address from, reply_to;
  std::vector<Address> to, cc, bcc;
  std::string subject;  // encoded
  std::string text, html;
  std::vector<Attachment> attachments;
};
// From a rendered action. kInvalid names what is wrong.
Result<Mail> ReadMail(const Value& spec);

}  // namespace pipelined::worker
