// Dates in CLDR's patterns with the names of a language, for macros.ds_format_locale. The names are CLDR's.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "template/date.h"
#include "template/fault.h"

namespace pipelined::tmpl {
namespace {

struct Language {
  std::string_view locales;       // with blanks around each
  std::string_view months, days;  // with blanks between; Monday is the first
  std::string_view short_months, short_days;
  std::string_view am = "AM", pm = "PM";
};

constexpr std::array<Language, 7> kLanguages{{
    {" en en_US ", "January February March April May June July August September October November December",
     "Monday Tuesday Wednesday Thursday Friday Saturday Sunday", "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
     "Mon Tue Wed Thu Fri Sat Sun"},
    {" de de_DE de_CH ", "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
     "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
     "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.", "Mo. Di. Mi. Do. Fr. Sa. So."},
    {" fr fr_FR fr_CH ", "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
     "lundi mardi mercredi jeudi vendredi samedi dimanche",
     "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.", "lun. mar. mer. jeu. ven. sam. dim."},
    {" es es_ES ", "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
     "lunes martes miércoles jueves viernes sábado domingo", "ene feb mar abr may jun jul ago sept oct nov dic",
     "lun mar mié jue vie sáb dom", "a.\u202fm.", "p.\u202fm."},
    {" it it_IT it_CH ",
     "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
     "lunedì martedì mercoledì giovedì venerdì sabato domenica", "gen feb mar apr mag giu lug ago set ott nov dic",
     "lun mar mer gio ven sab dom"},
    {" nl nl_NL nl_BE ", "januari februari maart april mei juni juli augustus september oktober november december",
     "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag", "jan feb mrt apr mei jun jul aug sep okt nov dec",
     "ma di wo do vr za zo", "a.m.", "p.m."},
    {" pt pt_BR ", "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
     "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
     "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.", "seg. ter. qua. qui. sex. sáb. dom."},
}};

const Language& LanguageOf(std::string_view locale) {
  const std::string wanted = fmt::format(" {} ", locale);
  std::string known;
  for (const Language& language : kLanguages) {
    if (!locale.empty() && language.locales.find(wanted) != std::string_view::npos) return language;
    known += language.locales.substr(known.empty() ? 1 : 0);
    known.pop_back();
  }
  Raise(TemplateFault::kValue, fmt::format("there is no locale \"{}\" here", locale.substr(0, 40)),
        fmt::format("these are: {}", known));
}

std::string Nth(std::string_view words, int n) {
  for (; n > 0; --n) words.remove_prefix(words.find(' ') + 1);
  return std::string(words.substr(0, words.find(' ')));
}

std::string Field(const Fields& f, const Language& language, char letter, std::size_t count) {
  const auto number = [count](std::int64_t n) { return fmt::format("{:0{}}", n, count); };
  switch (letter) {
    case 'y':
      return count == 2 ? fmt::format("{:02}", f.year % 100) : number(f.year);
    case 'Q':
      if (count <= 2) return number((f.month - 1) / 3 + 1);
      break;
    case 'M':
    case 'L':
      if (count <= 2) return number(f.month);
      if (count == 3 && letter == 'M') return Nth(language.short_months, f.month - 1);
      if (count == 4) return Nth(language.months, f.month - 1);
      break;
    case 'd':
      if (count <= 2) return number(f.day);
      break;
    case 'D':
      if (count <= 3) return number(f.year_day);
      break;
    case 'E':
      if (count <= 3) return Nth(language.short_days, f.weekday);
      if (count == 4) return Nth(language.days, f.weekday);
      break;
    case 'a':
      if (count == 1) return std::string(f.hour < 12 ? language.am : language.pm);
      break;
    case 'h':
      if (count <= 2) return number(f.hour % 12 == 0 ? 12 : f.hour % 12);
      break;
    case 'H':
      if (count <= 2) return number(f.hour);
      break;
    case 'm':
      if (count <= 2) return number(f.minute);
      break;
    case 's':
      if (count <= 2) return number(f.second);
      break;
    default:
      break;
  }
  Raise(TemplateFault::kValue,
        fmt::format("a date has no \"{}\" here", std::string(std::min<std::size_t>(count, 10), letter)),
        letter == 'Y' ? "Y is the year that the week belongs to: use y" : "");
}

}  // namespace

std::string LocaleFormat(const DateTime& date, std::string_view pattern, std::string_view locale) {
  const Language& language = LanguageOf(locale);
  const Fields fields = FieldsOf(date);
  std::string out;
  while (!pattern.empty()) {
    const char letter = pattern.front();
    if (letter == '\'') {  // '…' stands for itself, '' is one
      const std::size_t end = std::min(pattern.find('\'', 1), pattern.size());
      if (end == 1) out += '\'';
      out += pattern.substr(1, end - 1);
      pattern.remove_prefix(std::min(end + 1, pattern.size()));
      continue;
    }
    const std::size_t count = std::min(pattern.find_first_not_of(letter), pattern.size());
    const bool is_letter = (letter | 0x20) >= 'a' && (letter | 0x20) <= 'z';
    out += is_letter ? Field(fields, language, letter, count) : std::string(pattern.substr(0, count));
    pattern.remove_prefix(count);
  }
  return out;
}

}  // namespace pipelined::tmpl
