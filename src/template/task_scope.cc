// Airflow's names for one try.
#include <fmt/format.h>

#include <algorithm>

#include "pipelined/schema/json.h"
#include "pipelined/template/task_context.h"
#include "template/machine.h"
#include "template/task_names.h"

namespace pipelined {
namespace {

using tmpl::Args;
using tmpl::Function;
using tmpl::Kind;
using tmpl::Machine;
using tmpl::Object;
using tmpl::Val;

std::string Cut(std::string_view name) {
  return std::string(name.substr(0, 80));
}

Val NoMember(std::string_view name, std::string_view of) {
  return Val::Undefined(fmt::format("there is no \"{}\" in {}", Cut(name), of));
}

Val Date(const std::optional<Instant>& instant) {
  return instant ? Val::Date(tmpl::DateTime::Utc(*instant)) : Val();
}
Val Word(std::string text) {
  return Val::Str(std::move(text));
}
Val Foreign(std::string text) {
  return Val::Str(std::move(text)).Outside(true);
}  // from outside the file

// An engine's object: its members by name.
class Members : public Object {
 public:
  using Get1 = std::function<Val(std::string_view)>;
  Members(std::string text, std::vector<std::string> names, Get1 get)
      : text_(std::move(text)), names_(std::move(names)), get_(std::move(get)) {}
  Val Get(std::string_view name) const override { return get_(name); }
  std::vector<std::string> Names() const override { return names_; }
  std::string Text() const override { return text_; }

 private:
  std::string text_;
  std::vector<std::string> names_;
  Get1 get_;
};

Val MakeObject(std::string text, std::vector<std::string> names, Members::Get1 get) {
  return Val::Of(
      std::shared_ptr<const Object>(std::make_shared<Members>(std::move(text), std::move(names), std::move(get))));
}

class Lambda : public Function {
 public:
  using Body = std::function<Val(Machine&, Args&)>;
  Lambda(std::string name, Body body) : name_(std::move(name)), body_(std::move(body)) {}
  Val Call(Machine& machine, Args& args) const override {
    Val result = body_(machine, args);
    args.Done();
    return result;
  }
  std::string Text() const override { return fmt::format("<function {}>", name_); }

 private:
  std::string name_;
  Body body_;
};

Val MakeFunction(std::string name, Lambda::Body body) {
  return Val::Of(std::shared_ptr<const Function>(std::make_shared<Lambda>(std::move(name), std::move(body))));
}

std::vector<std::string> Strings(std::span<const std::string_view> words) {
  return {words.begin(), words.end()};
}

class TaskScope : public Scope {
 public:
  explicit TaskScope(const TaskContext& context) : context_(context) {}

  Val Find(std::string_view name) const override {
    const TemplateRun& run = context_.run;
    if (name == "logical_date" || name.starts_with("ds") || name.starts_with("ts")) return LogicalName(name);
    if (name == "data_interval_start" || name == "data_interval_end") {
      if (!run.data_interval) return NoInterval(name);
      return Date(name == "data_interval_start" ? run.data_interval->start : run.data_interval->end);
    }
    if (name.starts_with("prev_")) return Previous(name);
    if (name == "run_id") return Foreign(run.run_id);
    if (name == "params") return Val::From(run.params.is_null() ? Value(Value::Map{}) : run.params, true);
    if (name == "dag") return DagObject();
    if (name == "task") return TaskObject();
    if (name == "dag_run") return RunObject();
    if (name == "ti" || name == "task_instance") return InstanceObject();
    if (name == "task_instance_key_str") return InstanceKey();
    if (name == "tasks") return TasksObject("");
    if (name == "var") return Variables();
    if (name == "conn") return Connections();
    if (name == "macros") return tmpl::Macros();
    if (name == "map_index") return Val::Int(context_.map_index);
    if (name == "item") return ItemObject();
    if (name == "try_number") return Val::Int(context_.try_number);
    if (name == "test_mode") return Val::Bool(false);
    return Unknown(name);
  }

  std::vector<std::string> Names() const override { return Strings(KnownNames()); }

  std::optional<Seconds> ZoneOffset(std::string_view zone, Instant at) const override {
    return context_.zone_offset ? context_.zone_offset(zone, at) : std::nullopt;
  }

 private:
  static Val Unknown(std::string_view name) {
    return Val::Undefined(fmt::format("there is no name \"{}\"", Cut(name)), std::string(RemovedNameHint(name)));
  }

  Val NoInterval(std::string_view name) const {
    return Val::Undefined(fmt::format("\"{}\" is not defined: this run has no data interval", name),
                          "give the run a logical date, or use default()");
  }

