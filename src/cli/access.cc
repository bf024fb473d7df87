// pipectl users, roles, tokens: who there is, and what he may do.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/shell/consent.h"
#include "cli/output/text_input.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

const std::string kExt = "/api/ext/v1/";

// One account's folder: users or service-accounts.
std::string Collection(bool service) {
  return kExt + (service ? "service-accounts" : "users");
}

using Work = std::function<Status(const Session&, Layout)>;

// A command that prints something: with -o.
void Prints(CLI::App& command, Program& program, Work work) {
  AddOutputOption(command, program);
  command.callback([&program, work = std::move(work)] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      return work(session, *format);
    });
  });
}

void Does(CLI::App& command, Program& program, std::function<Status(const Session&)> work) {
  command.callback([&program, work = std::move(work)] { program.WithSession(work); });
}

// "admin", "user of sales", "user of tag finance"
std::string GrantText(const Value& grant) {
  const std::string role = TextOf(grant, "role"), dag_id = TextOf(grant, "dag_id"), tag = TextOf(grant, "tag");
  if (!dag_id.empty()) return role + " of " + dag_id;
  return tag.empty() ? role : role + " of tag " + tag;
}

Value WithGrants(Value account) {
  std::string text;
  const Value* grants = account.Find("grants");
  for (const Value& grant : grants != nullptr && grants->is_list() ? grants->list() : Value::List{})
    text += (text.empty() ? "" : ", ") + GrantText(grant);
  account.Set("shown_grants", text);
  return account;
}

Status ListAccounts(const Session& session, Layout format, bool service) {
  const auto rows = session.GetAll(Collection(service), service ? "service_accounts" : "users");
  if (!rows) return rows.error();
  if (IsWhole(format)) {
    PrintRows(format, *rows, {});
    return Ok();
  }
  Value::List shown;
  for (const Value& row : *rows) shown.push_back(WithGrants(row));
  PrintRows(format, shown,
            {{"NAME", "name"}, {"DISABLED", "disabled"}, {"GRANTS", "shown_grants"}, {"SINCE", "created_at"}});
  return Ok();
}

struct AccountOptions {
  std::string name, password_file;
  std::vector<std::string> roles;
  bool service = false, disabled = false;
};

Status Create(const Session& session, const AccountOptions& options, bool quiet) {
  Value body(Value::Map{{"name", options.name}});
  if (!options.service) {
    const Result<std::string> password = ReadSecretInput(options.password_file, "password of " + options.name);
    if (!password.ok()) return password.error();
    body.Set("password", *password);
  }
  body.Set("roles", Value::List(options.roles.begin(), options.roles.end()));
  const auto made = session.Post(Collection(options.service), body);
  if (!made) return made.error();
  if (!quiet) fmt::print("{} is made\n", options.name);
  return Ok();
}

Status SetPassword(const Session& session, const AccountOptions& options, bool quiet) {
  const Result<std::string> password = ReadSecretInput(options.password_file, "new password of " + options.name);
  if (!password.ok()) return password.error();
  const auto done =
      session.Patch(Collection(false) + "/" + PercentEncode(options.name), Value(Value::Map{{"password", *password}}));
  if (!done) return done.error();
  if (!quiet) fmt::print("the password of {} is changed; log-ins with the old one are over\n", options.name);
  return Ok();
}

struct GrantOptions {
  std::string account, role, dag_id, tag;
};

Status Give(const Session& session, const GrantOptions& options, bool quiet) {
  Value body(Value::Map{{"account", options.account}, {"role", options.role}});
  if (!options.dag_id.empty()) body.Set("dag_id", options.dag_id);
  if (!options.tag.empty()) body.Set("tag", options.tag);
  const auto made = session.Post(kExt + "grants", body);
  if (!made) return made.error();
  if (!quiet) fmt::print("{} is {}\n", options.account, GrantText(*made));
  return Ok();
}

