#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "cli/output/text_input.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/near_match.h"
#include "pipelined/cli/man_page.h"

namespace pipelined {

std::string ManDate() {
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH"); epoch != nullptr && *epoch != '\0')
    return FormatInstant(Instant(Seconds(std::atoll(epoch)))).substr(0, 10);
  return FormatInstant(SystemClock().Now()).substr(0, 10);
}

Status WriteManPages(const std::vector<ManFile>& pages, const std::string& folder) {
  for (const ManFile& page : pages) {
    const std::string section = fmt::format("{}/man{}", folder, page.section);
    std::error_code failure;
    std::filesystem::create_directories(section, failure);
    const std::string path = fmt::format("{}/{}.{}", section, page.name, page.section);
    if (const Status written = cli::WriteOutput(path, page.text); !written) return written;
    std::filesystem::permissions(path, std::filesystem::perms(0644), failure);
  }
  return Ok();
}

Status ShowManPage(const std::vector<ManFile>& pages, const std::string& name) {
  std::vector<std::string_view> names;
  for (const ManFile& page : pages) {
    if (page.name == name) {
      fmt::print("{}", page.text);
      return Ok();
    }
    names.push_back(page.name);
  }
  const auto near = NearMatch(name, names);
  return Error{
      ErrorCode::kNotFound, fmt::format("there is no page \"{}\"", name),
      near ? fmt::format("did you mean \"{}\"?", *near) : fmt::format("there are: {}", fmt::join(names, ", "))};
}

}  // namespace pipelined
