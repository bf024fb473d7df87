#include "dagfile/action_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dagfile/action_keys.h"
#include "dagfile/template_check.h"
#include "dagfile/values.h"
#include "pipelined/template/sql_script.h"

namespace pipelined::dagfile {
namespace {

constexpr std::int32_t kMostResponse = 64 << 20;
constexpr std::array<std::string_view, 7> kMethods{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};

// One action: each Read takes a value of a kind into the spec, under the key's own name.
class ActionReader {
 public:
  ActionReader(const TextOfFile& text_of_file, Reporter& reporter) : text_of_file_(text_of_file), reporter_(reporter) {}

  Value Http(const Entry& entry) {
    if (entry.value.is_scalar()) {
      Url(entry);
      return std::move(spec_);
    }
    Each(entry, kHttpKeys, "http", "a URL, or a mapping with url", [&](const Entry& part) { HttpPart(part); });
    if (!Has("url") && !Has("connection")) Missing(entry, "http needs a url", "for example http: {url: …}");
    const int bodies = (Has("json") ? 1 : 0) + (Has("body") ? 1 : 0) + (Has("form") ? 1 : 0);
    if (bodies > 1)
      reporter_.Error(Code::kBadValue, entry.place(), "http has one of json, body and form", "take the others away");
    return std::move(spec_);
  }

  Value Sql(const Entry& entry) {
    Each(entry, kSqlKeys, "sql", "a mapping with connection and query or file", [&](const Entry& part) {
      const std::string_view name = part.name();
      if (name == "connection") return Word(part);
      if (name == "statement_timeout") return Length(part);
      if (name == "autocommit") return Flag(part);
      ScriptPart(part);
    });
    if (!Has("connection")) Missing(entry, "sql needs a connection", "its id, as pipectl connections list has it");
    NeedsScript(entry, "sql");
    return std::move(spec_);
  }

  Value Sqlite(const Entry& entry) {
    Each(entry, kSqliteKeys, "sqlite", "a mapping with path and query or file", [&](const Entry& part) {
      if (part.name() == "path") return Word(part);
      ScriptPart(part);
    });
    if (!Has("path")) Missing(entry, "sqlite needs the path of a database", "for example path: sales.db");
    NeedsScript(entry, "sqlite");
    return std::move(spec_);
  }

  Value Mail(const Entry& entry) {
    Each(entry, kMailKeys, "mail", "a mapping with connection, to and subject", [&](const Entry& part) {
      const std::string_view name = part.name();
      if (name == "to" || name == "cc" || name == "bcc" || name == "attachments") return Texts(part);
      if (name == "subject" || name == "from" || name == "reply_to") return HeaderText(part);
      Text(part);
    });
    for (const char* needed : {"connection", "to", "subject"}) {
      if (!Has(needed)) Missing(entry, fmt::format("mail needs {}", needed), "");
    }
    if (!Has("text") && !Has("html")) Missing(entry, "mail needs a text, or html", "");
    return std::move(spec_);
  }

  const SourceText* script() const { return script_; }

 private:
  bool Has(std::string_view key) const { return spec_.Find(key) != nullptr; }

  template <class Read>
  void Each(const Entry& entry, std::span<const KeyRow> keys, std::string_view what, std::string_view wanted,
            Read read) {
    const std::size_t errors = reporter_.errors();
    if (RequireMap(entry, reporter_, wanted))
      EachKey(entry.value, keys, what, reporter_, [&](Key, const Entry& part) { read(part); });
    clean_ = reporter_.errors() == errors;
  }

  // Only when all else is right: a key that could not be read is not there.
  void Missing(const Entry& entry, std::string message, std::string hint) {
    if (clean_) reporter_.Error(Code::kMissingKey, entry.place(), std::move(message), std::move(hint));
    clean_ = false;
  }

