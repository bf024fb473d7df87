#include <fmt/format.h>

#include "template/machine.h"

namespace pipelined::tmpl {

Val DictMethod(Machine& machine, const Val& self, std::string_view name, Args& args, bool* known) {
  machine.Memory(self.pairs().size(), 2 * sizeof(Val));
  Vals items;
  if (name == "get") {
    const Val& key = args.Required("key");
    const Val* otherwise = args.Optional("default");
    const Val* found = FindKey(machine, self, key);
    return found != nullptr ? *found : otherwise != nullptr ? *otherwise : Val();
  }
  if (name == "items") {
    for (const auto& [key, value] : self.pairs()) items.push_back(Val::Tuple({key, value}));
  } else if (name == "keys") {
    for (const auto& [key, value] : self.pairs()) items.push_back(key);
  } else if (name == "values") {
    for (const auto& [key, value] : self.pairs()) items.push_back(value);
  } else {
    *known = false;
  }
  return Val::List(std::move(items));
}

Val ListMethod(Machine& machine, const Val& self, std::string_view name, Args& args) {
  const Val& wanted = args.Required("value");
  std::int64_t count = 0;
  for (std::size_t i = 0; i < self.items().size(); ++i) {
    if (!Equal(machine, self.items()[i], wanted)) continue;
    if (name == "index") return Val::Int(static_cast<std::int64_t>(i));
    ++count;
  }
  if (name == "index") ValueError(fmt::format("{} is not in list", Repr(machine, wanted).substr(0, 80)));
  return Val::Int(count);
}

}  // namespace pipelined::tmpl
