#include "store/pg_vault.h"

#include <fmt/format.h>

#include "store/arrays.h"
#include "store/listing.h"

namespace pipelined {
namespace {

// Where the rows of a kind are.
struct Place {
  const char *table, *name, *kind;
};
constexpr Place kVariables{"variable", "key", "Variable"};
constexpr Place kConnections{"connection", "connection_id", "Connection"};

const Place& PlaceOf(VaultKind kind) {
  return kind == VaultKind::kVariable ? kVariables : kConnections;
}

const std::string kVariableColumns = "v.id, v.key, v.description, v.key_id, v.box";
const std::string kVariableFrom = " from variable v";
const std::string kConnectionColumns =
    "c.id, c.connection_id, c.conn_type, c.description, c.host, c.login, c.schema, c.port, c.key_id, c.box";
const std::string kConnectionFrom = " from connection c";

std::optional<std::string> Text(const pqxx::field& field) {
  return field.is_null() ? std::nullopt : std::optional<std::string>(field.c_str());
}

VariableRow ReadVariable(const pqxx::row& row) {
  return VariableRow{row[0].as<std::int64_t>(), row[1].c_str(), Text(row[2]), Sealed{row[3].c_str(), row[4].c_str()}};
}

ConnectionRow ReadConnection(const pqxx::row& row) {
  ConnectionRow read;
  read.id = row[0].as<std::int64_t>();
  read.connection_id = row[1].c_str();
  read.conn_type = row[2].c_str();
  read.description = Text(row[3]);
  read.host = Text(row[4]);
  read.login = Text(row[5]);
  read.schema = Text(row[6]);
  if (!row[7].is_null()) read.port = row[7].as<std::int32_t>();
  read.secret = Sealed{row[8].c_str(), row[9].c_str()};
  return read;
}

Error Missing(const Place& place, const std::string& name) {
  return {ErrorCode::kNotFound, fmt::format("The {} with {}: `{}` was not found", place.kind, place.name, name), ""};
}
Error Exists(const Place& place, const std::string& name) {
  return {ErrorCode::kConflict, fmt::format("The {} with {}: `{}` already exists", place.kind, place.name, name), ""};
}

std::optional<std::string> Clean(const std::optional<std::string>& text) {
  return text ? std::optional(CleanText(*text)) : std::nullopt;
}

// Both ways to put a row, for `columns` of which the first is the name.
std::string PutSql(const Place& place, Before before, std::initializer_list<const char*> columns) {
  std::string names, values, sets;
  int number = 0;
  for (const char* column : columns) {
    const char* comma = number++ == 0 ? "" : ", ";
    names += fmt::format("{}{}", comma, column);
    values += fmt::format("{}${}", comma, number);
    if (number > 1) sets += fmt::format("{}{} = ${}", number == 2 ? "" : ", ", column, number);
  }
  if (before == Before::kPresent) return fmt::format("update {} set {} where {} = $1", place.table, sets, place.name);
  return fmt::format("insert into {} ({}) values ({}) on conflict ({}) do nothing", place.table, names, values,
                     place.name);
}

std::string StatementName(const Place& place, Before before) {
  return fmt::format("put_{}_{}", place.table, static_cast<int>(before));
}

pqxx::result Put(Session& session, pqxx::work& work, const VariableRow& row, Before before) {
  static constexpr std::initializer_list<const char*> kColumns = {"key", "description", "key_id", "box"};
  return session.In(work, StatementName(kVariables, before), PutSql(kVariables, before, kColumns), CleanText(row.key),
                    Clean(row.description), row.secret.key_id, row.secret.box);
}

pqxx::result Put(Session& session, pqxx::work& work, const ConnectionRow& row, Before before) {
  static constexpr std::initializer_list<const char*> kColumns = {
      "connection_id", "conn_type", "description", "host", "login", "schema", "port", "key_id", "box"};
  return session.In(work, StatementName(kConnections, before), PutSql(kConnections, before, kColumns),
                    CleanText(row.connection_id), CleanText(row.conn_type), Clean(row.description), Clean(row.host),
                    Clean(row.login), Clean(row.schema), row.port, row.secret.key_id, row.secret.box);
}

Status Apply(Session& session, pqxx::work& work, const VaultPut& put) {
  const auto* variable = std::get_if<VariableRow>(&put.row);
  const Place& place = variable != nullptr ? kVariables : kConnections;
  const std::string& name = variable != nullptr ? variable->key : std::get<ConnectionRow>(put.row).connection_id;
  const pqxx::result done = std::visit([&](const auto& row) { return Put(session, work, row, put.before); }, put.row);
  if (done.affected_rows() == 1) return Ok();
  return put.before == Before::kAbsent ? Exists(place, name) : Missing(place, name);
}

Status Apply(Session& session, pqxx::work& work, const VaultDrop& drop) {
  const Place& place = PlaceOf(drop.kind);
  const pqxx::result done =
      session.In(work, fmt::format("drop_{}", place.table),
                 fmt::format("delete from {} where {} = $1", place.table, place.name), CleanText(drop.name));
  return done.affected_rows() == 1 ? Ok() : Status(Missing(place, drop.name));
}

}  // namespace

Result<Listing<VariableRow>> PgVault::Variables(const TextSearch& key, const Page& page) {
  ListingSql sql;
  sql.WhereText("v.key", key);
  // All rows are encrypted; by their values nothing can be ordered that would mean something.
  const Status ordered = sql.Order(page,
                                   {{"id", "v.id"},
                                    {"key", "v.key collate \"C\""},
                                    {"_val", "v.box"},
                                    {"description", "v.description"},
                                    {"is_encrypted", "v.box is not null"}},
                                   "v.id");
  if (!ordered) return ordered.error();
  return pool_.With("list variables", [&](Session& session) -> Result<Listing<VariableRow>> {
    return Fetch<VariableRow>(session, kVariableColumns, kVariableFrom, sql, page, ReadVariable);
  });
}

Result<VariableRow> PgVault::Variable(const std::string& key) {
  return pool_.With("read a variable", [&](Session& session) -> Result<VariableRow> {
    const pqxx::result found =
        session.Run("variable", "select " + kVariableColumns + kVariableFrom + " where v.key = $1", CleanText(key));
    if (found.empty()) return Missing(kVariables, key);
    return ReadVariable(found[0]);
  });
}

Result<Listing<ConnectionRow>> PgVault::Connections(const TextSearch& id, const Page& page) {
  ListingSql sql;
  sql.WhereText("c.connection_id", id);
  const Status ordered = sql.Order(page,
                                   {{"id", "c.id"},
                                    {"connection_id", "c.connection_id collate \"C\""},
                                    {"conn_id", "c.connection_id collate \"C\""},
                                    {"conn_type", "c.conn_type"},
                                    {"description", "c.description"},
                                    {"host", "c.host"},
                                    {"port", "c.port"},
                                    {"team_name", "c.box is null"}},
                                   "c.id");
  if (!ordered) return ordered.error();
  return pool_.With("list connections", [&](Session& session) -> Result<Listing<ConnectionRow>> {
    return Fetch<ConnectionRow>(session, kConnectionColumns, kConnectionFrom, sql, page, ReadConnection);
  });
}

Result<ConnectionRow> PgVault::Connection(const std::string& connection_id) {
  return pool_.With("read a connection", [&](Session& session) -> Result<ConnectionRow> {
    const pqxx::result found =
        session.Run("connection", "select " + kConnectionColumns + kConnectionFrom + " where c.connection_id = $1",
                    CleanText(connection_id));
    if (found.empty()) return Missing(kConnections, connection_id);
    return ReadConnection(found[0]);
  });
}

Status PgVault::Write(const std::vector<VaultChange>& changes) {
  return pool_.With("write variables and connections", [&](Session& session) -> Status {
    pqxx::work work(session.raw());
    for (const VaultChange& change : changes) {
      const Status done = std::visit([&](const auto& c) { return Apply(session, work, c); }, change);
      if (!done) return done;  // and takes back what came before
    }
    work.commit();
    return Ok();
  });
}

Result<std::vector<std::pair<std::string, std::int64_t>>> PgVault::KeysInUse() {
  using Counts = std::vector<std::pair<std::string, std::int64_t>>;
  return pool_.With("count keys in use", [&](Session& session) -> Result<Counts> {
    Counts counts;
    for (const pqxx::row& row : session.Run("keys_in_use",
                                            "select key_id, count(*) from (select key_id from variable union all "
                                            "select key_id from connection) s group by 1 order by 1"))
      counts.emplace_back(row[0].c_str(), row[1].as<std::int64_t>());
    return counts;
  });
}

Result<std::vector<SealedRow>> PgVault::SealedOtherwise(VaultKind kind, const std::string& key_id,
                                                        const std::string& after, int most) {
  const Place& place = PlaceOf(kind);
  return pool_.With("find what other keys sealed", [&](Session& session) -> Result<std::vector<SealedRow>> {
    std::vector<SealedRow> rows;
    for (const pqxx::row& row :
         session.Run(fmt::format("sealed_otherwise_{}", place.table),
                     fmt::format("select {0}, key_id, box from {1} where key_id <> $1 and {0} collate \"C\" > $2 "
                                 "order by {0} collate \"C\" limit $3",
                                 place.name, place.table),
                     key_id, after, most))
      rows.push_back({kind, row[0].c_str(), Sealed{row[1].c_str(), row[2].c_str()}});
    return rows;
  });
}

Result<bool> PgVault::Reseal(const SealedRow& row, const Sealed& fresh) {
  const Place& place = PlaceOf(row.kind);
  return pool_.With("change a key", [&](Session& session) -> Result<bool> {
    const pqxx::result done = session.Run(
        fmt::format("reseal_{}", place.table),
        fmt::format("update {} set key_id = $2, box = $3 where {} = $1 and box = $4", place.table, place.name),
        row.name, fresh.key_id, fresh.box, row.secret.box);
    return done.affected_rows() == 1;
  });
}

}  // namespace pipelined
