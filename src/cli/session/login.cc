// pipectl login, logout, profiles: servers that are known by name.
#include <fmt/format.h>

#include <filesystem>

#include "cli/commands.h"
#include "cli/shell/consent.h"
#include "cli/session/profiles.h"
#include "cli/output/text_input.h"

namespace pipelined::cli {
namespace {

struct LoginOptions {
  std::string url, user = "admin";
  bool with_token = false;
};

// "http://scheduler:8080/" -> "scheduler:8080"
std::string NameOf(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::string rest = scheme == std::string::npos ? url : url.substr(scheme + 3);
  return rest.substr(0, rest.find('/'));
}

std::string WithoutSlash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// What is known before anybody was asked: from the command line, else from the profile of that name.
Result<Profile> Wanted(const Profiles& profiles, const GlobalOptions& global, const LoginOptions& options) {
  Profile profile;
  if (options.url.empty()) {
    const std::string& name = global.profile.empty() ? profiles.current() : global.profile;
    if (name.empty())
      return Error{ErrorCode::kInvalid, "which server?", "name it: pipectl login http://scheduler:8080"};
    auto known = profiles.Get(name);
    if (!known) return known;
    profile = *std::move(known);
  } else {
    if (!options.url.starts_with("http://") && !options.url.starts_with("https://"))
      return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is no URL", options.url),
                   "write it as http://scheduler:8080"};
    profile.url = WithoutSlash(options.url);
    profile.name = global.profile.empty() ? NameOf(profile.url) : global.profile;
  }
  if (!global.ca_cert.empty()) profile.ca_cert = std::filesystem::absolute(global.ca_cert).string();
  return profile;
}

Result<Session> SessionFor(const Profile& profile, const std::string& token) {
  GlobalOptions options;
  options.url = profile.url;
  options.token = token;
  options.ca_cert = profile.ca_cert;
  return Session::Open(options);
}

Result<std::string> TokenFor(const Profile& profile, const LoginOptions& options) {
  if (options.with_token) {
    const auto token = ReadSecretInput("", "token for " + profile.url);
    if (!token) return token;
    const auto session = SessionFor(profile, *token);
    if (!session) return session.error();
    const auto answer = session->Get("/api/v2/dags?limit=1");  // one that needs a token
    return answer ? token : Result<std::string>(answer.error());
  }
  const std::string password = AskSecret("password of " + options.user);
  const auto session = SessionFor(profile, "none");  // the log-in itself needs none
  if (!session) return session.error();
  const auto answer =
      session->Post("/auth/token", Value(Value::Map{{"username", options.user}, {"password", password}}));
  if (!answer) {
    Error error = answer.error();
    if (error.code == ErrorCode::kNotAllowed) error.hint = "check the user name and the password";
    return error;
  }
  return TextOf(*answer, "access_token");
}

Status Login(const GlobalOptions& global, const LoginOptions& options) {
  const auto profiles = Profiles::Load();
  if (!profiles) return profiles.error();
  auto profile = Wanted(*profiles, global, options);
  if (!profile) return profile.error();
  const auto token = TokenFor(*profile, options);
  if (!token) return token.error();
  profile->token = *token;
  profile->user = options.with_token ? "" : options.user;
  // Anew: while the password was asked for others may have logged in.
  const Status saved = Profiles::Update([&](Profiles& now) {
    now.Put(*profile);
    now.Use(profile->name);
    return Ok();
  });
  if (!saved) return saved;
  if (!global.quiet) {
    fmt::print("logged in at {}{}; kept in {} as the profile {}\n", profile->url,
               profile->user.empty() ? "" : " as " + profile->user, ProfilesPath(), profile->name);
  }
  return Ok();
}

// Those whose tokens are forgotten are put into `out`.
Status ForgetTokens(Profiles& profiles, const GlobalOptions& global, bool all, std::vector<Profile>& out) {
  const std::string name = !global.profile.empty() ? global.profile : profiles.current();
  if (name.empty() && !all) return Error{ErrorCode::kNotFound, "there is no log-in to forget", "pipectl profiles list"};
  for (const Profile& profile : profiles.all()) {
    if (all || profile.name == name) out.push_back(profile);
  }
  if (out.empty() && !all) return profiles.Get(name).error();
  for (Profile& profile : out) {
    profile.token.clear();
    profiles.Put(profile);
  }
  if (all || profiles.current() == name) profiles.Use("");
  return Ok();
}

Status Logout(const GlobalOptions& global, bool all) {
  std::vector<Profile> out;
  const Status done = Profiles::Update([&](Profiles& profiles) { return ForgetTokens(profiles, global, all, out); });
  if (!done) return done;
  for (const Profile& profile : out) {
    if (!global.quiet) fmt::print("logged out of {} ({})\n", profile.url, profile.name);
  }
  return Ok();
}

Status List(const GlobalOptions& global) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  const auto profiles = Profiles::Load();
  if (!profiles) return profiles.error();
  Value::List rows;
  for (const Profile& profile : profiles->all()) {  // never the token
    rows.emplace_back(Value::Map{{"name", profile.name},
                                 {"url", profile.url},
                                 {"user", profile.user},
                                 {"current", profile.name == profiles->current()},
                                 {"logged_in", !profile.token.empty()},
                                 {"ca_cert", profile.ca_cert.empty() ? Value() : Value(profile.ca_cert)}});
  }
  PrintRows(
      *format, rows,
      {{"PROFILE", "name"}, {"URL", "url"}, {"USER", "user"}, {"CURRENT", "current"}, {"LOGGED IN", "logged_in"}});
  return Ok();
}

