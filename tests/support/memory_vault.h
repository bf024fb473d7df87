// The vault without a database; passes the contract of tests/contract/store.
#pragma once

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "pipelined/ports/vault.h"

namespace pipelined::testing {

class MemoryVault : public Vault {
 public:
  std::optional<Error> broken;  // what every call answers

  Result<Listing<VariableRow>> Variables(const TextSearch& key, const Page& page) override {
    return List(variables_, key, page, VariableField);
  }
  Result<Listing<ConnectionRow>> Connections(const TextSearch& id, const Page& page) override {
    return List(connections_, id, page, ConnectionField);
  }
  Result<VariableRow> Variable(const std::string& key) override {
    return One(variables_, key, "The Variable with key: `" + key + "` was not found");
  }
  Result<ConnectionRow> Connection(const std::string& id) override {
    return One(connections_, id, "The Connection with connection_id: `" + id + "` was not found");
  }

  Status Write(const std::vector<VaultChange>& changes) override {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    const auto variables = variables_;
    const auto connections = connections_;
    for (const VaultChange& change : changes) {
      const Status done = std::visit([&](const auto& c) { return Apply(c); }, change);
      if (done.ok()) continue;
      variables_ = variables;
      connections_ = connections;
      return done;
    }
    return Ok();
  }

  Result<std::vector<std::pair<std::string, std::int64_t>>> KeysInUse() override {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    std::map<std::string, std::int64_t> counts;
    for (const auto& [name, row] : variables_) ++counts[row.secret.key_id];
    for (const auto& [name, row] : connections_) ++counts[row.secret.key_id];
    return std::vector<std::pair<std::string, std::int64_t>>(counts.begin(), counts.end());
  }

  Result<std::vector<SealedRow>> SealedOtherwise(VaultKind kind, const std::string& key_id, const std::string& after,
                                                 int most) override {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    std::vector<SealedRow> rows;
    const auto look = [&](const auto& map) {
      for (auto at = map.upper_bound(after); at != map.end() && rows.size() < static_cast<std::size_t>(most); ++at)
        if (at->second.secret.key_id != key_id) rows.push_back({kind, at->first, at->second.secret});
    };
    kind == VaultKind::kVariable ? look(variables_) : look(connections_);
    return rows;
  }

  Result<bool> Reseal(const SealedRow& row, const Sealed& fresh) override {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    const auto change = [&](auto& map) {
      const auto found = map.find(row.name);
      if (found == map.end() || found->second.secret != row.secret) return false;
      found->second.secret = fresh;
      return true;
    };
    return row.kind == VaultKind::kVariable ? change(variables_) : change(connections_);
  }

 private:
  static const std::string& NameOf(const VariableRow& row) { return row.key; }
  static const std::string& NameOf(const ConnectionRow& row) { return row.connection_id; }
  static std::optional<std::string> VariableField(const VariableRow& row, std::string_view field) {
    if (field == "key") return row.key;
    return field == "description" ? row.description : std::nullopt;
  }
  static std::optional<std::string> ConnectionField(const ConnectionRow& row, std::string_view field) {
    if (field == "connection_id" || field == "conn_id") return row.connection_id;
    if (field == "conn_type") return row.conn_type;
    if (field == "host") return row.host;
    return field == "description" ? row.description : std::nullopt;
  }

  static std::string Lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
  }
  static bool Like(std::string_view text, std::string_view pattern) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '%') return Like(text, pattern.substr(1)) || (!text.empty() && Like(text.substr(1), pattern));
    return !text.empty() && (pattern[0] == '_' || pattern[0] == text[0]) && Like(text.substr(1), pattern.substr(1));
  }
  template <class Fits>
  static bool AnyOf(const std::string& alternatives, Fits fits) {
    bool asked = false;
    for (std::size_t begin = 0; begin <= alternatives.size();) {
      const std::size_t end = std::min(alternatives.find('|', begin), alternatives.size());
      const std::string part = alternatives.substr(begin, end - begin);
      if (!part.empty() && fits(part)) return true;
      asked = asked || !part.empty();
      begin = end + 1;
    }
    return !asked;
  }

  template <class Row>
  Result<Row> One(const std::map<std::string, Row>& map, const std::string& name, const std::string& missing) {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    const auto found = map.find(name);
    if (found == map.end()) return Error{ErrorCode::kNotFound, missing, ""};
    return found->second;
  }

  template <class Row, class Field>
  Result<Listing<Row>> List(const std::map<std::string, Row>& map, const TextSearch& search, const Page& page,
                            Field field) {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    std::vector<Row> rows;
    for (const auto& [name, row] : map) {
      const std::string& text = name;
      if (AnyOf(search.pattern, [&](const std::string& p) { return Like(Lower(text), Lower("%" + p + "%")); }) &&
          AnyOf(search.prefix, [&](const std::string& p) { return text.starts_with(p); }))
        rows.push_back(row);
    }
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.id < b.id; });
    for (auto order = page.order_by.rbegin(); order != page.order_by.rend(); ++order) {
      const bool down = order->starts_with('-');
      const std::string name = order->substr(down ? 1 : 0);
      if (name == "nope") return Error{ErrorCode::kInvalid, "Ordering with '" + name + "' is disallowed", ""};
      std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
        const auto x = field(a, name), y = field(b, name);
        if (!x || !y) return x.has_value() && !y.has_value();
        return down ? *y < *x : *x < *y;
      });
    }
    const auto total = static_cast<std::int64_t>(rows.size());
    rows.erase(rows.begin(), rows.begin() + std::min(page.offset, total));
    if (static_cast<std::int64_t>(rows.size()) > page.limit) rows.resize(static_cast<std::size_t>(page.limit));
    return Listing<Row>{std::move(rows), total};
  }

  Status Apply(const VaultPut& put) {
    return std::visit([&](const auto& row) { return Put(MapOf(row), row, put.before); }, put.row);
  }
  std::map<std::string, VariableRow>& MapOf(const VariableRow&) { return variables_; }
  std::map<std::string, ConnectionRow>& MapOf(const ConnectionRow&) { return connections_; }

  template <class Row>
  Status Put(std::map<std::string, Row>& map, Row row, Before before) {
    const std::string name = NameOf(row);
    const auto found = map.find(name);
    if (before == Before::kAbsent && found != map.end()) return Error{ErrorCode::kConflict, name + " exists", ""};
    if (before == Before::kPresent && found == map.end()) return Error{ErrorCode::kNotFound, "no " + name, ""};
    row.id = found != map.end() ? found->second.id : ++last_id_;
    map[name] = std::move(row);
    return Ok();
  }
  Status Apply(const VaultDrop& drop) {
    const std::size_t gone =
        drop.kind == VaultKind::kVariable ? variables_.erase(drop.name) : connections_.erase(drop.name);
    return gone == 1 ? Ok() : Status(Error{ErrorCode::kNotFound, "no " + drop.name, ""});
  }

  std::mutex mutex_;
  std::int64_t last_id_ = 0;
  std::map<std::string, VariableRow> variables_;
  std::map<std::string, ConnectionRow> connections_;
};

}  // namespace pipelined::testing
