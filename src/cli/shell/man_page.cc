#include "pipelined/cli/man_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/shell/command_tree.h"

namespace pipelined {
namespace {

void Replace(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

// A text as roff takes it: no character of it is a command.
std::string Escaped(std::string_view text) {
  std::string out;
  bool line_start = true;
  std::string plain(text);
  Replace(plain, "\u2026", "...");
  Replace(plain, "\u2013", "--");
  for (const char c : plain) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    line_start = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else if (c == '`') {
      out += "\\(ga";
    } else if (c == '^') {
      out += "\\(ha";
    } else if (c == '~') {
      out += "\\(ti";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : Escaped(text)) out += c == '"' ? std::string("\\(dq") : std::string(1, c);
  return out + "\"";
}

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace

ManPage::ManPage(std::string_view name, int section, std::string_view date, std::string_view source) {
  text_ =
      fmt::format(".TH {} {} {} {} {}\n", Quoted(Upper(std::string(name))), section, "\"" + std::string(date) + "\"",
                  Quoted(source), Quoted(section == 1 ? "User Commands" : "File Formats"));
}

// A paragraph of its own, unless a heading has begun one.
void ManPage::Break() {
  if (!fresh_) text_ += ".PP\n";
  fresh_ = false;
}

ManPage& ManPage::Section(std::string_view title) {
  text_ += fmt::format(".SH {}\n", Quoted(title));
  fresh_ = true;
  return *this;
}

ManPage& ManPage::Subsection(std::string_view title) {
  text_ += fmt::format(".SS {}\n", Quoted(title));
  fresh_ = true;
  return *this;
}

ManPage& ManPage::Paragraph(std::string_view text) {
  Break();
  text_ += Escaped(text) + "\n";
  return *this;
}

ManPage& ManPage::Term(std::string_view term, std::string_view text) {
  text_ += fmt::format(".TP\n.B {}\n{}\n", Quoted(term), Escaped(text.empty() ? "(nothing more to say)" : text));
  fresh_ = false;
  return *this;
}

ManPage& ManPage::Literal(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  Break();
  text_ += ".nf\n" + Escaped(text) + "\n.fi\n";
  return *this;
}

ManPage& ManPage::SeeAlso(const std::vector<std::pair<std::string, int>>& pages) {
  Section("SEE ALSO");
  for (std::size_t i = 0; i < pages.size(); ++i)
    text_ += fmt::format(".BR {} ({}){}\n", Escaped(pages[i].first), pages[i].second, i + 1 < pages.size() ? "," : "");
  return *this;
}

namespace {

using cli::Commands;
using cli::Options;
using cli::Positionals;

// "--state TEXT", "-f, --follow"
std::string TermOf(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) names += (names.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.get_lnames()) names += (names.empty() ? "--" : ", --") + name;
  if (!cli::TakesValue(option)) return names;
  std::string type = option.get_type_name();
  type = type.substr(0, type.find(':'));
  return names + " " + (type.empty() ? "VALUE" : type);
}

std::string MeaningOf(const CLI::Option& option) {
  std::string text = option.get_description();
  if (const std::string given = option.get_default_str(); !given.empty()) text += fmt::format(" (default: {})", given);
  return text;
}

// "[options] DAG [RUN]…"
std::string UsageOf(const CLI::App& command) {
  std::string usage = "[options]";
  if (!Commands(command).empty()) usage += " COMMAND";
  for (const CLI::Option* option : Positionals(command)) {
    std::string name = option->get_single_name();
    if (option->get_items_expected_max() > 1) name += " ...";
    usage += option->get_required() ? " " + name : " [" + name + "]";
  }
  return usage;
}

void AddOptions(ManPage& page, const CLI::App& command) {
  for (const CLI::Option* option : Positionals(command)) page.Term(option->get_single_name(), MeaningOf(*option));
  for (const CLI::Option* option : Options(command)) page.Term(TermOf(*option), MeaningOf(*option));
}

// The examples without their heading, each line moved to the left.
std::string ExamplesOf(const CLI::App& command) {
  const std::string footer = command.get_footer();
  const std::size_t first = footer.find('\n');
  if (first == std::string::npos) return "";
  std::string text;
  bool line_start = true;
  for (std::size_t at = first + 1; at < std::min(footer.size(), footer.find("\n\n")); ++at) {
    if (line_start && footer.compare(at, 2, "  ") == 0) at += 2;
    line_start = footer[at] == '\n';
    text += footer[at];
  }
  return text;
}

void AddCommandText(ManPage& page, const CLI::App& command, const std::string& name) {
  page.Subsection(fmt::format("{} {}", name, UsageOf(command)));
  page.Paragraph(command.get_description() + ".");
  AddOptions(page, command);
  if (const std::string examples = ExamplesOf(command); !examples.empty()) page.Literal(examples);
}

void AddDeep(ManPage& page, const CLI::App& command, const std::string& name) {
  const auto inner = Commands(command);
  if (inner.empty()) return AddCommandText(page, command, name);
  for (const CLI::App* verb : inner) AddDeep(page, *verb, name + " " + verb->get_name());
}

void AddExitCodes(ManPage& page) {
  page.Section("EXIT STATUS");
  page.Term("0", "done");
  page.Term("1", "what was asked for failed: a run that was waited for, a check that found errors");
  page.Term("2", "wrong usage or invalid input");
  page.Term("3", "not found");
  page.Term("4", "not allowed");
  page.Term("5", "conflict");
  page.Term("6", "the server or the database cannot be reached");
  page.Term("70", "a bug of the program");
}

void AddEnvironment(ManPage& page, const ManContext& context) {
  page.Section("ENVIRONMENT");
  for (const auto& [name, meaning] : context.environment) page.Term(name, meaning);
}

ManPage Begin(const std::string& name, const std::string& what, const ManContext& context) {
  ManPage page(name, 1, context.date, context.source);
  page.Section("NAME");
  page.Paragraph(name + " - " + what);
  return page;
}

std::vector<std::pair<std::string, int>> Others(const std::vector<std::pair<std::string, int>>& all,
                                                const std::string& own) {
  std::vector<std::pair<std::string, int>> others;
  std::copy_if(all.begin(), all.end(), std::back_inserter(others), [&](const auto& page) { return page.first != own; });
  return others;
}

ManFile ProgramPage(const CLI::App& program, const ManContext& context, bool pages_for_nouns,
                    const std::vector<std::pair<std::string, int>>& see_also) {
  const std::string name = program.get_name();
  ManPage page = Begin(name, program.get_description(), context);
  page.Section("SYNOPSIS").Paragraph(fmt::format("{} {}", name, UsageOf(program)));
  page.Section("COMMANDS");
  for (const CLI::App* command : Commands(program)) {
    if (pages_for_nouns && !Commands(*command).empty()) {
      page.Term(fmt::format("{} {} COMMAND", name, command->get_name()),
                fmt::format("{}: see {}-{}(1)", command->get_description(), name, command->get_name()));
    } else {
      AddDeep(page, *command, name + " " + command->get_name());
    }
  }
  page.Section("OPTIONS");
  AddOptions(page, program);
  page.Section("EXAMPLES").Literal(ExamplesOf(program));
  AddExitCodes(page);
  AddEnvironment(page, context);
  page.SeeAlso(Others(see_also, name));
  return {name, 1, page.text()};
}

ManFile NounPage(const CLI::App& program, const CLI::App& noun, const ManContext& context,
                 const std::vector<std::pair<std::string, int>>& see_also) {
  const std::string command = program.get_name() + " " + noun.get_name();
  const std::string name = program.get_name() + "-" + noun.get_name();
  ManPage page = Begin(name, noun.get_description(), context);
  page.Section("SYNOPSIS");
  for (const CLI::App* verb : Commands(noun))
    page.Paragraph(fmt::format("{} {} {}", command, verb->get_name(), UsageOf(*verb)));
  page.Section("COMMANDS");
  for (const CLI::App* verb : Commands(noun)) AddDeep(page, *verb, command + " " + verb->get_name());
  page.Section("OPTIONS OF EVERY COMMAND");
  AddOptions(page, program);
  AddExitCodes(page);
  AddEnvironment(page, context);
  page.SeeAlso(Others(see_also, name));
  return {name, 1, page.text()};
}

}  // namespace

std::vector<ManFile> ManPagesOf(const CLI::App& program, const ManContext& context, bool pages_for_nouns) {
  auto see_also = context.see_also;
  see_also.emplace_back(program.get_name(), 1);
  std::vector<const CLI::App*> nouns;
  for (const CLI::App* command : Commands(program)) {
    if (!pages_for_nouns || Commands(*command).empty()) continue;
    nouns.push_back(command);
    see_also.emplace_back(program.get_name() + "-" + command->get_name(), 1);
  }
  std::sort(see_also.begin(), see_also.end());
  std::vector<ManFile> pages{ProgramPage(program, context, pages_for_nouns, see_also)};
  for (const CLI::App* noun : nouns) pages.push_back(NounPage(program, *noun, context, see_also));
  return pages;
}

}  // namespace pipelined
