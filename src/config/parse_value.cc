#include "config/parse_value.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <optional>

namespace pipelined::config {
namespace {

Error Invalid(std::string message) {
  return {ErrorCode::kInvalid, std::move(message), {}};
}

std::optional<std::int64_t> WholeNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct Unit {
  std::string_view suffix;
  std::int64_t bytes;
};
constexpr Unit kUnits[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}};

std::optional<std::int64_t> Bytes(std::string_view text) {
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto number = WholeNumber(text.substr(0, text.size() - unit.suffix.size()));
    if (!number || *number < 0 || *number > (std::int64_t{1} << 50) / unit.bytes) return std::nullopt;
    return *number * unit.bytes;
  }
  return std::nullopt;
}

std::string ShowBytes(std::int64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes % unit.bytes == 0 && bytes >= unit.bytes) return fmt::format("{}{}", bytes / unit.bytes, unit.suffix);
  }
  return "0";
}

bool IsChoice(std::string_view choices, std::string_view word) {
  return !word.empty() && word.find('|') == word.npos &&
         fmt::format("|{}|", choices).find(fmt::format("|{}|", word)) != std::string::npos;
}

Status StoreInteger(const Setting& setting, const std::string& text, std::int64_t& into) {
  const auto number = WholeNumber(text);
  if (!number) return Invalid(fmt::format("\"{}\" is not a whole number", text));
  if (*number < setting.least || *number > setting.most) {
    return Invalid(fmt::format("{} is not between {} and {}", text, setting.least, setting.most));
  }
  into = *number;
  return Ok();
}

Status StoreDuration(const Setting& setting, const std::string& text, Micros& into) {
  const Result<Micros> duration = ParseDuration(text);
  if (!duration) return Invalid(fmt::format("\"{}\" is not a duration such as \"500ms\", \"30s\" or \"1h30m\"", text));
  if (*duration < Millis(setting.least)) {
    return Invalid(fmt::format("{} is less than {}", text, FormatDuration(Millis(setting.least))));
  }
  into = *duration;
  return Ok();
}

Status StoreFlag(const std::string& text, bool& into) {
  if (text != "true" && text != "false") return Invalid(fmt::format("\"{}\" is neither true nor false", text));
  into = text == "true";
  return Ok();
}

Status StoreSize(const Setting& setting, const std::string& text, std::int64_t& into) {
  const auto bytes = Bytes(text);
  if (!bytes) return Invalid(fmt::format("\"{}\" is not a size such as \"4096\", \"64KiB\" or \"100MiB\"", text));
  if (*bytes < setting.least) return Invalid(fmt::format("{} is less than {} bytes", text, setting.least));
  into = *bytes;
  return Ok();
}

Status StorePaths(const std::vector<std::string>& texts, const std::string& base_dir, std::vector<std::string>& into) {
  std::vector<std::string> paths;
  for (const std::string& text : texts) {
    if (text.empty() || text.find('\0') != text.npos) return Invalid("an empty path");
    std::string path = (std::filesystem::path(base_dir) / text).lexically_normal().string();
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    paths.push_back(std::move(path));
  }
  if (paths.empty()) return Invalid("an empty list of folders");
  into = std::move(paths);
  return Ok();
}

}  // namespace

Status Store(const Setting& setting, const std::vector<std::string>& texts, const std::string& base_dir,
             Settings& into) {
  return StoreIn(setting, texts, base_dir, setting.slot(into));
}

Status StoreIn(const Setting& setting, const std::vector<std::string>& texts, const std::string& base_dir,
               const Slot& slot) {
  if (setting.type == Type::kPaths) return StorePaths(texts, base_dir, *std::get<std::vector<std::string>*>(slot));
  if (setting.type == Type::kWords) {
    *std::get<std::vector<std::string>*>(slot) = texts;
    return Ok();
  }
  if (texts.size() != 1) return Invalid("one value is wanted here, not a list");
  const std::string& text = texts.front();
  switch (setting.type) {
    case Type::kInteger:
      return StoreInteger(setting, text, *std::get<std::int64_t*>(slot));
    case Type::kFlag:
      return StoreFlag(text, *std::get<bool*>(slot));
    case Type::kDuration:
      return StoreDuration(setting, text, *std::get<Micros*>(slot));
    case Type::kRollout: {
      const Result<std::int32_t> share = ParseShare(text);
      if (!share) return share.error();
      *std::get<Rollout*>(slot) = {std::string(setting.key), *share};
      return Ok();
    }
    case Type::kSize:
      return StoreSize(setting, text, *std::get<std::int64_t*>(slot));
    case Type::kChoice:
      if (!IsChoice(setting.choices, text))
        return Invalid(fmt::format("\"{}\" is not one of {}", text, setting.choices));
      break;
    default:
      break;
  }
  if (text.find('\0') != text.npos) return Invalid("a NUL character");
  *std::get<std::string*>(slot) = text;
  return Ok();
}

std::string Show(const Setting& setting, Settings& from) {
  return ShowIn(setting, setting.slot(from));
}

std::string ShowIn(const Setting& setting, const Slot& slot) {
  switch (setting.type) {
    case Type::kInteger:
      return std::to_string(*std::get<std::int64_t*>(slot));
    case Type::kSize:
      return ShowBytes(*std::get<std::int64_t*>(slot));
    case Type::kFlag:
      return *std::get<bool*>(slot) ? "true" : "false";
    case Type::kDuration:
      return FormatDuration(*std::get<Micros*>(slot));
    case Type::kWords:
      return fmt::format("{}", fmt::join(*std::get<std::vector<std::string>*>(slot), " "));
    case Type::kPaths:
      return fmt::format("{}", fmt::join(*std::get<std::vector<std::string>*>(slot), ":"));
    case Type::kSecret:
      return MaskPassword(*std::get<std::string*>(slot));
    case Type::kHidden:
      return std::get<std::string*>(slot)->empty() ? "" : "***";
    case Type::kRollout:
      return FormatShare(std::get<Rollout*>(slot)->share);
    case Type::kText:
    case Type::kChoice:
      return *std::get<std::string*>(slot);
  }
  return {};
}

}  // namespace pipelined::config
