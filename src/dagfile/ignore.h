// `.pipelinedignore`: which files below a folder are none of ours, in gitignore's syntax.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pipelined::dagfile {

inline constexpr std::string_view kIgnoreName = ".pipelinedignore";

// Does `pattern` match the whole of `path`? `*` and `?` stop at slashes, `**` between slashes (or at an end) does not;
// `[a-z]`,
// `[!a]` and `\x` as in a shell. Never slower than pattern times path.
bool GlobMatch(std::string_view pattern, std::string_view path);

// The rules of one file, and those of the folders above it. Immutable.
class IgnoreRules {
 public:
  // `folder`: where the file lies, relative to the root ("" for the root itself). `above` may be null.
  static std::shared_ptr<const IgnoreRules> Parse(std::string folder, std::string_view text,
                                                  std::shared_ptr<const IgnoreRules> above);

  // `path` is relative to the root. The last rule that matches decides, those of nearer folders after those above.
  // Folders above `path` are not asked: who walks the tree does not enter an ignored folder.
  bool Ignores(std::string_view path, bool is_folder) const;

 private:
  struct Rule {
    std::string pattern;  // a path below folder_
    bool keeps = false;   // began with !
    bool folders_only = false;
  };
  enum class Verdict { kNothing, kIgnore, kKeep };
  Verdict Ask(std::string_view path, bool is_folder) const;

  std::string folder_;
  std::vector<Rule> rules_;
  std::shared_ptr<const IgnoreRules> above_;
};

}  // namespace pipelined::dagfile
