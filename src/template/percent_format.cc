// '%s-%03d' % (…) and '{} {name:>8}'.format(…).
#include <fmt/format.h>

#include <cmath>

#include "template/machine.h"
#include "template/utf8.h"

namespace pipelined::tmpl {
namespace {

constexpr int kWidest = 10'000;  // of one padded field

struct Spec {
  bool left = false, plus = false, blank = false, zero = false, alternate = false;
  char align = 0;
  std::string fill = " ";
  int width = 0, precision = -1;
  bool comma = false;
  char type = 0;
};

int ReadNumber(std::string_view format, std::size_t* at) {
  int number = 0;
  for (; *at < format.size() && format[*at] >= '0' && format[*at] <= '9'; ++*at) {
    number = number * 10 + (format[*at] - '0');
    if (number > kWidest) Raise(TemplateFault::kLimit, fmt::format("a field is wider than {}", kWidest));
  }
  return number;
}

std::string Pad(std::string text, const Spec& spec, char otherwise) {
  const std::size_t length = Length(text);
  const auto width = static_cast<std::size_t>(spec.width);
  if (length >= width) return text;
  const std::size_t missing = width - length;
  const char align = spec.align != 0 ? spec.align : spec.left ? '<' : otherwise;
  if (spec.zero && spec.align == 0 && !spec.left) {
    const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ') ? 1 : 0;
    return text.insert(sign, missing, '0');
  }
  const std::size_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string padded;
  for (std::size_t i = 0; i < before; ++i) padded += spec.fill;
  padded += text;
  for (std::size_t i = before; i < missing; ++i) padded += spec.fill;
  return padded;
}

std::string Commas(std::string digits) {
  std::size_t end = digits.find_first_of(".e");
  if (end == std::string::npos) end = digits.size();
  const std::size_t begin = digits.starts_with('-') ? 1 : 0;
  for (std::size_t i = end; i > begin + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string Number(const Val& val, const Spec& spec) {
  std::string text;
  const char type = spec.type;
  if (type == 'd' || type == 'i' || type == 'u' || type == 'x' || type == 'X' || type == 'o' || type == 'b') {
    if (!val.is_number()) TypeError(fmt::format("%{} format: a real number is required, not {}", type, TypeName(val)));
    if (!val.is_integer() && !(std::abs(val.number()) < 9e18)) ValueError("the number is too large for a whole one");
    const std::int64_t n = val.is_integer() ? val.integer() : static_cast<std::int64_t>(val.number());
    const auto magnitude = n < 0 ? 0 - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);
    text = n < 0 ? "-" : "";
    if (spec.alternate && type != 'd') text += type == 'o' ? "0o" : type == 'b' ? "0b" : type == 'X' ? "0X" : "0x";
    text += type == 'x'   ? fmt::format("{:x}", magnitude)
            : type == 'X' ? fmt::format("{:X}", magnitude)
            : type == 'o' ? fmt::format("{:o}", magnitude)
            : type == 'b' ? fmt::format("{:b}", magnitude)
                          : fmt::format("{}", magnitude);
  } else {
    if (!val.is_number()) TypeError(fmt::format("must be real number, not {}", TypeName(val)));
    const int precision = spec.precision < 0 ? 6 : std::min(spec.precision, 100);
    const double n = type == '%' ? val.number() * 100 : val.number();
    text = type == 'e'   ? fmt::format("{:.{}e}", n, precision)
           : type == 'E' ? fmt::format("{:.{}E}", n, precision)
           : type == 'g' ? fmt::format("{:.{}g}", n, precision)
           : type == 'G' ? fmt::format("{:.{}G}", n, precision)
                         : fmt::format("{:.{}f}", n, precision);
    if (type == '%') text += '%';
  }
  if (spec.comma) text = Commas(std::move(text));
  if (text[0] != '-' && (spec.plus || spec.blank)) text.insert(0, spec.plus ? "+" : " ");
  return Pad(std::move(text), spec, '>');
}

std::string Cut(std::string text, int precision) {
  if (precision >= 0) text.resize(ByteOffset(text, static_cast<std::size_t>(precision)));
  return text;
}

class Percent {
 public:
  Percent(Machine& machine, std::string_view format, const Val& values)
      : machine_(machine), format_(format), values_(values) {}

  std::string Run() {
    for (at_ = 0; at_ < format_.size(); ++at_) {
      if (format_[at_] == '%') {
        ++at_;
        Field();
      } else {
        out_ += format_[at_];
      }
      if (out_.size() - charged_ > 4096) Charge();
    }
    Charge();
    if (values_.is(Kind::kTuple) && next_ < values_.items().size())
      TypeError("not all arguments converted during string formatting");
    if (!used_ && !values_.is(Kind::kTuple) && !values_.is(Kind::kDict))
      TypeError("not all arguments converted during string formatting");
    return std::move(out_);
  }

 private:
  void Charge() {
    machine_.Memory(out_.size() - charged_);
    charged_ = out_.size();
  }

  void Field() {
    const Val* value = nullptr;
    if (Peek() == '(') value = &ByName();
    const Spec spec = ReadSpec();
    if (spec.type == '%') {
      out_ += '%';
      return;
    }
    if (value == nullptr) value = &NextValue();
    if (spec.type == 's') {
      out_ += Pad(Cut(Text(machine_, *value), spec.precision), Plain(spec), '>');
    } else if (spec.type == 'r' || spec.type == 'a') {
      out_ += Pad(Cut(Repr(machine_, *value), spec.precision), Plain(spec), '>');
    } else if (spec.type == 'c') {
      out_ += Pad(AsString(*value, "%c"), Plain(spec), '>');
    } else {
      out_ += Number(*value, spec);
    }
  }
  static Spec Plain(Spec spec) {
    spec.zero = false;
    return spec;
  }

  Spec ReadSpec() {
    Spec spec;
    for (; std::string_view("-+ 0#").find(Peek()) != std::string_view::npos && Peek() != '\0'; ++at_) {
      const char c = Peek();
      if (c == '-') spec.left = true;
      if (c == '+') spec.plus = true;
      if (c == ' ') spec.blank = true;
      if (c == '0') spec.zero = true;
      if (c == '#') spec.alternate = true;
    }
    spec.width = ReadNumber(format_, &at_);
    if (Peek() == '.') {
      ++at_;
      spec.precision = ReadNumber(format_, &at_);
    }
    spec.type = Peek();
    if (spec.type == '\0') ValueError("incomplete format");
    if (std::string_view("sracdiuxXoeEfFgG%").find(spec.type) == std::string_view::npos) {
      ValueError(fmt::format("unsupported format character at index {}", at_));
    }
    return spec;
  }

  const Val& ByName() {
    const std::size_t close = format_.find(')', at_);
    if (close == std::string_view::npos) ValueError("incomplete format key");
    const std::string_view name = format_.substr(at_ + 1, close - at_ - 1);
    if (!values_.is(Kind::kDict)) TypeError("format requires a mapping");
    const Val* found = FindKey(values_, name);
    machine_.Step(values_.pairs().size() / 4);
    if (found == nullptr) Raise(TemplateFault::kUndefined, fmt::format("there is no \"{}\" for the format", name));
    at_ = close + 1;
    used_ = true;
    return *found;
  }

  const Val& NextValue() {
    machine_.Step();
    if (values_.is(Kind::kTuple)) {
      if (next_ >= values_.items().size()) TypeError("not enough arguments for format string");
      return values_.items()[next_++];
    }
    if (used_) TypeError("not enough arguments for format string");
    used_ = true;
    return values_;
  }

  char Peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

  Machine& machine_;
  std::string_view format_;
  const Val& values_;
  std::size_t at_ = 0, next_ = 0, charged_ = 0;
  bool used_ = false;
  std::string out_;
};

Spec ReadBraceSpec(std::string_view format) {
  Spec spec;
  std::size_t at = 0;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  if (!format.empty()) {
    const std::size_t first = CharacterSize(format);
    if (first < format.size() && is_align(format[first])) {
      spec.fill = std::string(format.substr(0, first));
      spec.align = format[first];
      at = first + 1;
    } else if (is_align(format[0])) {
      spec.align = format[0];
      at = 1;
    }
  }
  const auto peek = [&] { return at < format.size() ? format[at] : '\0'; };
  if (peek() == '+' || peek() == '-' || peek() == ' ') {
    spec.plus = peek() == '+';
    spec.blank = peek() == ' ';
    ++at;
  }
  if (peek() == '#') spec.alternate = ++at != 0;
  if (peek() == '0') spec.zero = ++at != 0;
  spec.width = ReadNumber(format, &at);
  if (peek() == ',') spec.comma = ++at != 0;
  if (peek() == '.') {
    ++at;
    spec.precision = ReadNumber(format, &at);
  }
  if (at < format.size()) spec.type = format[at++];
  if (at != format.size()) ValueError("invalid format specifier");
  return spec;
}

std::string FormatOne(Machine& machine, const Val& val, std::string_view format) {
  if (val.is(Kind::kDate) && !format.empty()) return Strftime(val.date(), format);
  Spec spec = ReadBraceSpec(format);
  if (spec.type == 's' || (spec.type == 0 && !val.is_number())) {
    spec.zero = false;
    return Pad(Cut(Text(machine, val), spec.precision), spec, '<');
  }
  if (spec.type == 0 && (val.is(Kind::kFloat) ? spec.precision < 0 : !spec.comma)) {
    std::string text = Text(machine, val);
    if (spec.plus && text[0] != '-') text.insert(0, "+");
    return Pad(spec.comma ? Commas(std::move(text)) : std::move(text), spec, '>');
  }
  if (spec.type == 0) spec.type = val.is(Kind::kFloat) ? 'g' : 'd';
  if (std::string_view("dxXobeEfFgG%").find(spec.type) == std::string_view::npos) {
    ValueError(fmt::format("unknown format code '{}'", spec.type));
  }
  return Number(val, spec);
}

}  // namespace

std::string PercentFormat(Machine& machine, const std::string& format, const Val& values) {
  return Percent(machine, format, values).Run();
}

std::string BraceFormat(Machine& machine, const std::string& format, Args& args) {
  const Vals positional = args.Rest();
  const auto named = args.RestNamed();
  std::string out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if ((c == '{' || c == '}') && i + 1 < format.size() && format[i + 1] == c) {
      out += format[i++];
      continue;
    }
    if (c == '}') ValueError("Single '}' encountered in format string");
    if (c != '{') {
      out += c;
      continue;
    }
    const std::size_t close = format.find('}', i);
    if (close == std::string::npos) ValueError("Single '{' encountered in format string");
    const std::string_view field = std::string_view(format).substr(i + 1, close - i - 1);
    const std::size_t colon = std::min(field.find(':'), field.size());
    const std::string_view name = field.substr(0, colon);
    const Val* value = nullptr;
    if (name.empty() || name.find_first_not_of("0123456789") == std::string_view::npos) {
      std::size_t at = 0;
      const std::size_t index = name.empty() ? next++ : static_cast<std::size_t>(ReadNumber(name, &at));
      if (index < positional.size()) value = &positional[index];
    } else {
      for (const auto& [key, val] : named) {
        if (key == name) value = &val;
      }
    }
    if (value == nullptr) Raise(TemplateFault::kUndefined, fmt::format("there is no argument for {{{}}}", name));
    const std::string text = FormatOne(machine, *value, field.substr(std::min(colon + 1, field.size())));
    machine.Memory(text.size() + 16);
    out += text;
    i = close;
  }
  machine.Memory(out.size());
  return out;
}

}  // namespace pipelined::tmpl
