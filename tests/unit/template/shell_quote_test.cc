// Values from outside in bash: what bash itself makes of them.
#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "pipelined/template/template.h"

namespace pipelined {
namespace {

using ::testing::HasSubstr;

Result<std::string> Render(const std::string& script, const std::string& value, TemplateError* error = nullptr,
                           Quote quote = Quote::kShell) {
  const auto parsed = Template::Parse(script);
  if (!parsed) return parsed.error();
  RenderOptions options;
  options.quote = quote;
  options.error = error;
  return parsed->Render(
      *MakeValueScope(Value::Map{{"x", Value(value)}, {"list", Value::List{Value("a b"), Value(value)}}}, true),
      options);
}

// Runs scripts in an empty folder of its own; a value that was read as script leaves a file there.
class Bash : public ::testing::Test {
 protected:
  Bash() {
    std::string name = ::testing::TempDir() + "shell_quote.XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~Bash() override { std::filesystem::remove_all(folder_); }

  std::string Run(const std::string& script, const std::string& shell = "bash") {
    std::ofstream(folder_ / "script") << script;
    const std::string command = "cd '" + folder_.string() + "' && " + shell + " ./script 2>&1";
    std::string out;
    FILE* pipe = ::popen(command.c_str(), "r");
    char buffer[4096];
    for (std::size_t n = 0; (n = ::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
    ::pclose(pipe);
    return out;
  }
  bool Broken() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (entry.path().filename() != "script") return true;
    }
    return false;
  }

  std::filesystem::path folder_;
};

const std::string kHostile[] = {"plain",
                                "",
                                "a b",
                                "two\nlines",
                                "'",
                                "''",
                                "\"",
                                "'\"'",
                                "\\",
                                "\\\\",
                                "\\'",
                                "$(touch hit)",
                                "`touch hit`",
                                "${x:=$(touch hit)}",
                                "'; touch hit; '",
                                "\"; touch hit; \"",
                                "; touch hit #",
                                "\n touch hit\n",
                                "\ntouch hit",
                                "&& touch hit",
                                "| touch hit",
                                "> hit",
                                "\"$(touch hit)\"",
                                "'$(touch hit)'",
                                "\\$(touch hit)",
                                "\\`touch hit\\`",
                                "*",
                                "~",
                                "{a,b}",
                                "!!",
                                "#",
                                "# x",
                                "EOF",
                                "\nEOF\ntouch hit\n",
                                "EOF\ntouch hit",
                                "OF",
                                "\tEOF",
                                "\n\tEOF\ntouch hit",
                                "F\ntouch hit",
                                "-rf",
                                "Zoë \"Z\" O'Neil",
                                "日本語",
                                "\xc3",
                                "\xff\xfe",
                                "a\tb",
                                "\r\n",
                                "))",
                                "}",
                                "]]; touch hit",
                                "x)\ntouch hit",
                                "esac; touch hit",
                                "%s",
                                "a=b",
                                "\x01\x7f",
                                "(touch hit)",
                                "HOME",
                                "{HOME}",
                                "[$(touch hit)]"};

// Places where the value must come through unchanged. @ stands for the expression.
const std::string kPlaces[] = {"printf '[%s]' @",
                               "printf '[%s]' \"@\"",
                               "printf '[%s]' '@'",
                               "printf '[%s]' $'@'",
                               "v=@; printf '[%s]' \"$v\"",
                               "v=\"@\"; printf '[%s]' \"$v\"",
                               "printf '[%s]' \"$(printf '%s.' @)\" | sed -z 's/\\.]$/]/'",
                               "printf '[%s]' \"$(printf '%s.' \"@\")\" | sed -z 's/\\.]$/]/'",
                               "(printf '[%s]' @)",
                               "if true; then printf '[%s]' @; fi # it's done",
                               "# don't\nprintf '[%s]' @",
                               "echo ${#a[@]} \"${b:-\"it\"}\" >/dev/null; printf '[%s]' @",
                               "echo $((1 + (2)))>/dev/null; printf '[%s]' '@'",
                               "case a in a) printf '[%s]' @;; esac",
                               "f() { printf '[%s]' \"$1\"; }; f @",
                               "a=(@); printf '[%s]' \"${a[0]}\"",
                               "cat <<'X' >/dev/null\nit's $( ` \" \\\nX\nprintf '[%s]' @",
                               "cat <<X >/dev/null\nit's \" $(date) ${HOME}\nX\nprintf '[%s]' @",
                               "cat <<-X >/dev/null\n\tit's\n\tX\nprintf '[%s]' '@'",
                               "[[ a == b || -n x ]]; printf '[%s]' \\\n  @",
                               "printf '[%s]' $''@\"\"",
                               "cat <<<\"'\" >/dev/null; printf '[%s]' @",
                               "echo \\' \\\" >/dev/null; printf '[%s]' @",
                               "echo \"`echo \\\"it's\\\"`\" >/dev/null; printf '[%s]' @"};

std::string At(std::string place, const std::string& expression) {
  const std::size_t at = place == kPlaces[11] ? place.rfind('@') : place.find('@');
  return place.replace(at, 1, expression);
}

TEST_F(Bash, GetsEveryValueAsOneWordWhereverItStands) {
  for (const std::string& place : kPlaces) {
    std::string all, expected;  // one bash for all values
    for (const std::string& value : kHostile) {
      const auto script = Render(At(place, "{{ x }}"), value);
      ASSERT_TRUE(script.ok()) << place << "\n" << value << "\n" << script.error().message;
      all += *script + "\n";
      expected += "[" + value + "]";
    }
    ASSERT_EQ(Run(all), expected) << all;
    ASSERT_FALSE(Broken()) << all;
  }
}

TEST_F(Bash, KeepsWhatStandsAroundAValueInOneWordWithIt) {
  EXPECT_EQ(Run(*Render("printf '[%s]' --name={{ x }}/z", "a b")), "[--name=a b/z]");
  EXPECT_EQ(Run(*Render("printf '[%s]' {{ '--name=' ~ x | upper }}", "a 'b")), "[--name=A 'B]");
  EXPECT_EQ(Run(*Render("printf '[%s]' {{ list | join(',') }}", "c;d")), "[a b,c;d]");
  EXPECT_EQ(Run(*Render("{% for i in list %}printf '[%s]' {{ i }};{% endfor %}", "$(id)")), "[a b][$(id)]");
  EXPECT_EQ(
      Run(*Render("{% set y = x ~ '!' %}{% macro m(a) %}<{{ a }}>{% endmacro %}printf '[%s]' {{ m(y) }}", "$(id)")),
      "[<$(id)!>]");
}

TEST_F(Bash, ReadsHereDocumentsUnchanged) {
  for (const std::string& value : kHostile) {
    for (const std::string frame :
         {"cat <<EOF\n{{ x }}\nEOF\n", "cat <<EOF\nE{{ x }}\nEOF\n",
          "cat <<\"EOF\" | cat\n=EOF\nEOF\ncat <<EOF\na {{ x }} b\nEOF\n", "cat <<-EOF\n\t{{ x }}\n\tEOF\n",
          "v=$(cat <<EOF\n{{ x }}.\nEOF\n); printf '%s' \"$v\""}) {
      const auto script = Render(frame, value);
      ASSERT_TRUE(script.ok()) << frame << value << script.error().message;
      const std::string out = Run(*script);
      ASSERT_THAT(out, HasSubstr(value)) << *script;
      ASSERT_THAT(out, ::testing::Not(HasSubstr("warning"))) << *script;
      ASSERT_FALSE(Broken()) << *script;
    }
  }
}

TEST_F(Bash, NeverRunsAValueWhereItCannotBeQuoted) {
  for (const std::string& value : kHostile) {
    for (const std::string place :
         {"echo `echo {{ x }}`", "echo ${y:-{{ x }}}", "echo \"${y:-{{ x }}}\"", "echo $(( {{ x }} + 1 ))",
          "(( {{ x }} ))", "echo \\{{ x }}", "echo ${{ x }}", "echo \"${{ x }}\"", "echo \"\\{{ x }}\"",
          "cat <<{{ x }}\nhi\n", "cat <<'EOF'\nE{{ x }}\nEOF\n", "cat <<EOF\n\\{{ x }}\nEOF\n",
          "cat <<EOF\n$(echo {{ x }})\nEOF\n", "echo hi # {{ x }}", "echo $[ {{ x }} ]",
          "echo \"$(case a in a) echo;; esac)\" {{ x }}", "cat <<EOF\n$\\{{ x }}\nEOF\n",
          "cat <<EOF\n`echo {{ x }}`\nEOF\n", "echo \"$(( a[{{ x }}] ))\""}) {
      const auto script = Render(place, value);
      if (script.ok()) Run(*script);
      ASSERT_FALSE(Broken()) << place << "\n" << *script;
    }
  }
}

TEST(ShellQuote, SaysWhyAValueCannotStandSomewhere) {
  TemplateError error;
  EXPECT_FALSE(Render("echo `ls {{ x }}`", "a", &error).ok());
  EXPECT_EQ(error.fault, TemplateFault::kUnsafe);
  EXPECT_EQ(error.column, 13);
  EXPECT_THAT(error.hint, HasSubstr("$(…)"));
}

TEST(ShellQuote, LetsWholeNumbersIntoArithmetic) {
  EXPECT_EQ(*Render("echo $(( {{ x }} + 1 ))", "41"), "echo $(( 41 + 1 ))");
}

TEST(ShellQuote, LeavesValuesOfTheFileAlone) {
  EXPECT_EQ(*Render("echo {{ 'a b' }} {{ 1 + 1 }}", ""), "echo a b 2");
}

TEST(ShellQuote, RawOptsOut) {
  EXPECT_EQ(*Render("echo {{ x | raw }}", "a b"), "echo a b");
}

TEST_F(Bash, AValueBehindANameIsNoPartOfIt) {
  for (const std::string& value : kHostile) {
    for (const std::string frame : {"a=x; printf '%s' \"$a{{ x }}\"", "a=x; printf '%s' $a{{ x }}",
                                    "a=x; cat <<EOF\n$a{{ x }}\nEOF\n", "set -- x; printf '%s' \"$1{{ x }}\""}) {
      const auto script = Render(frame, value);
      ASSERT_TRUE(script.ok()) << frame << script.error().message;
      ASSERT_THAT(Run(*script), HasSubstr("x" + value)) << *script;
      ASSERT_FALSE(Broken()) << *script;
    }
  }
  EXPECT_EQ(Run(*Render("a=x; ab=y; echo \"$a{{ x }}\"", "b")), "xb\n");
}

TEST_F(Bash, AnIndexIsAWholeNumberOrRefused) {
  for (const std::string place : {"a[{{ x }}]=1",
                                  "a['{{ x }}']=1",
                                  "a[\"{{ x }}\"]=1",
                                  "a[1+{{ x }}]=1",
                                  "unset a[{{ x }}]",
                                  "v=1 a[ {{ x }}",
                                  "true; a[{{ x }}]+=1",
                                  "(a[{{ x }}]=1)",
                                  "read a[{{ x }}] <<<1",
                                  "a=([{{ x }}]=1)",
                                  "a=([\"{{ x }}\"]=1)",
                                  "a=(2 [{{ x }}]=1)",
                                  "a+=([{{ x }}]=1)",
                                  "unset \"a[{{ x }}]\"",
                                  "unset 'a[{{ x }}]'",
                                  "a[b[1]{{ x }}]=1",
                                  "printf -v \"a[{{ x }}]\" y",
                                  "unset a\"[{{ x }}]\"",
                                  "unset a\\[{{ x }}]",
                                  "declare \"a[{{ x }}]=1\"",
                                  "[[ -v \"a[{{ x }}]\" ]]"}) {
    const auto script = Render(place, "path[$(touch hit)]");
    if (script.ok()) Run(*script);
    EXPECT_FALSE(Broken()) << place;
    EXPECT_FALSE(script.ok()) << place;
    if (place != "v=1 a[ {{ x }}") {  // there a blank may belong to the index
      EXPECT_TRUE(Render(place, "3").ok()) << place;
    }
  }
  EXPECT_EQ(Run(*Render("a[{{ x }}]=y; echo ${a[3]}", "3")), "y\n");
  for (const std::string place :
       {"echo [{{ x }}]", "echo a[1]{{ x }}", "a[$(echo {{ x }} >/dev/null)0]=1; echo {{ x }}", "echo 'a[' {{ x }}",
        "a[1]={{ x }}; echo ${a[1]}", "[ {{ x }} ] && echo {{ x }}", "echo \"[{{ x }}]\"", "echo '{\"a\": [{{ x }}]}'",
        "echo \"at a [{{ x }}]\"", "(echo [{{ x }}])", "a=({{ x }} [1]={{ x }}); echo ${a[@]}"}) {
    const auto script = Render(place, "path[$(touch hit)]");
    ASSERT_TRUE(script.ok()) << place << script.error().message;
    EXPECT_THAT(Run(*script), HasSubstr("path[$(touch hit)]")) << place;
    EXPECT_FALSE(Broken()) << place;
  }
}

TEST_F(Bash, WhatTheShellTakesForTheNameOfAVariableIsOneOrRefused) {
  for (const std::string place : {"read {{ x }} <<<1",
                                  "read -r y {{ x }} <<<'1 2'",
                                  "if read -r {{ x }} <<<1; then :; fi",
                                  "while ! read -a {{ x }} <<<1; do :; done",
                                  "IFS=, read {{ x }} <<<1",
                                  "unset {{ x }}",
                                  "unset -v path {{ x }}",
                                  "printf -v {{ x }} y",
                                  "printf -v\"{{ x }}\" y",
                                  "builtin printf -v {{ x }} y",
                                  "test -v {{ x }}",
                                  "[ -v {{ x }} ]",
                                  "if [[ -v {{ x }} ]]; then :; fi",
                                  "declare {{ x }}=1",
                                  "declare \"{{ x }}\"",
                                  "typeset {{ x }}",
                                  "f() { local {{ x }}; }; f",
                                  "export y {{ x }}",
                                  "p=path; read \"$p\"{{ x }} <<<1",
                                  "true & wait -n -p {{ x }}",
                                  "declare -n r={{ x }}; echo $r",
                                  "getopts ab {{ x }}",
                                  "y=$(unset {{ x }})",
                                  "(unset {{ x }})",
                                  "true && unset {{ x }}",
                                  "{ unset {{ x }}; }",
                                  "case a in a) unset {{ x }};; esac"}) {
    const auto script = Render(place, "path[$(touch hit)]");
    EXPECT_FALSE(script.ok()) << place;
    if (script.ok()) Run("path=(1); " + *script);
    EXPECT_FALSE(Broken()) << place;
    if (!script.ok()) {
      EXPECT_THAT(script.error().message, HasSubstr("the name of a variable")) << place;
    }
    EXPECT_TRUE(Render(place, "some_name").ok()) << place;
  }
  EXPECT_EQ(Run(*Render("read {{ x }} <<<value; echo $y; export {{ x }}=b=c; printenv y", "y")), "value\nb=c\n");
  for (const std::string place :
       {"echo unset {{ x }}", "read -p {{ x }} y <<<1; echo {{ x }}", "read y <<<{{ x }}; echo \"$y\"",
        "read y < <(echo {{ x }}); echo \"$y\"", "export y={{ x }}; printenv y", "declare y=\"{{ x }}\"; echo \"$y\"",
        "printf '%s\\n' {{ x }}", "test -n {{ x }} && echo {{ x }}", "[ {{ x }} = y ] || echo {{ x }}",
        "unset y; echo {{ x }}", "git_unset() { echo \"$2\"; }; git_unset unset {{ x }}", "set -- {{ x }}; echo \"$1\"",
        "unset y\necho {{ x }}", "y=(unset {{ x }}); echo \"${y[1]}\"", "if true; then echo {{ x }}; fi",
        "a=$(unset y) b={{ x }}; echo \"$b\"", "PS={{ x }}; echo \"$PS\"", "echo \\\nread {{ x }}"}) {
    const auto script = Render(place, "path[$(touch hit)]");
    ASSERT_TRUE(script.ok()) << place << script.error().message;
    EXPECT_THAT(Run(*script), HasSubstr("path[$(touch hit)]")) << place;
    EXPECT_FALSE(Broken()) << place;
  }
}

// Each was found to run a value: what is read as comment, here-document, index, array or option begins or ends where
// bash says.
TEST_F(Bash, NeverRunsAValueWhereItReadsTheScriptInItsOwnWay) {
  const std::string index = "b[$(touch hit)]", command = "; touch hit #", word = "a touch hit";
  struct Case {
    std::string place, value;
  };
  for (const Case& one : std::vector<Case>{
           {"url=$(echo h)#{{ x }}", word},
           {"echo $(echo h)#'one\n{{ x }}'", "; touch hit #"},
           {"[[ $l =~ ^(#|x) ]] && y={{ x }}", word},
           {"shopt -s extglob\ncase a in @(#|x)*) y={{ x }} ;; esac", word},
           {"((1))#don't\necho {{ x }}\n#'", command},
           {"echo $(echo $$#) {{ x }}", command},
           {"echo \\\n#don't\necho {{ x }}\n#'", command},
           {"echo \\\n# {{ x }}", "\n touch hit"},
           {"y=$(cat <<EOF\nhi\nEOF)\necho {{ x }}", command},
           {"y=$(cat <<EOF\n{{ x }}\nEOF\n)", "EOF); touch hit\ny=$(echo"},
           {"y=$(cat <<EOF\nEO{{ x }}\nEOF\n)", "F); touch hit\ny=$(echo"},
           {"a[1<<2]=3\necho {{ x }}", command},
           {"cat <<EOF\r\nhi\r\nEOF\r\necho {{ x }}", command},
           {"a[ {{ x }} ]=5", index},
           {"a[1 + {{ x }}]=5", index},
           {"a=([ {{ x }} ]=5)", index},
           {"declare a[ {{ x }} ]=5", index},
           {"declare -a a={{ x }}", "($(touch hit))"},
           {"f() { local -a a=\"{{ x }}\"; }; f", "($(touch hit))"},
           {"a=(); declare a={{ x }}", "($(touch hit))"},
           {"declare -A a={{ x }}", "([b]=$(touch hit))"},
           {"declare -a {{ x }}", "a=($(touch hit))"},
           {"y=a=; declare -a {{ list[0] }}{{ x }}", "=($(touch hit))"},
           {"readonly -a a={{ x }}", "($(touch hit))"},
           {"declare -ai a=({{ x }})", index},
           {"declare -ai a; a=({{ x }})", index},
           {"declare -ai a; a+=({{ x }})", index},
           {"declare -ai a; a[0]={{ x }}", index},
           {"declare -i \"n\"; n={{ x }}", index},
           {"declare -i 'n=1'; n={{ x }}", index},
           {"declare -i n; for n in {{ x }}; do :; done", index},
           {"declare -i n; for n in 1 {{ x }}; do :; done", index},
           {"let y=({{ x }})", index},
           {"function f { [[ {{ x }} -gt 3 ]]; }; f", index},
           {"function f { let {{ x }}; }; f", index},
           {"\\let {{ x }}", index},
           {"\"let\" {{ x }}", index},
           {"l'e't {{ x }}", index},
           {"command -p let {{ x }}", index},
           {"command let {{ x }}", index},
           {"time -p [[ {{ x }} -eq 1 ]]", index},
           {"2>/dev/null let {{ x }}", index},
           {"{fd}>/dev/null let {{ x }}", index},
           {">/dev/null let {{ x }}", index},
           {"export {{ x }}", "RANDOM=b[$(touch hit)]"},
           {"export {{ x }}; set -x; :", "PS4=$(touch hit)"},
           {"export RANDOM{{ x }}", "=b[$(touch hit)]"},
           {"declare -n r; r={{ x }}; echo $r", index},
           {"declare -n r={{ x }}; echo $r", index},
           {"<<A let {{ x }}\nA", index},
           {"test -v <<A {{ x }}\nA", index},
           {"$y let {{ x }}", index},
           {"$(:) let {{ x }}", index},
           {"$y2>/dev/null read {{ x }} <<<1", index},
           {"readonly $y{{ x }}", "RANDOM=b[$(touch hit)]"},
           {"a=\\\n(b < c {{ x }})", "\\\ntouch hit #"},
           {"r=((a ))if (<<<{{ x }}", "\\\ntouch hit #"},
           {"echo 2>&1\"{{ x }}\"", index},
           {"echo >&{{ x }}", "$(touch hit)"},
           {"a=(b; c {{ x }})", "EOF\ntouch hit\n"},
           {"a=(<<< b {{ x }})", "EOF\ntouch hit\n"},
           {"printf {{ x }} y", "-vb[$(touch hit)]"},
           {"printf -{{ x }} y", "vb[$(touch hit)]"},
           {"printf \"{{ x }}\" y", "-vb[$(touch hit)]"},
           {"true & wait {{ x }} -n", "-pb[$(touch hit)]"},
           {"mapfile {{ x }} a <<<'1'", "-Ctouch hit #"},
           {"declare -a b; test {{ x }} 'b[$(touch hit)]'", "-v"},
           {"[[ \"-v\" {{ x }} ]]", index},
           {"declare -i n\nread n <<<{{ x }}", index},
       }) {
    const auto script = Render(one.place, one.value);
    if (script.ok()) Run("path=(1); " + *script);
    EXPECT_FALSE(Broken()) << one.place << "\n" << (script.ok() ? *script : "");
    std::filesystem::remove(folder_ / "hit");
  }
  // What looks like these and is none of them stays open to every value.
  for (const std::string place : {"# it's a comment\necho {{ x }}",
                                  "echo a#b {{ x }}",
                                  "[[ a == a ]] && echo {{ x }}",
                                  "y=$(cat <<EOF\nhi\nEOF\n)\necho {{ x }}",
                                  "f() { echo {{ x }}; }; f",
                                  "function f { echo {{ x }}; }; f",
                                  "(echo {{ x }}) # it's",
                                  "printf -- {{ x }}",
                                  "printf '%s' {{ x }}",
                                  "for y in {{ x }}; do echo \"$y\"; done",
                                  "declare -a a=({{ x }}); echo \"${a[0]}\"",
                                  "declare -i n=1; m={{ x }}; echo \"$m\"",
                                  "command -v true; echo {{ x }}",
                                  "true 2>&1; echo {{ x }}",
                                  "a[1]=3; echo {{ x }}",
                                  "echo a[ {{ x }}",
                                  "y=$((1 + 2)); echo {{ x }}",
                                  "((1)) && echo {{ x }}",
                                  "echo \"#\" {{ x }}",
                                  "echo '# {{ x }}'",
                                  "a=(1 2) # one's\necho {{ x }}",
                                  "case a in (a) echo {{ x }} ;; esac",
                                  "case a in\n  a) echo {{ x }} ;; # it's\n  b) ;;\nesac"}) {
    const auto script = Render(place, "path[$(touch hit)]");
    ASSERT_TRUE(script.ok()) << place << script.error().message;
    EXPECT_THAT(Run(*script), HasSubstr("path[$(touch hit)]")) << place << "\n" << *script;
    EXPECT_FALSE(Broken()) << place;
  }
}

TEST_F(Bash, AVariableWhoseValueTheShellRunsTakesNone) {
  for (const std::string place :
       {"PS4={{ x }}; set -x; true", "export PROMPT_COMMAND=\"{{ x }}\"", "BASH_ENV={{ x }} bash -c true"})
    EXPECT_FALSE(Render(place, "$(touch hit)").ok()) << place;
}

TEST_F(Bash, WhatTheShellEvaluatesIsAWholeNumberOrRefused) {
  for (const std::string place :
       {"[[ {{ x }} -eq 1 ]]", "[[ 1 -lt {{ x }} ]]", "[[ a == a && \"{{ x }}\" -gt 1 ]]", "[[ ( {{ x }} -ne 1 ) ]]",
        "declare -i n; n={{ x }}", "declare -i n=1; n+={{ x }}", "OPTIND={{ x }}", "RANDOM=\"{{ x }}\"",
        "let a={{ x }}", "let \"a={{ x }}\"", "declare -i a={{ x }}", "f() { local -ri a={{ x }}; }; f",
        "(( a = {{ x }} ))", "declare -A m; declare -i n={{ x }}"}) {
    const auto script = Render(place, "path[$(touch hit)]");
    EXPECT_FALSE(script.ok()) << place;
    if (script.ok()) Run(*script);
    EXPECT_FALSE(Broken()) << place;
    if (!script.ok()) {
      EXPECT_THAT(script.error().message + script.error().hint, HasSubstr("| int")) << place;
    }
    EXPECT_TRUE(Render(place, "3").ok()) << place;
  }
  for (const std::string place :
       {"[[ {{ x }} == y ]]; echo {{ x }}", "[[ {{ x }} == y || 2 -gt 1 ]] && echo {{ x }}",
        "[ -n {{ x }} ] && echo {{ x }}", "declare a={{ x }}; echo $a", "declare -i n=1; echo {{ x }}",
        "[[ 1 -eq 1 ]]; echo {{ x }}", "let a=1\necho {{ x }}"}) {
    const auto script = Render(place, "path[$(touch hit)]");
    ASSERT_TRUE(script.ok()) << place << script.error().message;
    EXPECT_THAT(Run(*script), HasSubstr("path[$(touch hit)]")) << place;
    EXPECT_FALSE(Broken()) << place;
  }
}

std::vector<std::string> PosixShells() {
  std::vector<std::string> shells{"sh"};
  if (access("/usr/bin/dash", X_OK) == 0) shells.emplace_back("dash");
  if (access("/usr/bin/busybox", X_OK) == 0) shells.emplace_back("busybox sh");
  return shells;
}

TEST_F(Bash, OtherShellsReadValuesUnchangedToo) {
  std::vector<std::string> values(std::begin(kHostile), std::end(kHostile));
  for (const char* of_zsh :
       {"[path[$(touch hit)]]", "[$(touch hit)]", ":h", ":s/x/y/", "(e:touch hit:)", "=ls", "^x", "b", "1"})
    values.emplace_back(of_zsh);
  const std::string kFrames[] = {"printf '%s' {{ x }}",
                                 "printf '%s' \"{{ x }}\"",
                                 "printf '%s' '{{ x }}'",
                                 "v={{ x }}; printf '%s' \"$v\"",
                                 "printf '%s' \"$(printf '%s.' {{ x }})\"",
                                 "cat <<EOF\n{{ x }}\nEOF\n",
                                 "a=; printf '%s' \"$a{{ x }}\"",
                                 "a=; printf '%s' \"$a:{{ x }}\"",
                                 "set -- a; printf '%s' \"$1{{ x }}\" \"$#{{ x }}\"",
                                 "a=; cat <<EOF\n$a{{ x }}\nEOF\n",
                                 "a=; printf '%s' $a{{ x }}"};
  for (const std::string& value : values) {
    std::string all;  // one script of them, as starting a shell takes long
    for (const std::string& frame : kFrames) {
      const auto script = Render(frame, value, nullptr, Quote::kPosixShell);
      ASSERT_TRUE(script.ok()) << frame << value << script.error().message;
      all += *script + "\necho; echo @@@\n";
    }
    for (const std::string& shell : PosixShells()) {
      std::string out = Run(all, shell);
      ASSERT_FALSE(Broken()) << shell << ": " << all;
      for (const std::string& frame : kFrames) {
        const std::size_t end = out.find("@@@\n");
        ASSERT_NE(end, std::string::npos) << shell << ": " << all;
        EXPECT_THAT(out.substr(0, end), HasSubstr(value)) << shell << ": " << frame;
        out.erase(0, end + 4);
      }
    }
  }
}

TEST_F(Bash, OtherShellsNeverRunAValueWhereItCannotBeQuoted) {
  for (const std::string& shell : PosixShells()) {
    for (const std::string value : {"$(touch hit)", "path[$(touch hit)]", "'$(touch hit)'", "`touch hit`"}) {
      for (const std::string place :
           {"echo $'{{ x }}'", "echo $'a' {{ x }}", "a=1; echo $a[{{ x }}]", "a=1; echo \"$a[{{ x }}]\"",
            "a=1; echo \"$a[1,{{ x }}]\"", "echo \"$HOME[(r){{ x }}]\"", "echo ${a[{{ x }}]}", "echo $(( {{ x }} ))",
            "a=1; cat <<EOF\n$a[{{ x }}]\nEOF\n"}) {
        const auto script = Render(place, value, nullptr, Quote::kPosixShell);
        ASSERT_FALSE(script.ok()) << *script;
      }
      const auto comment = Render("echo a # {{ x }}\n", value, nullptr, Quote::kPosixShell);
      ASSERT_TRUE(comment.ok());
      ASSERT_EQ(Run(*comment, shell), "a\n");
      ASSERT_FALSE(Broken()) << shell;
    }
  }
}

TEST(ShellQuote, RefusesNul) {
  EXPECT_FALSE(Render("echo {{ x }}", std::string("a\0b", 3)).ok());
}

}  // namespace
}  // namespace pipelined
