// Objects and functions of the engine, from what gives their members.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "template/machine.h"

namespace pipelined::tmpl {

// An engine's object: its members by name.
class Members : public Object {
 public:
  using Get1 = std::function<Val(std::string_view)>;
  Members(std::string text, std::vector<std::string> names, Get1 get, int depth)
      : text_(std::move(text)), names_(std::move(names)), get_(std::move(get)), depth_(depth) {}
  int Depth() const override { return depth_; }
  Val Get(std::string_view name) const override { return get_(name); }
  std::vector<std::string> Names() const override { return names_; }
  std::string Text() const override { return text_; }

 private:
  std::string text_;
  std::vector<std::string> names_;
  Get1 get_;
  int depth_;
};

// `depth`: of the values that it owns.
inline Val MakeObject(std::string text, std::vector<std::string> names, Members::Get1 get, int depth = 0) {
  return Val::Of(std::shared_ptr<const Object>(
      std::make_shared<Members>(std::move(text), std::move(names), std::move(get), depth)));
}

class Lambda : public Function {
 public:
  using Body = std::function<Val(Machine&, Args&)>;
  Lambda(std::string name, Body body, int depth) : name_(std::move(name)), body_(std::move(body)), depth_(depth) {}
  Val Call(Machine& machine, Args& args) const override {
    Val result = body_(machine, args);
    args.Done();
    return result;
  }
  std::string Text() const override { return fmt::format("<function {}>", name_); }
  int Depth() const override { return depth_; }

 private:
  std::string name_;
  Body body_;
  int depth_;
};

inline Val MakeFunction(std::string name, Lambda::Body body, int depth = 0) {
  return Val::Of(std::shared_ptr<const Function>(std::make_shared<Lambda>(std::move(name), std::move(body), depth)));
}

}  // namespace pipelined::tmpl
