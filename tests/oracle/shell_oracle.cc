// Random scripts with a value in them, run by the shell itself: no value is ever run.
//   oracle_shell [SEED [COUNT [SHELL]]]      exit code 1: one was; it is printed
// The scripts are made of what shells read in ways of their own, mostly without sense. Whatever a script does, `touch`
// makes a file only when the value was read as script, as the scripts themselves name it nowhere.
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "pipelined/template/template.h"

namespace pipelined {
namespace {

const std::vector<std::string> kPieces = {
    "{{ x }}",
    "{{ x }}",
    "{{ x }}",
    "{{ x }}",
    "'{{ x }}'",
    "\"{{ x }}\"",
    "y={{ x }}",
    "echo {{ x }}",
    "\"a{{ x }}b\"",
    " ",
    " ",
    " ",
    " ",
    "\n",
    "\n",
    "\n",
    ";",
    "; ",
    " && ",
    " || ",
    " | ",
    "|",
    "&",
    "'",
    "'",
    "\"",
    "\"",
    "`",
    "\\",
    "\\\n",
    "#",
    " #",
    "# it's\n",
    "(",
    ")",
    "(",
    ")",
    "((",
    "))",
    "$(",
    "$((",
    "{ ",
    "; }",
    "${y}",
    "${y:-",
    "}",
    "$y",
    "$",
    "$$",
    "$#",
    "$'",
    "[",
    "]",
    "[[ ",
    " ]]",
    "a[",
    "a[1]",
    "]=",
    "a=(",
    "a+=(",
    "a=",
    "n=",
    "n+=",
    "=",
    "+=",
    "echo ",
    "cat ",
    "printf ",
    "printf -v ",
    "printf '%s' ",
    "-v",
    "-v ",
    " -- ",
    "true ",
    ": ",
    "let ",
    "declare ",
    "declare -i ",
    "declare -a ",
    "declare -A ",
    "declare -n r=",
    "declare -n r",
    "local -a a=",
    "export ",
    "readonly ",
    "typeset -i n",
    "typeset -ai ",
    "read ",
    "read -r ",
    "read n <<<1",
    "unset ",
    "test ",
    "test -v ",
    "mapfile ",
    "wait ",
    "getopts ab ",
    "if ",
    "then ",
    "; fi",
    "while ",
    "do ",
    "; done",
    "for n in ",
    "for y in ",
    "case a in ",
    "a) ",
    ";; ",
    "esac",
    "case ",
    " in ",
    "function f ",
    "f() ",
    "f() {",
    "f",
    "time ",
    "time -p ",
    "! ",
    "command ",
    "command -p ",
    "builtin ",
    "exec 3>/dev/null ",
    "\\let ",
    "\"let\" ",
    " -eq ",
    " -gt 3",
    " =~ ",
    "^(#|x)",
    "@(#|x)",
    "?(a)",
    "*",
    " == ",
    " < ",
    " -v ",
    "cat <<EOF\n",
    "cat <<'EOF'\n",
    "cat <<-EOF\n",
    "\nEOF\n",
    "EOF\n",
    "EOF)",
    "EOF",
    "<<<",
    "<<",
    " <<A <<B\n",
    "\nA\n",
    "\nB\n",
    ">/dev/null ",
    "2>/dev/null ",
    "{fd}>/dev/null ",
    "2>&1",
    "< <(",
    ">(",
    "n",
    "y",
    "a",
    "1",
    "1<<2",
    "OPTIND=",
    "RANDOM=",
    "PS4=",
    "set -x\n",
    "shopt -s extglob\n",
    "\t",
    "\r",
    "\r\n",
    "~",
    "%",
    "word",
    "0",
};

const std::vector<std::string> kValues = {
    "b[$(touch hit)]",   "$(touch hit)",       "`touch hit`",       "; touch hit #",        "\ntouch hit\n",
    "' ; touch hit; '",  "\" ; touch hit; \"", "a touch hit",       "($(touch hit))",       "=($(touch hit))",
    "EOF\ntouch hit\n",  "EOF)\ntouch hit\n",  ") ; touch hit ; (", "-vb[$(touch hit)]",    "RANDOM=b[$(touch hit)]",
    "} ; touch hit ; {", "|touch hit",         "&touch hit&",       "]=$(touch hit)",       "x]+b[$(touch hit)",
    "touch hit",         "hit; touch hit #",   "A\ntouch hit\nB\n", "F)\ntouch hit\nEOF\n", "\\\ntouch hit #",
};

class Shell {
 public:
  explicit Shell(std::string program) : program_(std::move(program)) {
    std::string name = (std::filesystem::temp_directory_path() / "shell-oracle.XXXXXX").string();
    folder_ = mkdtemp(name.data());
    std::filesystem::create_directory(folder_ / "bin");
    for (const char* tool : {"touch", "cat"})
      std::filesystem::create_symlink(std::string("/usr/bin/") + tool, folder_ / "bin" / tool);
  }
  ~Shell() { std::filesystem::remove_all(folder_); }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // Whether a value was run. As the executor does it: what follows a mistake in a script is then not read.
  bool Runs(const std::string& script) const {
    std::fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
      if (chdir(folder_.c_str()) != 0 || freopen("/dev/null", "r", stdin) == nullptr ||
          freopen("/dev/null", "w", stdout) == nullptr || freopen("/dev/null", "w", stderr) == nullptr)
        _exit(127);
      const rlimit seconds{1, 1}, processes{4000, 4000}, bytes{1 << 20, 1 << 20};
      setrlimit(RLIMIT_CPU, &seconds);
      setrlimit(RLIMIT_NPROC, &processes);
      setrlimit(RLIMIT_FSIZE, &bytes);
      alarm(5);
      setenv("PATH", (folder_ / "bin").c_str(), 1);
      execl(program_.c_str(), program_.c_str(), "-c", script.c_str(), nullptr);
      _exit(127);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    const bool hit = std::filesystem::exists(folder_ / "hit");
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (entry.path().filename() != "bin") std::filesystem::remove_all(entry.path());
    }
    return hit;
  }

