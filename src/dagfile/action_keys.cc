#include "dagfile/action_keys.h"

#include <array>

namespace pipelined::dagfile {
namespace {

constexpr Key kPart = Key::kActionPart;

constexpr std::array kHttpTable{
    KeyRow{"connection", kPart}, KeyRow{"url", kPart},          KeyRow{"method", kPart},
    KeyRow{"headers", kPart},    KeyRow{"params", kPart, true}, KeyRow{"json", kPart},
    KeyRow{"body", kPart},       KeyRow{"form", kPart},         KeyRow{"auth", kPart},
    KeyRow{"timeout", kPart},    KeyRow{"ca_file", kPart},      KeyRow{"verify", kPart},
    KeyRow{"expect", kPart},     KeyRow{"retry_status", kPart}, KeyRow{"follow_redirects", kPart},
    KeyRow{"output", kPart},     KeyRow{"max_response", kPart},
};
constexpr std::array kHttpAuthTable{KeyRow{"username", kPart}, KeyRow{"password", kPart}, KeyRow{"token", kPart}};
constexpr std::array kHttpExpectTable{KeyRow{"status", kPart}, KeyRow{"json", kPart}, KeyRow{"body_contains", kPart}};
constexpr std::array kSqlTable{
    KeyRow{"connection", kPart},
    KeyRow{"query", kPart},
    KeyRow{"file", kPart},
    KeyRow{"params", kPart, true},
    KeyRow{"statement_timeout", kPart},
    KeyRow{"autocommit", kPart},
    KeyRow{"output", kPart},
};
constexpr std::array kSqliteTable{
    KeyRow{"path", kPart},         KeyRow{"query", kPart},  KeyRow{"file", kPart},
    KeyRow{"params", kPart, true}, KeyRow{"output", kPart},
};
constexpr std::array kMailTable{
    KeyRow{"connection", kPart}, KeyRow{"from", kPart},        KeyRow{"to", kPart},      KeyRow{"cc", kPart},
    KeyRow{"bcc", kPart},        KeyRow{"text", kPart},        KeyRow{"subject", kPart}, KeyRow{"reply_to", kPart},
    KeyRow{"html", kPart},       KeyRow{"attachments", kPart},
};
constexpr std::array kSshTable{
    KeyRow{"connection", kPart, true},  KeyRow{"host", kPart, true},        KeyRow{"port", kPart, true},
    KeyRow{"user", kPart, true},        KeyRow{"command", kPart},           KeyRow{"key_file", kPart, true},
    KeyRow{"known_hosts", kPart, true}, KeyRow{"host_key_checking", kPart}, KeyRow{"connect_timeout", kPart, true},
};
constexpr std::array kStdinTable{KeyRow{"file", kPart}};

}  // namespace

const std::span<const KeyRow> kHttpKeys = kHttpTable;
const std::span<const KeyRow> kHttpAuthKeys = kHttpAuthTable;
const std::span<const KeyRow> kHttpExpectKeys = kHttpExpectTable;
const std::span<const KeyRow> kSqlKeys = kSqlTable;
const std::span<const KeyRow> kSqliteKeys = kSqliteTable;
const std::span<const KeyRow> kMailKeys = kMailTable;
const std::span<const KeyRow> kSshKeys = kSshTable;
const std::span<const KeyRow> kStdinKeys = kStdinTable;

}  // namespace pipelined::dagfile