Status TakeBack(const Session& session, const GrantOptions& options, bool quiet) {
  const auto grants = session.GetAll(kExt + "grants?account=" + PercentEncode(options.account), "grants");
  if (!grants) return grants.error();
  for (const Value& grant : *grants) {
    if (TextOf(grant, "role") != options.role || TextOf(grant, "dag_id") != options.dag_id ||
        TextOf(grant, "tag") != options.tag)
      continue;
    const auto gone = session.Delete(fmt::format("{}grants/{}", kExt, grant.Find("grant_id")->integer()));
    if (!gone) return gone.error();
    if (!quiet) fmt::print("{} is no longer {}\n", options.account, GrantText(grant));
    return Ok();
  }
  return Error{ErrorCode::kNotFound, fmt::format("{} has no such grant", options.account),
               "pipectl users list shows the grants"};
}

void AddGrantCommands(CLI::App& users, Program& program) {
  const auto options = std::make_shared<GrantOptions>();
  const auto describe = [options](CLI::App& command) {
    command.add_option("NAME", options->account, "User or service account")->required();
    command.add_option("ROLE", options->role, "viewer, user, op, admin, or a role of your own")->required();
    CLI::Option* dag = command.add_option("--dag", options->dag_id, "Only for this DAG");
    command.add_option("--tag", options->tag, "Only for the DAGs that have this tag")->excludes(dag);
  };
  CLI::App* grant = AddCommand(users, "grant", "Give a role, for everything, a DAG or a tag",
                               "pipectl users grant ann user --dag sales_daily");
  describe(*grant);
  Does(*grant, program,
       [&program, options](const Session& session) { return Give(session, *options, program.global.quiet); });
  CLI::App* revoke = AddCommand(users, "revoke", "Take a role back", "pipectl users revoke ann user --dag sales_daily");
  describe(*revoke);
  Does(*revoke, program,
       [&program, options](const Session& session) { return TakeBack(session, *options, program.global.quiet); });
}

void AddMaking(CLI::App& users, Program& program, const std::shared_ptr<AccountOptions>& options) {
  CLI::App* create =
      AddCommand(users, "create", "Make a user or a service account",
                 "pipectl users create ann --role user\n  pipectl users create ci --service --role user");
  create->add_option("NAME", options->name, "Its name")->required();
  create->add_option("-r,--role", options->roles, "A role for everything; may be repeated");
  create->add_flag("--service", options->service, "A service account: it has no password, and shows tokens");
  create->add_option("--password-file", options->password_file,
                     "Read the password from this file (-: standard input) instead of asking for it");
  Does(*create, program,
       [&program, options](const Session& session) { return Create(session, *options, program.global.quiet); });
  CLI::App* passwd =
      AddCommand(users, "passwd", "Change the password of a user; his log-ins end", "pipectl users passwd ann");
  passwd->add_option("NAME", options->name, "Its name")->required();
  passwd->add_option("--password-file", options->password_file,
                     "Read the password from this file (-: standard input) instead of asking for it");
  Does(*passwd, program,
       [&program, options](const Session& session) { return SetPassword(session, *options, program.global.quiet); });
}

void AddToggle(CLI::App& users, Program& program, const std::shared_ptr<AccountOptions>& options, bool disabled) {
  CLI::App* command = disabled
                          ? AddCommand(users, "disable", "Refuse a user, whatever he shows; nothing is deleted",
                                       "pipectl users disable ann")
                          : AddCommand(users, "enable", "Let a disabled user in again", "pipectl users enable ann");
  command->add_option("NAME", options->name, "Its name")->required();
  command->add_flag("--service", options->service, "It is a service account");
  Does(*command, program, [&program, options, disabled](const Session& session) -> Status {
    const auto done = session.Patch(Collection(options->service) + "/" + PercentEncode(options->name),
                                    Value(Value::Map{{"disabled", disabled}}));
    if (!done) return done.error();
    if (!program.global.quiet) fmt::print("{} is {}\n", options->name, disabled ? "disabled" : "enabled");
    return Ok();
  });
}

// --- roles

struct RoleOptions {
  std::string name, description;
  std::vector<std::string> permissions;
};

Status SetRole(const Session& session, const RoleOptions& options, bool quiet) {
  Value body(Value::Map{{"permissions", Value::List(options.permissions.begin(), options.permissions.end())}});
  if (!options.description.empty()) body.Set("description", options.description);
  auto done = session.Patch(kExt + "roles/" + PercentEncode(options.name), body);
  if (!done && done.error().code == ErrorCode::kNotFound) {
    body.Set("name", options.name);
    done = session.Post(kExt + "roles", body);
  }
  if (!done) return done.error();
  if (!quiet) fmt::print("the role {} is set\n", options.name);
  return Ok();
}

