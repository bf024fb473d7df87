// Texts from anywhere, made fit for where they go.
#pragma once

#include <string>
#include <string_view>

namespace pipelined::notify {

// Every byte that is no UTF-8 becomes U+FFFD.
std::string ValidUtf8(std::string_view text);
// Without control characters, cut after `most` bytes, at a character.
std::string FirstLine(std::string_view text, std::size_t most);
// No markup any more for whoever reads <…> as links and & as the begin of an entity, as Slack does.
std::string WithoutMarkup(std::string_view text);
// What the URL has behind its host is masked.
std::string WithoutUrl(std::string text, const std::string& url);

}  // namespace pipelined::notify
