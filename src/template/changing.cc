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
  const Val list = Val::List(args.Rest());  // which is refused when it is too deep
  if (list.items().empty()) TypeError("cycler() needs values");
  const auto at = std::make_shared<std::size_t>(0);
  const auto get = [list, at](std::string_view name) {
    if (name == "current") return list.items()[*at];
    if (name == "next") {
      const auto next = [list, at](Machine&, Args&) {
        const Val item = list.items()[*at];
        *at = (*at + 1) % list.items().size();
        return item;
      };
      return MakeFunction("next", next, list.depth());
    }
    if (name == "reset") {
      return MakeFunction("reset", [at](Machine&, Args&) {
        *at = 0;
        return Val();
      });
    }
    return Val::Undefined(fmt::format("there is no \"{}\" in cycler", name.substr(0, 80)));
  };
  return MakeObject("cycler", {"current", "next", "reset"}, get, list.depth());
}

Val MakeJoiner(Machine&, Args& args) {
  const Val* given = args.Optional("sep");
  const Val by = given == nullptr ? Val::Str(", ") : *given;
  const int depth = Val::List({by}).depth();  // which is refused when it is too deep
  const auto used = std::make_shared<bool>(false);
  const auto join = [by, used](Machine&, Args&) {
    if (*used) return by;
    *used = true;
    return Val::Str("");
  };
  return MakeFunction("joiner", join, depth);
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
