// Airflow's names for one try.
#include <fmt/format.h>

#include <algorithm>

#include "pipelined/template/task_context.h"
#include "template/engine_object.h"
#include "template/machine.h"
#include "template/task_names.h"
#include "template/var_and_conn.h"

namespace pipelined {
namespace {

using tmpl::Args;
using tmpl::Kind;
using tmpl::Machine;
using tmpl::MakeFunction;
using tmpl::MakeObject;
using tmpl::Origin;
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
  return Val::Str(std::move(text)).With(Origin::kOutside);
}  // from outside the file

std::vector<std::string> Strings(std::span<const std::string_view> words) {
  return {words.begin(), words.end()};
}

// Of the tasks: their outputs are what is meant.
class Outputs : public tmpl::Members {
 public:
  Outputs(const std::string& path, std::vector<std::string> names, Get1 get)
      : Members(path, std::move(names), std::move(get), 0) {}
  std::string Name() const override { return Members::Text(); }
  std::string Text() const override {
    tmpl::Raise(TemplateFault::kType, fmt::format("{} is no value", Name()),
                fmt::format("name an output: {}.{}", Name(), Name() == "tasks" ? "<id>.<key>" : "<key>"));
  }
};

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
    if (name == "params") return Params();
    if (name == "dag") return DagObject();
    if (name == "task") return TaskObject();
    if (name == "dag_run") return RunObject();
    if (name == "ti" || name == "task_instance") return InstanceObject();
    if (name == "task_instance_key_str") return InstanceKey();
    if (name == "tasks") return TasksObject("");
    if (name == "var") return tmpl::VariablesObject(context_);
    if (name == "conn") return tmpl::ConnectionsObject(context_);
    if (name == "macros") return tmpl::Macros();
    if (name == "map_index") return Val::Int(context_.map_index);
    if (name == "item") return ItemObject();
    if (name == "try_number") return Val::Int(context_.try_number);
    if (name == "test_mode") return Val::Bool(false);
    if (name == "map_index_template") return MapIndexTemplate();
    if (name == "expanded_ti_count") return context_.expanded_ti_count ? Val::Int(*context_.expanded_ti_count) : Val();
    if (name == "triggering_asset_events") return Val::Dict({});  // no run is made by assets yet
    if (name == "inlets") return Texts(context_.task->inlets);
    if (name == "outlets") return Texts(context_.task->outlets);
    if (name == "task_reschedule_count") return Val::Int(0);
    if (name == "exception") return {};
    return Unknown(name);
  }

  std::vector<std::string> Names() const override { return Strings(KnownNames()); }

  std::optional<Seconds> ZoneOffset(std::string_view zone, Instant at) const override {
    return context_.zone_offset ? context_.zone_offset(zone, at) : std::nullopt;
  }

  // One seed for all templates of a try.
  std::string Seed() const override {
    return fmt::format("{}\n{}\n{}\n{}\n{}", context_.dag->id, context_.run.run_id, context_.task->id,
                       context_.map_index, context_.try_number);
  }

 private:
  Val Params() const {
    const Value& params = context_.run.params;
    if (context_.secret_params.empty() || !params.is_map())
      return Val::From(params.is_null() ? Value(Value::Map{}) : params, true);
    tmpl::Pairs pairs;
    for (const auto& [name, value] : params.map()) {
      const auto& secret = context_.secret_params;
      const bool is_secret = std::find(secret.begin(), secret.end(), name) != secret.end();
      pairs.emplace_back(Word(name), Val::From(value, is_secret ? Origin::kSecret : Origin::kOutside));
    }
    return Val::Dict(std::move(pairs)).With(Origin::kOutside);
  }

  static Val Texts(const std::vector<std::string>& texts) {
    tmpl::Vals items;
    for (const std::string& text : texts) items.push_back(Word(text));
    return Val::List(std::move(items));
  }

  Val MapIndexTemplate() const {
    const Task& task = *context_.task;
    if (task.mapped == 0 || task.mapped > context_.dag->mapped.size()) return {};
    const std::string& text = context_.dag->mapped[task.mapped - 1].map_index_template;
    return text.empty() ? Val() : Word(text);
  }

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
      if (name == "max_active_tasks") return Val::Int(dag->max_active_tasks);
      if (name == "doc_md") return dag->doc_md.empty() ? Val() : Word(dag->doc_md);
      if (name == "catchup") return Val::Bool(dag->schedule.catchup);
      if (name == "start_date") return Date(dag->schedule.start_date);
      if (name == "end_date") return Date(dag->schedule.end_date);
      if (name == "params") return Defaults(*dag);
      if (name == "tags") {
        tmpl::Vals tags;
        for (const std::string& tag : dag->tags) tags.push_back(Word(tag));
        return Val::List(std::move(tags));
      }
      return NoMember(name, "dag");
    });
  }

  // Of params that have one.
  static Val Defaults(const Dag& dag) {
    tmpl::Pairs pairs;
    for (const Param& param : dag.params) {
      if (param.default_value) pairs.emplace_back(Word(param.name), Val::From(*param.default_value, false));
    }
    return Val::Dict(std::move(pairs));
  }

  Val TaskObject() const {
    const Task* task = context_.task;
    return MakeObject("task", Strings(TaskMembers()), [task](std::string_view name) {
      if (name == "task_id") return Word(task->id);
      if (name == "doc_md") return task->doc_md.empty() ? Val() : Word(task->doc_md);
      if (name == "retries") return Val::Int(task->retry.retries);
      if (name == "retry_delay") return Val::Delta(task->retry.delay);
      if (name == "trigger_rule") return Word(std::string(ToString(task->trigger_rule)));
      if (name == "depends_on_past") return Val::Bool(task->depends_on_past);
      if (name == "execution_timeout")
        return task->execution_timeout > Micros(0) ? Val::Delta(task->execution_timeout) : Val();
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
      if (name == "state") return Word("running");  // whoever renders is a try
      if (name == "xcom_pull")
        return MakeFunction("xcom_pull", [context](Machine&, Args& args) { return XcomPull(*context, args); });
      return NoMember(name, "ti");
    });
  }

  // With Airflow's arguments, of this run. A task's own outputs are not there before it has ended.
  static Val XcomPull(const TaskContext& context, Args& args) {
    const Val* ids = args.Optional("task_ids");
    const Val* dag_id = args.Optional("dag_id");
    const std::string key = args.String("key", "return_value");
    const bool prior = args.Flag("include_prior_dates", false);
    const Val* indexes = args.Named("map_indexes");
    const Val* given = args.Named("default");
    const Val* run_id = args.Named("run_id");
    const auto other = [](const Val* id, const std::string& own) {
      return id != nullptr && !id->is(Kind::kNone) && tmpl::AsString(*id, "an id") != own;
    };
    if (prior || other(dag_id, context.dag->id) || other(run_id, context.run.run_id))
      tmpl::Raise(TemplateFault::kValue, "outputs of other runs cannot be pulled",
                  "dag_id and run_id are those of this run; an output is named by key='…'");
    const Val otherwise = given == nullptr ? Val() : *given;
    const auto pull = [&](const Val& id) {
      return Pull(context, tmpl::AsString(id, "task_ids"), key, indexes, otherwise);
    };
    if (ids == nullptr || ids->is(Kind::kNone)) return otherwise;
    if (!ids->is_sequence()) return pull(*ids);
    tmpl::Vals values;
    for (const Val& id : ids->items()) values.push_back(pull(id));
    return Val::List(std::move(values));
  }

  // The outputs of a mapped task are a list in the order of its instances.
  static Val Pull(const TaskContext& context, const std::string& id, const std::string& key, const Val* indexes,
                  const Val& otherwise) {
    const Value* outputs = context.outputs ? context.outputs(context.prefix + id) : nullptr;
    const Value* value = outputs != nullptr ? outputs->Find(key) : nullptr;
    if (value == nullptr) return otherwise;
    if (indexes == nullptr || indexes->is(Kind::kNone)) return Val::From(*value, true);
    const auto one = [&](const Val& which) {
      const std::int64_t index = tmpl::AsInteger(which, "map_indexes");
      if (!IsMapped(context, id)) return index == -1 ? Val::From(*value, true) : otherwise;
      const bool there = value->is_list() && index >= 0 && index < static_cast<std::int64_t>(value->list().size());
      return there ? Val::From(value->list()[static_cast<std::size_t>(index)], true) : otherwise;
    };
    if (!indexes->is_sequence()) return one(*indexes);
    tmpl::Vals values;
    for (const Val& which : indexes->items()) values.push_back(one(which));
    return Val::List(std::move(values));
  }

  static bool IsMapped(const TaskContext& context, const std::string& id) {
    for (const Task& task : context.dag->tasks) {
      if (task.id == context.prefix + id) return task.mapped != 0;
    }
    return false;
  }

  // `tasks`, `tasks.extract`, and for ids with dots everything between.
  Val TasksObject(const std::string& prefix) const {
    const TaskScope* scope = this;
    std::vector<std::string> names;
    if (prefix.empty()) {
      for (const Task& task : context_.dag->tasks) {
        if (names.size() < 500 && task.id.starts_with(context_.prefix))
          names.push_back(task.id.substr(context_.prefix.size()));
      }
    }
    return Val::Of(std::shared_ptr<const tmpl::Object>(
        std::make_shared<Outputs>(prefix.empty() ? "tasks" : "tasks." + prefix, std::move(names),
                                  [scope, prefix](std::string_view name) { return scope->TaskMember(prefix, name); })));
  }

  Val TaskMember(const std::string& prefix, std::string_view name) const {
    const Value* outputs = !prefix.empty() && context_.outputs ? context_.outputs(context_.prefix + prefix) : nullptr;
    if (outputs != nullptr) {
      if (const Value* value = outputs->Find(name)) return Val::From(*value, true);
    }
    const std::string id = prefix.empty() ? std::string(name) : prefix + "." + std::string(name);
    const std::string whole = context_.prefix + id;
    bool is_prefix = false;
    for (const Task& task : context_.dag->tasks) {
      if (task.id == whole || (task.id.starts_with(whole) && task.id[whole.size()] == '.')) {
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

  const TaskContext& context_;
};

}  // namespace

std::unique_ptr<Scope> MakeTaskScope(const TaskContext& context) {
  return std::make_unique<TaskScope>(context);
}

}  // namespace pipelined