 private:
  std::string program_;
  std::filesystem::path folder_;
};

int Main(int argc, char** argv) {
  const unsigned seed = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : std::random_device()();
  const long count = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 2000;
  const std::string program = argc > 3 ? argv[3] : "/bin/bash";
  const Quote quote = program.ends_with("bash") ? Quote::kShell : Quote::kPosixShell;
  fmt::print("seed {}, {} scripts of {}\n", seed, count, program);
  std::mt19937 random(seed);
  const auto pick = [&random](const std::vector<std::string>& from) { return from[random() % from.size()]; };
  const Shell shell(program);
  long run = 0, found = 0;
  for (long i = 0; run < count && i < count * 50; ++i) {
    std::string text;
    for (unsigned left = 2 + random() % 14; left > 0; --left) text += pick(kPieces);
    if (text.find("{{") == std::string::npos) text += "{{ x }}";
    const auto parsed = Template::Parse(text);
    if (!parsed) continue;  // "{%" and the like
    const std::string value = pick(kValues);
    RenderOptions options;
    options.quote = quote;
    const auto script = parsed->Render(*MakeValueScope(Value::Map{{"x", Value(value)}}, true), options);
    if (!script) continue;
    ++run;
    if (!shell.Runs(*script)) continue;
    ++found;
    fmt::print("--- a value was run: {}\n===\n{}\n--- of\n{}\n---\n", value, *script, text);
  }
  fmt::print("{} scripts were run, {} ran a value\n", run, found);
  return found == 0 && run > 0 ? 0 : 1;
}

}  // namespace
}  // namespace pipelined

int main(int argc, char** argv) {
  return pipelined::Main(argc, argv);
}
