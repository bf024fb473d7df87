// What a template may change, unlike its values: namespace(), cycler(), joiner().
#include <fmt/format.h>

#include <algorithm>

#include "template/engine_object.h"

namespace pipelined::tmpl {
namespace {

class Namespace : public Object {
 public:
  explicit Namespace(Machine::Members* members) : members_(members) {}
  Val Get(std::string_view name) const override {
    const auto found = members_->find(name);
    if (found != members_->end()) return found->second;
    return Val::Undefined(fmt::format("there is no \"{}\" in the namespace", name.substr(0, 80)));
  }
  std::vector<std::string> Names() const override {
    std::vector<std::string> names;
    for (const auto& [name, value] : *members_) {
      if (names.size() < 200) names.push_back(name);
    }
    return names;
  }
  std::string Text() const override { return "the namespace"; }  // without its members: it may hold itself

  void Set(Machine& machine, const std::string& name, const Val& value) const {
    machine.Memory(name.size() + sizeof(Val));
    members_->insert_or_assign(name, value);
  }

 private:
  Machine::Members* members_;  // the machine's
};

Val MakeNamespace(Machine& machine, Args& args) {
  auto made = std::make_shared<Namespace>(machine.MakeMembers());
  if (const Val* from = args.Optional("mapping")) {
    if (!from->is(Kind::kDict)) TypeError(fmt::format("namespace() takes names or a dict, not {}", TypeName(*from)));
    for (const auto& [key, value] : from->pairs())
      made->Set(machine, AsString(key, "a member's name"), value.In(*from));
  }
  for (const auto& [name, value] : args.RestNamed()) made->Set(machine, name, value);
  return Val::Of(std::shared_ptr<const Object>(std::move(made)));
}

Val MakeCycler(Machine&, Args& args) {
  const auto items = std::make_shared<const Vals>(args.Rest());
  if (items->empty()) TypeError("cycler() needs values");
  const auto at = std::make_shared<std::size_t>(0);
  return MakeObject("cycler", {"current", "next", "reset"}, [items, at](std::string_view name) {
    if (name == "current") return (*items)[*at];
    if (name == "next") {
      return MakeFunction("next", [items, at](Machine&, Args&) {
        const Val item = (*items)[*at];
        *at = (*at + 1) % items->size();
        return item;
      });
    }
    if (name == "reset") {
      return MakeFunction("reset", [at](Machine&, Args&) {
        *at = 0;
        return Val();
      });
    }
    return Val::Undefined(fmt::format("there is no \"{}\" in cycler", name.substr(0, 80)));
  });
}

Val MakeJoiner(Machine&, Args& args) {
  const Val* given = args.Optional("sep");
  const Val by = given == nullptr ? Val::Str(", ") : *given;
  const auto used = std::make_shared<bool>(false);
  return MakeFunction("joiner", [by, used](Machine&, Args&) {
    if (*used) return by;
    *used = true;
    return Val::Str("");
  });
}

}  // namespace

void SetMember(Machine& machine, const Val& target, const std::string& name, const Val& value) {
  if (target.is(Kind::kUndefined)) target.RaiseUndefined();
  const auto* space = target.is(Kind::kObject) ? dynamic_cast<const Namespace*>(&target.object()) : nullptr;
  if (space == nullptr) {
    Raise(TemplateFault::kType, fmt::format("members of '{}' cannot be set", TypeName(target)),
          "make it with {% set ns = namespace(…) %}");
  }
  space->Set(machine, name, value);
}

Val ChangingFunction(std::string_view name) {
  if (name == "namespace") return MakeFunction("namespace", MakeNamespace);
  if (name == "cycler") return MakeFunction("cycler", MakeCycler);
  if (name == "joiner") return MakeFunction("joiner", MakeJoiner);
  return Val::Undefined("");
}

}  // namespace pipelined::tmpl