  Val LogicalName(std::string_view name) const {
    constexpr std::string_view kNames[] = {"logical_date", "ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz"};
    if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames)) return Unknown(name);
    if (!context_.run.logical_date) {
      return Val::Undefined(fmt::format("\"{}\" is not defined: this run has no logical date", name),
                            "give the run a logical date, or use default()");
    }
    const tmpl::DateTime date = tmpl::DateTime::Utc(*context_.run.logical_date);
    if (name == "logical_date") return Val::Date(date);
    if (name == "ds") return Word(Strftime(date, "%Y-%m-%d"));
    if (name == "ds_nodash") return Word(Strftime(date, "%Y%m%d"));
    const std::string iso = DateIso(date);
    if (name == "ts") return Word(iso);
    if (name == "ts_nodash") return Word(Strftime(date, "%Y%m%dT%H%M%S"));
    std::string text;
    for (std::size_t i = 0; i < iso.size(); ++i) {
      const bool drop = iso[i] == ':' || (iso[i] == '-' && i < 10);
      if (!drop) text += iso[i];
    }
    return Word(std::move(text));
  }

  Val Previous(std::string_view name) const {
    const TemplateRun::Previous& previous = context_.run.previous_success;
    const auto& interval = previous.data_interval;
    if (name == "prev_data_interval_start_success") return interval ? Date(interval->start) : Val();
    if (name == "prev_data_interval_end_success") return interval ? Date(interval->end) : Val();
    if (name == "prev_start_date_success") return Date(previous.start_date);
    if (name == "prev_end_date_success") return Date(previous.end_date);
    return Unknown(name);
  }

  Val ItemObject() const {
    if (context_.map_index < 0) return Val::Undefined("\"item\" is not defined: this is no instance of a mapped task");
    const TaskContext* context = &context_;
    std::vector<std::string> names;
    for (const TemplateItem& item : context_.items) names.push_back(item.name);
    return MakeObject("item", names, [context, names](std::string_view name) {
      for (const TemplateItem& item : context->items) {
        if (item.name == name) return Val::From(item.value, item.outside);
      }
      return Val::Undefined(fmt::format("there is no \"{}\" in this instance's items", Cut(name)),
                            tmpl::NearHint(name, names));
    });
  }

  Val DagObject() const {
    const Dag* dag = context_.dag;
    return MakeObject("dag", Strings(DagMembers()), [dag](std::string_view name) {
      if (name == "dag_id") return Word(dag->id);
      if (name == "description") return Word(dag->description);
      if (name == "owner") return Word(dag->owner);
      if (name == "file") return Word(dag->relative_file);
      if (name == "timezone") return Word(dag->schedule.timezone);
      if (name == "schedule") return Word(dag->schedule.text);
      if (name == "max_active_runs") return Val::Int(dag->max_active_runs);
      if (name == "tags") {
        tmpl::Vals tags;
        for (const std::string& tag : dag->tags) tags.push_back(Word(tag));
        return Val::List(std::move(tags));
      }
      return NoMember(name, "dag");
    });
  }

  Val TaskObject() const {
    const Task* task = context_.task;
    return MakeObject("task", Strings(TaskMembers()), [task](std::string_view name) {
      if (name == "task_id") return Word(task->id);
      if (name == "retries") return Val::Int(task->retry.retries);
      if (name == "pool") return Word(task->pool);
      if (name == "pool_slots") return Val::Int(task->pool_slots);
      if (name == "priority_weight") return Val::Int(task->priority_weight);
      if (name == "owner") return Word(task->owner);
      return NoMember(name, "task");
    });
  }

  Val RunObject() const {
    const TaskContext* context = &context_;
    return MakeObject("dag_run", Strings(RunMembers()), [context](std::string_view name) {
      const TemplateRun& run = context->run;
      if (name == "run_id") return Foreign(run.run_id);
      if (name == "run_type") return Word(run.run_type);
      if (name == "dag_id") return Word(context->dag->id);
      if (name == "conf") return Val::From(run.conf.is_null() ? Value(Value::Map{}) : run.conf, true);
      if (name == "logical_date") return Date(run.logical_date);
      if (name == "data_interval_start") return run.data_interval ? Date(run.data_interval->start) : Val();
      if (name == "data_interval_end") return run.data_interval ? Date(run.data_interval->end) : Val();
      if (name == "run_after") return Date(run.run_after);
      if (name == "start_date") return Date(run.start_date);
      return NoMember(name, "dag_run");
    });
  }

  Val InstanceKey() const {
    const std::string when = context_.run.logical_date
                                 ? Strftime(tmpl::DateTime::Utc(*context_.run.logical_date), "%Y%m%d")
                                 : context_.run.run_id;
    return Foreign(fmt::format("{}__{}__{}", context_.dag->id, context_.task->id, when));
  }

  Val InstanceObject() const {
    const TaskContext* context = &context_;
    return MakeObject("ti", Strings(InstanceMembers()), [context](std::string_view name) {
      if (name == "task_id") return Word(context->task->id);
      if (name == "dag_id") return Word(context->dag->id);
      if (name == "run_id") return Foreign(context->run.run_id);
      if (name == "try_number") return Val::Int(context->try_number);
      if (name == "max_tries") return Val::Int(context->max_tries);
      if (name == "map_index") return Val::Int(context->map_index);
      if (name == "xcom_pull")
        return MakeFunction("xcom_pull", [context](Machine&, Args& args) { return XcomPull(*context, args); });
      return NoMember(name, "ti");
    });
  }

