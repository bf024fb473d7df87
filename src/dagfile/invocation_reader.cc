#include "dagfile/invocation_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "dagfile/action_keys.h"
#include "dagfile/template_check.h"
#include "dagfile/values.h"

namespace pipelined::dagfile {
namespace {

constexpr std::size_t kMostRequirements = 100 << 10;  // bytes: they go into one variable of the environment

void ReadStdin(const Entry& entry, Reporter& reporter, Invocation& how) {
  how.stdin_text.reset();
  how.stdin_file.clear();
  if (!entry.value.is_map()) {
    std::string text;
    if (ReadText(entry, reporter, text)) how.stdin_text = std::move(text);
    return;
  }
  const std::size_t errors = reporter.errors();
  EachKey(entry.value, kStdinKeys, "stdin", reporter,
          [&](Key, const Entry& part) { ReadWord(part, reporter, how.stdin_file); });
  if (how.stdin_file.empty() && reporter.errors() == errors)
    reporter.Error(Code::kMissingKey, entry.place(), "stdin is a text, or {file: …}");
}

void ReadShell(const Entry& entry, Reporter& reporter, Invocation& how) {
  std::vector<std::string> words;
  if (!ReadTexts(entry, reporter, words)) return;
  if (words.empty() || words[0].empty() || words[0] == "{}") {
    reporter.Error(Code::kBadValue, entry.place(), "shell needs a program as its first word",
                   "for example sh, or [bash, -euo, pipefail]");
    return;
  }
  if (std::any_of(words.begin(), words.end(), [](const std::string& word) { return MayHoldATemplate(word); })) {
    reporter.Error(Code::kBadValue, entry.place(), "shell is no template",
                   "how values are quoted depends on it, so it must be known when the file is loaded");
    return;
  }
  if (words.size() == 1 && words[0].find(' ') != std::string::npos) {
    reporter.Error(Code::kBadValue, entry.place(), fmt::format("{} is no name of a program", Quoted(words[0])),
                   "write its options as a list, for example [bash, -euo, pipefail]");
    return;
  }
  how.shell = std::move(words);
}

// As it is written: 027 and "027" are the same, and so is YAML's 0o27.
void ReadUmask(const Entry& entry, Reporter& reporter, Invocation& how) {
  std::string text;
  if (!ReadWord(entry, reporter, text)) return;
  std::string_view digits = text;
  if (digits.starts_with("0o")) digits.remove_prefix(2);
  std::uint32_t mask = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), mask, 8);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || mask > 0777) {
    reporter.Error(Code::kBadValue, entry.place(), fmt::format("{} is no umask", Quoted(text)),
                   "three octal digits, for example 027");
    return;
  }
  how.umask = mask;
}

// Options that read further files, of which the DAG's version would know nothing. pip takes them at any place of a line
// of options, and long ones cut short.
bool NamesAFile(std::string_view line) {
  if (!line.starts_with('-')) return false;
  while (!line.empty()) {
    const std::string_view word = line.substr(0, line.find_first_of(" \t"));
    line.remove_prefix(std::min(word.size() + 1, line.size()));
    if (!word.starts_with("--")) {
      if (word.starts_with("-r") || word.starts_with("-c") || word.starts_with("-e")) return true;
      continue;
    }
    const std::string_view name = word.substr(0, word.find('='));
    for (const std::string_view option : {"--requirement", "--constraint", "--editable"}) {
      if (name.size() > 2 && option.starts_with(name)) return true;
    }
  }
  return false;
}

// Spaces at both ends and comments do not make another environment.
std::string_view Stripped(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') line = line.substr(0, at);
  }
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return line;
}

class Requirements {
 public:
  explicit Requirements(Reporter& reporter) : reporter_(reporter) {}

  void Add(const Place& place, std::string_view line) {
    line = Stripped(line);
    if (line.empty()) return;
    const auto refuse = [&](std::string_view why, std::string hint) {
      reporter_.Error(Code::kBadValue, place, fmt::format("requirement {}: {}", Quoted(line), why), std::move(hint));
    };
    if (MayHoldATemplate(line)) return refuse("requirements are no templates", "make a task for each set of them");
    if (NamesAFile(line))
      return refuse("it reads another file, whose changes nobody would notice", "write its requirements here");
    text_.append(line).push_back('\n');
    if (text_.size() > kMostRequirements && !too_many_) {
      too_many_ = true;
      refuse(fmt::format("all of them have more than {} KiB", kMostRequirements >> 10), "");
    }
  }

  std::string Take() { return std::move(text_); }

 private:
  Reporter& reporter_;
  std::string text_;
  bool too_many_ = false;
};

std::string ReadRequirements(const Entry& entry, const TextOfFile& text_of_file, Reporter& reporter) {
  Requirements requirements(reporter);
  if (entry.value.is_list()) {
    for (const NodeRef item : ItemsOf(entry.value)) {
      std::string line;
      if (!ReadWord({entry.key, item}, reporter, line)) continue;
      if (line.find('\n') != std::string::npos) {
        reporter.Error(Code::kBadValue, item.place(), "a requirement is one line", "make an element of each line");
      } else {
        requirements.Add(item.place(), line);
      }
    }
    return requirements.Take();
  }
  const SourceText* file = text_of_file(entry);
  if (file == nullptr) return {};
  std::string_view text = file->text;
  for (std::uint32_t number = 0; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    requirements.Add({file, number, 0, static_cast<std::uint32_t>(end)}, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return requirements.Take();
}

bool IsHostCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("._-:%[]").find(c) != std::string::npos;
}

}  // namespace