  void HttpPart(const Entry& part) {
    const std::string_view name = part.name();
    if (name == "url") return Url(part);
    if (name == "connection" || name == "ca_file") return Word(part);
    if (name == "method") return Method(part);
    if (name == "headers") return Headers(part);
    if (name == "params" || name == "form") return Map(part);
    if (name == "json") return void(spec_.Set(name, ToValue(part.value)));
    if (name == "body") return Text(part);
    if (name == "auth") return Auth(part);
    if (name == "timeout") return Length(part);
    if (name == "verify" || name == "follow_redirects") return Flag(part);
    if (name == "expect") return Expect(part);
    if (name == "retry_status") return void(spec_.Set(name, Statuses(part)));
    if (name == "output") return Pointers(part, "a mapping of outputs to JSON pointers, as {id: /data/id}");
    Number(part, 1, kMostResponse, "the answer is held in memory: a command fetches more, as curl --output does");
  }

  void Text(const Entry& part) {
    std::string text;
    if (ReadText(part, reporter_, text)) spec_.Set(part.name(), std::move(text));
  }
  void Word(const Entry& part) {
    std::string text;
    if (ReadWord(part, reporter_, text)) spec_.Set(part.name(), std::move(text));
  }
  void Texts(const Entry& part) {
    std::vector<std::string> texts;
    if (!ReadTexts(part, reporter_, texts)) return;
    Value::List list;
    for (std::string& text : texts) list.emplace_back(std::move(text));
    spec_.Set(part.name(), std::move(list));
  }
  void Flag(const Entry& part) {
    bool on = false;
    if (ReadBool(part, reporter_, on)) spec_.Set(part.name(), on);
  }
  void Length(const Entry& part) {
    Micros length{0};
    if (ReadDuration(part, reporter_, length)) spec_.Set(part.name(), Value(std::int64_t{length.count()}));
  }
  void Number(const Entry& part, std::int32_t least, std::int32_t most, std::string_view hint_beyond) {
    std::int32_t number = 0;
    if (ReadInt(part, reporter_, number, least, most, hint_beyond)) spec_.Set(part.name(), number);
  }
  void Map(const Entry& part) {
    if (RequireMap(part, reporter_, "a mapping")) spec_.Set(part.name(), ToValue(part.value));
  }

  void Url(const Entry& part) {
    std::string url;
    if (!ReadWord(part, reporter_, url)) return;
    const bool whole = url.starts_with("http://") || url.starts_with("https://");
    if (!whole && !url.starts_with('/') && !url.starts_with('?') && !MayHoldATemplate(url.substr(0, 8))) {
      reporter_.Error(Code::kBadValue, part.place(), fmt::format("{} is no URL of http or https", Quoted(url)),
                      "with a connection it may be the path behind that");
      return;
    }
    spec_.Set("url", std::move(url));
  }

  void Method(const Entry& part) {
    if (const auto n = ReadChoice(part, kMethods, reporter_)) spec_.Set("method", kMethods[*n]);
  }

  void Headers(const Entry& part) {
    if (!RequireMap(part, reporter_, "a mapping of headers")) return;
    Value headers{Value::Map{}};
    for (const Entry header : EntriesOf(part.value)) {
      const std::string_view name = header.name();
      const bool token = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
      });
      std::string text;
      if (!token) {
        reporter_.Error(Code::kBadValue, header.key.place(), fmt::format("{} is no name of a header", Quoted(name)));
      } else if (ReadText(header, reporter_, text) && IsOneLine(header, text)) {
        headers.Set(name, std::move(text));
      }
    }
    spec_.Set("headers", std::move(headers));
  }

  bool IsOneLine(const Entry& entry, const std::string& text) {
    if (text.find_first_of("\r\n") == std::string::npos) return true;
    reporter_.Error(Code::kBadValue, entry.place(), fmt::format("{} is one line", entry.name()),
                    "in YAML, >- folds lines into one");
    return false;
  }
  void HeaderText(const Entry& part) {
    std::string text;
    if (ReadText(part, reporter_, text) && IsOneLine(part, text)) spec_.Set(part.name(), std::move(text));
  }

