// Variables and connections in bulk: each action is done whole or not at all, one after the other.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/runs/bulk.h"
#include "api/http/errors.h"
#include "api/http/update_mask.h"

namespace pipelined::api {

// `Resource` says how one kind of thing is read and written:
//   using Draft; static Draft Read(Body&), which notes what is wrong; static Body MakeBody(Value, Value::List where);
//   static const std::string& Name(const Draft&); kPlural, kNames (for messages), kKind;
//   using Row; Result<Row> Known(name); static Value About(const Row&), for the audit trail;
//   Result<VaultPut> Put(const Draft&, const UpdateMask&, const Row* known), which makes a row without a known one.
template <class Resource>
class VaultBulk {
 public:
  VaultBulk(const Call& call, Resource resource) : call_(call), resource_(std::move(resource)) {}

  Response Run() {
    std::variant<std::vector<BulkAction>, Response> read = ReadBulk(call_.request, Inputs::kHidden);
    if (Response* refusal = std::get_if<Response>(&read)) return std::move(*refusal);
    const auto& actions = std::get<std::vector<BulkAction>>(read);
    Violations violations;
    violations.HideInputs();
    if (call_.note != nullptr) call_.note->many = true;
    std::vector<Work> works;
    for (const BulkAction& action : actions) works.push_back(Prepare(action, violations));
    if (!violations.empty()) return violations.Answer();
    for (const Work& work : works) {
      results_.Begin(work.action->kind);
      if (const Status done = Do(work); !done.ok()) {
        if (HttpStatus(done.error().code) >= 500) return ErrorResponse(done.error());
        if (call_.note != nullptr) call_.note->failed += done.error().message + "; ";
        results_.Fail(work.action->kind, HttpStatus(done.error().code), done.error().message);
      }
    }
    return results_.Answer();
  }

 private:
  using Kind = BulkAction::Kind;
  using Row = typename Resource::Row;
  struct Work {
    const BulkAction* action;
    std::vector<typename Resource::Draft> drafts;
    std::vector<std::string> names;
  };

  Work Prepare(const BulkAction& action, Violations& violations) {
    Work work{&action, {}, {}};
    for (std::size_t i = 0; i < action.entities.size(); ++i) {
      const Value& entity = action.entities[i];
      if (action.kind == Kind::kDelete && entity.is_string()) {
        work.names.push_back(entity.string());
        continue;
      }
      Value::List where = action.where;
      where.emplace_back(static_cast<std::int64_t>(i));
      Body body = Resource::MakeBody(entity, std::move(where));
      work.drafts.push_back(Resource::Read(body));
      work.names.push_back(Resource::Name(work.drafts.back()));
      violations.Add(body.violations());
    }
    return work;
  }

  Status Do(const Work& work) {
    const bool create = work.action->kind == Kind::kCreate;
    std::vector<std::string> offending, done;
    std::vector<VaultChange> changes;
    for (std::size_t i = 0; i < work.names.size(); ++i) {
      const Result<Row> known = resource_.Known(work.names[i]);
      if (!known.ok() && known.error().code != ErrorCode::kNotFound) return known.error();
      const bool offends = known.ok() == create;
      if (offends) offending.push_back(work.names[i]);
      if (offends && work.action->otherwise != "overwrite") continue;
      Result<VaultChange> change = Change(work, i, known.ok() ? &*known : nullptr);
      if (!change.ok()) return change.error();
      changes.push_back(*std::move(change));
      done.push_back(work.names[i]);
    }
    if (!offending.empty() && work.action->otherwise == "fail") return Offence(create, offending);
    if (const Status written = call_.catalog().vault().Write(changes); !written.ok()) return written;
    results_.Done(work.action->kind, done);
    return Ok();
  }

  Result<VaultChange> Change(const Work& work, std::size_t i, const Row* known) {
    if (work.action->kind == Kind::kDelete) {
      if (known != nullptr) call_.Before(work.names[i], Resource::About(*known));
      return VaultChange(VaultDrop{Resource::kKind, work.names[i]});
    }
    Result<VaultPut> put = resource_.Put(work.drafts[i], UpdateMask(work.action->update_mask), known);
    if (!put.ok()) return put.error();
    return VaultChange(*std::move(put));
  }

  // "['a', 'b']"
  static std::string NameList(const std::vector<std::string>& names) {
    return fmt::format("['{}']", fmt::join(names, "', '"));
  }

  static Error Offence(bool create, const std::vector<std::string>& names) {
    if (create) {
      return {
          ErrorCode::kConflict,
          fmt::format("The {} with these {}: {} already exist.", Resource::kPlural, Resource::kNames, NameList(names)),
          ""};
    }
    return {
        ErrorCode::kNotFound,
        fmt::format("The {} with these {}: {} were not found.", Resource::kPlural, Resource::kNames, NameList(names)),
        ""};
  }

  const Call& call_;
  Resource resource_;
  BulkResults results_;
};

}  // namespace pipelined::api