Status Use(const GlobalOptions& global, const std::string& name, bool none) {
  if (name.empty() != none)
    return Error{ErrorCode::kInvalid, "name a profile, or give --none", "pipectl profiles list"};
  const Status used = Profiles::Update([&](Profiles& profiles) -> Status {
    if (const auto known = profiles.Get(name); !none && !known) return known.error();
    profiles.Use(name);
    return Ok();
  });
  if (!used) return used;
  if (!global.quiet) fmt::print("{}\n", none ? "the local server is used" : name + " is used");
  return Ok();
}

Status Delete(const GlobalOptions& global, const std::vector<std::string>& names, bool yes) {
  const auto profiles = Profiles::Load();
  if (!profiles) return profiles.error();
  for (const std::string& name : names) {
    if (const auto known = profiles->Get(name); !known) return known.error();
  }
  const std::string question = fmt::format("forget the profiles {} and their tokens?", fmt::join(names, ", "));
  if (const Status agreed = Confirm(yes, question); !agreed) return agreed;
  const Status removed = Profiles::Update([&](Profiles& now) {
    for (const std::string& name : names) now.Remove(name);
    return Ok();
  });
  if (!removed) return removed;
  if (!global.quiet) fmt::print("{} deleted\n", fmt::join(names, ", "));
  return Ok();
}

void AddProfiles(CLI::App& app, Program& program) {
  CLI::App* profiles = AddCommand(app, "profiles", "Servers that you have logged in at: list, use, delete",
                                  "pipectl profiles use scheduler:8080");
  profiles->require_subcommand(1);
  CLI::App* list = AddCommand(*profiles, "list", "List the profiles, without their tokens", "pipectl profiles list");
  AddOutputOption(*list, program);
  list->callback([&program] {
    if (const Status done = List(program.global); !done) program.Fail(done.error());
  });
  const auto name = std::make_shared<std::string>();
  const auto none = std::make_shared<bool>(false);
  CLI::App* use = AddCommand(*profiles, "use", "Say which profile counts where nothing else is said",
                             "pipectl profiles use production\n  pipectl profiles use --none");
  use->add_option("PROFILE", *name, "Its name");
  use->add_flag("--none", *none, "None of them: the local server");
  use->callback([&program, name, none] {
    if (const Status done = Use(program.global, *name, *none); !done) program.Fail(done.error());
  });
  const auto names = std::make_shared<std::vector<std::string>>();
  const auto yes = std::make_shared<bool>(false);
  CLI::App* gone = AddCommand(*profiles, "delete", "Forget profiles with their tokens",
                              "pipectl profiles delete old-scheduler:8080");
  gone->add_option("PROFILE", *names, "Their names")->required();
  AddYesOption(*gone, *yes);
  gone->callback([&program, names, yes] {
    if (const Status done = Delete(program.global, *names, *yes); !done) program.Fail(done.error());
  });
}

}  // namespace

void AddLoginCommands(CLI::App& app, Program& program) {
  const auto options = std::make_shared<LoginOptions>();
  CLI::App* login = AddCommand(app, "login", "Log in at a server and remember its token under a name",
                               "pipectl login https://scheduler:8080 --user ann\n"
                               "  pipectl login https://scheduler:8080 --ca-cert ours.pem --profile production\n"
                               "  pass show pipelined | pipectl login https://scheduler:8080 --user ci\n"
                               "  pipectl login https://scheduler:8080 --with-token < token\n"
                               "  pipectl login --profile production");
  login->add_option("URL", options->url, "The server's address; not needed for a profile that is there");
  login->add_option("-u,--user", options->user, "User name; the password is asked for, or read from standard input")
      ->capture_default_str();
  login->add_flag("--with-token", options->with_token, "Keep a token that you have, from standard input");
  login->callback([&program, options] {
    if (const Status done = Login(program.global, *options); !done) program.Fail(done.error());
  });
  const auto all = std::make_shared<bool>(false);
  CLI::App* logout = AddCommand(app, "logout", "Forget the token of a profile, by default the current one",
                                "pipectl logout --profile production");
  logout->add_flag("--all", *all, "Of all profiles");
  logout->callback([&program, all] {
    if (const Status done = Logout(program.global, *all); !done) program.Fail(done.error());
  });
  AddProfiles(app, program);
}

}  // namespace pipelined::cli