  static Val XcomPull(const TaskContext& context, Args& args) {
    const Val ids = args.Required("task_ids");
    const std::string key = args.String("key", "return_value");
    const auto pull = [&](const Val& id) {
      const Value* outputs = context.outputs ? context.outputs(tmpl::AsString(id, "task_ids")) : nullptr;
      const Value* value = outputs != nullptr ? outputs->Find(key) : nullptr;
      return value != nullptr ? Val::From(*value, true) : Val();
    };
    if (!ids.is_sequence()) return pull(ids);
    tmpl::Vals values;
    for (const Val& id : ids.items()) values.push_back(pull(id));
    return Val::List(std::move(values));
  }

  // `tasks`, `tasks.extract`, and for ids with dots everything between.
  Val TasksObject(const std::string& prefix) const {
    const TaskScope* scope = this;
    std::vector<std::string> names;
    if (prefix.empty()) {
      for (const Task& task : context_.dag->tasks) {
        if (names.size() < 500) names.push_back(task.id);
      }
    }
    return MakeObject(prefix.empty() ? "tasks" : "tasks." + prefix, std::move(names),
                      [scope, prefix](std::string_view name) { return scope->TaskMember(prefix, name); });
  }

  Val TaskMember(const std::string& prefix, std::string_view name) const {
    const Value* outputs = !prefix.empty() && context_.outputs ? context_.outputs(prefix) : nullptr;
    if (outputs != nullptr) {
      if (const Value* value = outputs->Find(name)) return Val::From(*value, true);
    }
    const std::string id = prefix.empty() ? std::string(name) : prefix + "." + std::string(name);
    bool is_prefix = false;
    for (const Task& task : context_.dag->tasks) {
      if (task.id == id || (task.id.starts_with(id) && task.id[id.size()] == '.')) {
        is_prefix = true;
        break;
      }
    }
    if (is_prefix) return TasksObject(id);
    if (prefix.empty()) return Val::Undefined(fmt::format("there is no task \"{}\"", Cut(name)));
    if (outputs == nullptr)
      return Val::Undefined(fmt::format("the task \"{}\" has given no outputs", prefix),
                            "a task gives outputs by writing JSON to $PIPELINED_OUTPUT");
    std::vector<std::string> keys;
    if (outputs->is_map()) {
      for (const auto& [key, value] : outputs->map()) keys.push_back(key);
    }
    return Val::Undefined(fmt::format("there is no \"{}\" in the outputs of the task \"{}\"", Cut(name), prefix),
                          tmpl::NearHint(name, keys));
  }

  Val Variables() const {
    const TaskContext* context = &context_;
    const auto find = [context](std::string_view key) {
      return context->variable ? context->variable(key) : std::nullopt;
    };
    const auto reader = [find](bool json) {
      const auto read = [json](const std::string& key, const std::string& text) {
        if (!json) return Foreign(text);
        Result<Value> value = ParseJson(text);
        if (!value.ok())
          tmpl::Raise(TemplateFault::kNotFound,
                      fmt::format("the variable \"{}\" is not JSON: {}", Cut(key), value.error().message));
        return Val::From(*value, true);
      };
      return [find, read, json](std::string_view name) -> Val {
        if (name == "get") {
          return MakeFunction("get", [find, read](Machine&, Args& args) {
            const std::string key = args.RequiredString("key");
            const Val* otherwise = args.Optional("default_var");
            const auto text = find(key);
            return text ? read(key, *text) : otherwise != nullptr ? *otherwise : Val();
          });
        }
        const auto text = find(name);
        if (!text)
          tmpl::Raise(TemplateFault::kNotFound, fmt::format("there is no variable \"{}\"", Cut(name)),
                      fmt::format("var.{}.get('…', …) has a default", json ? "json" : "value"));
        return read(std::string(name), *text);
      };
    };
    return MakeObject("var", {"value", "json"}, [reader](std::string_view name) {
      if (name == "value" || name == "json")
        return MakeObject(fmt::format("var.{}", name), {"get"}, reader(name == "json"));
      return NoMember(name, "var");
    });
  }

  Val Connections() const {
    const TaskContext* context = &context_;
    return MakeObject("conn", {}, [context](std::string_view id) {
      const auto found = context->connection ? context->connection(id) : std::nullopt;
      if (!found) tmpl::Raise(TemplateFault::kNotFound, fmt::format("there is no connection \"{}\"", Cut(id)));
      return Val::From(*found, true);
    });
  }

  const TaskContext& context_;
};

}  // namespace

std::unique_ptr<Scope> MakeTaskScope(const TaskContext& context) {
  return std::make_unique<TaskScope>(context);
}

}  // namespace pipelined