// --- tokens

struct TokenOptions {
  std::string name, account, expires;
  std::vector<std::string> permissions, dag_ids;
  bool forever = false;
};

Value::List ListOf(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

// The token alone on standard output, so that a script can take it.
Status CreateToken(const Session& session, const TokenOptions& options, Layout format) {
  Value body(Value::Map{{"name", options.name}});
  if (!options.account.empty()) body.Set("account", options.account);
  if (!options.permissions.empty()) body.Set("permissions", ListOf(options.permissions));
  if (!options.dag_ids.empty()) body.Set("dag_ids", ListOf(options.dag_ids));
  if (!options.expires.empty()) body.Set("expires_at", options.expires);
  if (options.forever) body.Set("expires_at", nullptr);
  const auto made = session.Post(kExt + "tokens", body);
  if (!made) return made.error();
  if (IsWhole(format)) {
    PrintObject(format, *made);
    return Ok();
  }
  fmt::print("{}\n", TextOf(*made, "token"));
  fmt::print(stderr, "this is shown once; it is token {} of {}\n", CellText(made->Find("token_id")),
             TextOf(*made, "account"));
  return Ok();
}

void AddTokenCreate(CLI::App& tokens, Program& program) {
  const auto options = std::make_shared<TokenOptions>();
  CLI::App* create =
      AddCommand(tokens, "create", "Make a token; it is shown once",
                 "pipectl tokens create deploy --account ci --permission runs.trigger --dag sales_daily");
  create->add_option("NAME", options->name, "What it is for")->required();
  create->add_option("--account", options->account, "Whose it is (else your own)");
  create->add_option("--permission", options->permissions, "Only this of what the account may; may be repeated");
  create->add_option("--dag", options->dag_ids, "Only for this DAG; may be repeated");
  CLI::Option* expires = create->add_option("--expires", options->expires, "When it ends (else in 90 days)");
  create->add_flag("--forever", options->forever, "It ends only when it is revoked")->excludes(expires);
  Prints(*create, program,
         [options](const Session& session, Layout format) { return CreateToken(session, *options, format); });
}

}  // namespace

void AddUserCommands(CLI::App& app, Program& program) {
  CLI::App* users = AddCommand(app, "users", "Users and service accounts, and what they may do",
                               "pipectl users create ann --role user");
  users->require_subcommand(1);
  const auto options = std::make_shared<AccountOptions>();
  CLI::App* list = AddCommand(*users, "list", "List the users", "pipectl users list --service");
  list->add_flag("--service", options->service, "Service accounts instead");
  Prints(*list, program,
         [options](const Session& session, Layout format) { return ListAccounts(session, format, options->service); });
  CLI::App* get = AddCommand(*users, "get", "Show a user", "pipectl users get ann");
  get->add_option("NAME", options->name, "Its name")->required();
  get->add_flag("--service", options->service, "It is a service account");
  Prints(*get, program, [options](const Session& session, Layout format) -> Status {
    const auto row = session.Get(Collection(options->service) + "/" + PercentEncode(options->name));
    if (!row) return row.error();
    PrintObject(format, *row);
    return Ok();
  });
  AddMaking(*users, program, options);
  AddToggle(*users, program, options, true);
  AddToggle(*users, program, options, false);
  CLI::App* gone = AddCommand(*users, "delete", "Delete a user with his tokens", "pipectl users delete ann -y");
  gone->add_option("NAME", options->name, "Its name")->required();
  gone->add_flag("--service", options->service, "It is a service account");
  const auto yes = std::make_shared<bool>(false);
  AddYesOption(*gone, *yes);
  Does(*gone, program, [&program, options, yes](const Session& session) -> Status {
    const std::string question = fmt::format("delete {} with all tokens?", options->name);
    if (const Status agreed = Confirm(*yes, question); !agreed) return agreed;
    const auto done = session.Delete(Collection(options->service) + "/" + PercentEncode(options->name));
    if (!done) return done.error();
    if (!program.global.quiet) fmt::print("{} is deleted\n", options->name);
    return Ok();
  });
  AddGrantCommands(*users, program);
}