  void Auth(const Entry& part) {
    if (!RequireMap(part, reporter_, "a mapping with username and password, or with token")) return;
    Value auth{Value::Map{}};
    EachKey(part.value, kHttpAuthKeys, "auth", reporter_, [&](Key, const Entry& at) {
      std::string text;
      if (ReadText(at, reporter_, text)) auth.Set(at.name(), std::move(text));
    });
    if ((auth.Find("token") != nullptr) == (auth.Find("username") != nullptr))
      reporter_.Error(Code::kBadValue, part.place(), "auth has a token, or a username and a password");
    spec_.Set("auth", std::move(auth));
  }

  void Expect(const Entry& part) {
    if (!RequireMap(part, reporter_, "a mapping with status, json or body_contains")) return;
    Value expect{Value::Map{}};
    EachKey(part.value, kHttpExpectKeys, "expect", reporter_, [&](Key, const Entry& at) {
      if (at.name() == "status") {
        expect.Set("status", Statuses(at));
      } else if (at.name() == "json") {
        if (RequireMap(at, reporter_, "a mapping of JSON pointers to values")) {
          CheckPointers(at);
          expect.Set("json", ToValue(at.value));
        }
      } else {
        std::string text;
        if (ReadText(at, reporter_, text)) expect.Set(at.name(), std::move(text));
      }
    });
    spec_.Set("expect", std::move(expect));
  }

  void CheckPointers(const Entry& part) {
    for (const Entry at : EntriesOf(part.value)) {
      if (!at.name().empty() && !at.name().starts_with('/'))
        reporter_.Error(Code::kBadValue, at.key.place(), fmt::format("{} is no JSON pointer", Quoted(at.name())),
                        "it begins with /, as /data/0/id");
    }
  }

  // 200 and 2xx as [first, last].
  Value Statuses(const Entry& part) {
    std::vector<std::string> words;
    Value::List ranges;
    if (!ReadTexts(part, reporter_, words)) return Value(std::move(ranges));
    for (const std::string& word : words) {
      const bool digit = word.size() == 3 && word[0] >= '1' && word[0] <= '5';
      const bool one = digit && word[1] >= '0' && word[1] <= '9' && word[2] >= '0' && word[2] <= '9';
      if (!one && !(digit && word.substr(1) == "xx")) {
        reporter_.Error(Code::kBadValue, part.place(), fmt::format("{} is no HTTP status", Quoted(word)),
                        "for example 404, or 5xx for all from 500 to 599");
        continue;
      }
      const int first = one ? std::stoi(word) : (word[0] - '0') * 100;
      ranges.push_back(Value::List{first, one ? first : first + 99});
    }
    return Value(std::move(ranges));
  }

  void Pointers(const Entry& part, std::string_view wanted) {
    if (!RequireMap(part, reporter_, wanted)) return;
    Value output{Value::Map{}};
    for (const Entry at : EntriesOf(part.value)) {
      std::string pointer;
      if (!ReadText(at, reporter_, pointer)) continue;
      if (!pointer.empty() && !pointer.starts_with('/')) {
        reporter_.Error(Code::kBadValue, at.place(), fmt::format("{} is no JSON pointer", Quoted(pointer)),
                        "it begins with /, as /data/0/id; an empty one is the whole answer");
        continue;
      }
      output.Set(at.name(), std::move(pointer));
    }
    spec_.Set("output", std::move(output));
  }

  void ScriptPart(const Entry& part) {
    const std::string_view name = part.name();
    if (name == "params") {
      if (!part.value.is_list()) return ReportType(part, reporter_, "a list of values for $1, $2 …");
      return void(spec_.Set("params", ToValue(part.value)));
    }
    if (name == "output") return Rows(part);
    if (Has("script") || script_ != nullptr) {
      reporter_.Error(Code::kManyActions, part.key.place(), "there is query or file, not both");
      return;
    }
    if (name == "file") {
      script_ = text_of_file_(part);
      if (script_ != nullptr) spec_.Set("script", script_->text);
      return;
    }
    std::string text;
    if (ReadWord(part, reporter_, text)) spec_.Set("script", std::move(text));
  }