void ReadInvocation(Key key, const Entry& entry, Reporter& reporter, Task& task) {
  Invocation how = task.invocation == nullptr ? Invocation{} : *task.invocation;
  if (key == Key::kStdin) ReadStdin(entry, reporter, how);
  if (key == Key::kShell) ReadShell(entry, reporter, how);
  if (key == Key::kUmask) ReadUmask(entry, reporter, how);
  if (key == Key::kNice) {
    std::int32_t nice = 0;
    if (ReadInt(entry, reporter, nice, -20, 19)) how.nice = nice;
  }
  task.invocation = std::make_shared<const Invocation>(std::move(how));
}

void CheckInvocation(const std::vector<Entry>& own, Reporter& reporter, Task& task) {
  const ActionKind kind = task.action.kind;
  const bool python = kind == ActionKind::kPythonFile || kind == ActionKind::kPythonCode;
  const bool script = kind == ActionKind::kBash || kind == ActionKind::kSsh;
  const bool command = python || script || kind == ActionKind::kExec;
  if (!command) task.invocation = nullptr;
  for (const Entry& entry : own) {
    if (entry.name() == "shell" ? script : command) continue;
    reporter.Error(Code::kMisplacedKey, entry.key.place(),
                   fmt::format("task {} has no {} that {} could be of", Quoted(task.id),
                               entry.name() == "shell" ? "script" : "process", entry.name()),
                   entry.name() == "shell" ? "shell belongs to bash and ssh"
                                           : fmt::format("{} belongs to bash, exec and python", entry.name()));
  }
}

void ReadPython(const Entry& entry, const TextOfFile& text_of_file, Reporter& reporter, Task& task) {
  if (!entry.value.is_map()) {
    ReportType(entry, reporter, "a mapping with file or code", "for example python: {file: report.py}");
    return;
  }
  const std::size_t errors = reporter.errors();
  task.action = Action{ActionKind::kPythonFile, {}, nullptr};
  Value spec{Value::Map{}};
  EachKey(entry.value, kPythonKeys, "python", reporter, [&](Key key, const Entry& part) {
    if (key == Key::kRequirements)
      return void(spec.Set("requirements", ReadRequirements(part, text_of_file, reporter)));
    std::string text;
    ReadWord(part, reporter, text);
    if (key == Key::kVenv) return void(spec.Set("venv", std::move(text)));
    task.action.kind = key == Key::kFile ? ActionKind::kPythonFile : ActionKind::kPythonCode;
    task.action.words.push_back(std::move(text));
  });
  if (!spec.map().empty()) task.action.spec = std::make_shared<const Value>(spec);
  if (reporter.errors() != errors) return;
  if (task.action.words.size() != 1) {
    const bool none = task.action.words.empty();
    reporter.Error(none ? Code::kMissingKey : Code::kManyActions, entry.place(),
                   none ? "python needs file or code" : "python has file or code, not both");
  } else if (spec.map().size() > 1) {
    reporter.Error(Code::kManyActions, entry.place(), "python has venv or requirements, not both",
                   "venv is an environment of yours, requirements makes one");
  }
}

void ReadSsh(const Entry& entry, Reporter& reporter, Task& task) {
  task.action = Action{ActionKind::kSsh, {}, nullptr};
  if (!RequireMap(entry, reporter, "a mapping with command, and with connection or host")) return;
  const std::size_t errors = reporter.errors();
  Value spec{Value::Map{}};
  EachKey(entry.value, kSshKeys, "ssh", reporter, [&](Key, const Entry& part) {
    const std::string_view name = part.name();
    if (name == "port") {
      std::int32_t port = 0;
      if (ReadInt(part, reporter, port, 1, 65'535)) spec.Set("port", port);
      return;
    }
    if (name == "connect_timeout") {
      Micros length{0};
      if (ReadDuration(part, reporter, length)) spec.Set("connect_timeout", std::int64_t{length.count()});
      return;
    }
    if (name == "host_key_checking") {
      static constexpr std::array<std::string_view, 3> kWays{"yes", "accept-new", "no"};
      if (const auto n = ReadChoice(part, kWays, reporter)) spec.Set(name, kWays[*n]);
      return;
    }
    std::string text;
    if (!ReadWord(part, reporter, text)) return;
    if (name == "command") {
      task.action.words = {std::move(text)};
      return;
    }
    const bool word = name == "host" || name == "user";
    if (word && !MayHoldATemplate(text) &&
        (text.starts_with('-') || !std::all_of(text.begin(), text.end(), IsHostCharacter))) {
      reporter.Error(
          Code::kBadValue, part.place(), fmt::format("{} is no {}", Quoted(text), name),
          name == "host" && text.find('@') != std::string::npos ? "the user has a key of its own: user" : "");
      return;
    }
    spec.Set(name, std::move(text));
  });
  if (reporter.errors() == errors && task.action.words.empty())
    reporter.Error(Code::kMissingKey, entry.place(), "ssh needs a command");
  if (reporter.errors() == errors && spec.Find("connection") == nullptr && spec.Find("host") == nullptr)
    reporter.Error(Code::kMissingKey, entry.place(), "ssh needs a connection, or a host");
  task.action.spec = std::make_shared<const Value>(std::move(spec));
}

void CheckShell(const Task& task, NodeRef script, Reporter& reporter) {
  if (task.invocation == nullptr || task.invocation->shell.empty() || !script.is_scalar()) return;
  const std::string& shell = task.invocation->shell.front();
  if (KindOfShell(shell) != ShellKind::kOther || !MayHoldATemplate(script.text())) return;
  reporter.Error(Code::kShell, script.place(),
                 fmt::format("this script is for {}, for which values of templates cannot be quoted", shell),
                 "give it the value in env, and let the script read that");
}

}  // namespace pipelined::dagfile