void AddRoleCommands(CLI::App& app, Program& program) {
  CLI::App* roles = AddCommand(app, "roles", "Roles: list, get, set, delete",
                               "pipectl roles set starter --permission runs.read --permission runs.trigger");
  roles->require_subcommand(1);
  CLI::App* list = AddCommand(*roles, "list", "List the roles", "pipectl roles list -o json");
  Prints(*list, program, [](const Session& session, Layout format) -> Status {
    const auto rows = session.GetAll(kExt + "roles", "roles");
    if (!rows) return rows.error();
    PrintRows(format, *rows, {{"ROLE", "name"}, {"BUILT IN", "built_in"}, {"DESCRIPTION", "description"}});
    return Ok();
  });
  const auto options = std::make_shared<RoleOptions>();
  CLI::App* get = AddCommand(*roles, "get", "Show a role and its permissions", "pipectl roles get op");
  get->add_option("ROLE", options->name, "Its name")->required();
  Prints(*get, program, [options](const Session& session, Layout format) -> Status {
    const auto row = session.Get(kExt + "roles/" + PercentEncode(options->name));
    if (!row) return row.error();
    PrintObject(format, *row);
    return Ok();
  });
  CLI::App* set = AddCommand(*roles, "set", "Make a role or change its permissions",
                             "pipectl roles set starter --permission runs.read --permission runs.trigger");
  set->add_option("ROLE", options->name, "Its name")->required();
  set->add_option("-p,--permission", options->permissions, "One of docs/security.md; may be repeated")->required();
  set->add_option("--description", options->description, "What it is for");
  Does(*set, program,
       [&program, options](const Session& session) { return SetRole(session, *options, program.global.quiet); });
  const auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* gone =
      AddCommand(*roles, "delete", "Delete roles, and take them from who has them", "pipectl roles delete starter -y");
  gone->add_option("ROLE", *names, "Their names")->required();
  const auto yes = std::make_shared<bool>(false);
  AddYesOption(*gone, *yes);
  Does(*gone, program, [&program, names, yes](const Session& session) -> Status {
    const std::string question = fmt::format("delete the roles {}?", fmt::join(*names, ", "));
    if (const Status agreed = Confirm(*yes, question); !agreed) return agreed;
    for (const std::string& name : *names) {
      const auto done = session.Delete(kExt + "roles/" + PercentEncode(name));
      if (!done) return done.error();
      if (!program.global.quiet) fmt::print("{} is deleted\n", name);
    }
    return Ok();
  });
}

void AddTokenCommands(CLI::App& app, Program& program) {
  CLI::App* tokens =
      AddCommand(app, "tokens", "Tokens for the API: list, create, revoke", "pipectl tokens create laptop");
  tokens->require_subcommand(1);
  const auto account = std::make_shared<std::string>();
  CLI::App* list =
      AddCommand(*tokens, "list", "List tokens; their text is not kept", "pipectl tokens list --account ci");
  list->add_option("--account", *account, "Whose (else your own); ~: everybody's");
  Prints(*list, program, [account](const Session& session, Layout format) -> Status {
    const auto rows = session.GetAll(kExt + "tokens?account=" + PercentEncode(*account), "tokens");
    if (!rows) return rows.error();
    PrintRows(format, *rows,
              {{"TOKEN", "token_id"},
               {"ACCOUNT", "account"},
               {"NAME", "name"},
               {"KIND", "kind"},
               {"EXPIRES", "expires_at"},
               {"LAST USED", "last_used_at"}});
    return Ok();
  });
  AddTokenCreate(*tokens, program);
  const auto ids = std::make_shared<std::vector<std::int64_t>>();
  CLI::App* revoke = AddCommand(*tokens, "revoke", "End tokens at once", "pipectl tokens revoke 12");
  revoke->add_option("TOKEN", *ids, "Their numbers, as listed")->required();
  Does(*revoke, program, [&program, ids](const Session& session) -> Status {
    for (const std::int64_t id : *ids) {
      const auto done = session.Delete(fmt::format("{}tokens/{}", kExt, id));
      if (!done) return done.error();
      if (!program.global.quiet) fmt::print("token {} is revoked\n", id);
    }
    return Ok();
  });
}

}  // namespace pipelined::cli