  // `output: row` and `output: rows` give what the last query of the script found.
  void Rows(const Entry& part) {
    static constexpr std::array<std::string_view, 3> kForms{"none", "row", "rows"};
    if (const auto n = ReadChoice(part, kForms, reporter_)) spec_.Set("output", kForms[*n]);
  }

  void NeedsScript(const Entry& entry, std::string_view what) {
    if (!Has("script")) Missing(entry, fmt::format("{} needs query or file", what), "");
  }

  const TextOfFile& text_of_file_;
  Reporter& reporter_;
  Value spec_{Value::Map{}};
  const SourceText* script_ = nullptr;
  bool clean_ = true;
};

std::optional<SqlFault> FaultOf(const Task& task, std::string_view text) {
  const Value* spec = task.sensor != nullptr ? &task.sensor->what : task.action.spec.get();
  const Value* params = spec == nullptr ? nullptr : spec->Find("params");
  const std::size_t given = params != nullptr && params->is_list() ? params->list().size() : 0;
  const auto dialect = task.action.kind == ActionKind::kSqlite ? SqlDialect::kSqlite : SqlDialect::kPostgres;
  const Value* autocommit = spec == nullptr ? nullptr : spec->Find("autocommit");
  const bool own = autocommit != nullptr && *autocommit == Value(true);
  return CheckSqlTemplate(text, dialect, own ? SqlTransaction::kOwn : SqlTransaction::kAroundAll, given);
}

int ColumnOf(std::string_view text, std::size_t offset) {
  const std::size_t line = text.rfind('\n', offset == 0 ? 0 : offset - 1);
  return static_cast<int>(line == std::string_view::npos || offset == 0 ? offset : offset - line - 1) + 1;
}

}  // namespace

const SourceText* ReadWorkerAction(Key key, const Entry& entry, const TextOfFile& text_of_file, Reporter& reporter,
                                   Task& task) {
  ActionReader reader(text_of_file, reporter);
  const auto keep = [&](ActionKind kind, Value spec) {
    task.action = Action{kind, {}, std::make_shared<const Value>(std::move(spec))};
  };
  if (key == Key::kHttp) keep(ActionKind::kHttp, reader.Http(entry));
  if (key == Key::kSql) keep(ActionKind::kSql, reader.Sql(entry));
  if (key == Key::kSqlite) keep(ActionKind::kSqlite, reader.Sqlite(entry));
  if (key == Key::kMail) keep(ActionKind::kMail, reader.Mail(entry));
  return reader.script();
}

Value ReadHttpSpec(const Entry& entry, Reporter& reporter) {
  const TextOfFile no_files;
  return ActionReader(no_files, reporter).Http(entry);
}

Value ReadSqlSpec(const Entry& entry, const TextOfFile& text_of_file, Reporter& reporter, const SourceText*& file) {
  ActionReader reader(text_of_file, reporter);
  Value spec = reader.Sql(entry);
  file = reader.script();
  return spec;
}

void CheckScript(const Task& task, NodeRef query, Reporter& reporter) {
  if (!query.is_scalar()) return;
  const auto fault = FaultOf(task, query.text());
  if (!fault) return;
  reporter.Error(Code::kSqlText,
                 PlaceInside(query, fault->offset, fault->line, ColumnOf(query.text(), fault->offset), 1),
                 fault->message, fault->hint);
}

void CheckScript(const Task& task, const SourceText& file, Reporter& reporter) {
  const auto fault = FaultOf(task, file.text);
  if (!fault) return;
  const auto line = static_cast<std::uint32_t>(fault->line - 1);
  const auto column = static_cast<std::uint32_t>(ColumnOf(file.text, fault->offset) - 1);
  reporter.Error(Code::kSqlText, {&file, line, column, 1}, fault->message, fault->hint);
}

}  // namespace pipelined::dagfile
