#include "template/var_and_conn.h"

#include <fmt/format.h>

#include <array>

#include "pipelined/base/percent.h"
#include "pipelined/base/secret_name.h"
#include "pipelined/schema/json.h"
#include "template/engine_object.h"

namespace pipelined::tmpl {
namespace {

std::string Cut(std::string_view name) {
  return std::string(name.substr(0, 80));
}

Error NotHere(std::string_view what) {
  return {ErrorCode::kInvalid, fmt::format("{} cannot be used here", what), ""};
}

[[noreturn]] void RaiseLookUp(const Error& error, std::string_view hint) {
  const TemplateFault fault = error.code == ErrorCode::kUnavailable ? TemplateFault::kUnavailable
                              : error.code == ErrorCode::kInvalid   ? TemplateFault::kValue
                                                                    : TemplateFault::kNotFound;
  Raise(fault, error.message, error.hint.empty() ? std::string(hint) : error.hint);
}

void Tell(const TaskContext& context, const std::string& text) {
  if (context.on_secret && !text.empty()) context.on_secret(text);
}

// With everything marked that has a secret name, at every depth.
Val Marked(const TaskContext& context, const Value& value, bool secret) {
  if (value.is_list()) {
    Vals items;
    for (const Value& item : value.list()) items.push_back(Marked(context, item, secret));
    return Val::List(std::move(items)).With(Origin::kOutside);
  }
  if (value.is_map()) {
    Pairs pairs;
    for (const auto& [name, item] : value.map())
      pairs.emplace_back(Val::Str(name).With(Origin::kOutside), Marked(context, item, secret || IsSecretName(name)));
    return Val::Dict(std::move(pairs)).With(Origin::kOutside);
  }
  if (secret) Tell(context, value.is_string() ? value.string() : value.is_number() ? ToJson(value) : "");
  return Val::From(value, secret ? Origin::kSecret : Origin::kOutside);
}

// The text of something that may be JSON with secrets in it: then all of it is one. Of JSON only the secrets are told,
// which hides them wherever they stand; lines around them are no secret.
Val Whole(const TaskContext& context, const std::string& text, bool secret) {
  const Result<Value> json = ParseJson(text);
  if (json && (json->is_map() || json->is_list())) {
    secret = Marked(context, *json, secret).secret() || secret;
  } else if (secret) {
    Tell(context, text);
  }
  return Val::Str(text).With(secret ? Origin::kSecret : Origin::kOutside);
}

// ---- var

struct Reader {
  const TaskContext* context;
  bool json;

  Result<std::string> Find(const std::string& key) const {
    return context->variable ? context->variable(key) : Result<std::string>(NotHere("variables"));
  }

  Val Read(const std::string& key, const std::string& text) const {
    const bool secret = IsSecretName(key);
    if (!json) return Whole(*context, text, secret);
    Result<Value> value = ParseJson(text, WideIntegers::kText);
    if (!value) {  // without the words of the parser, which may repeat what it has read
      Raise(TemplateFault::kNotFound, fmt::format("the variable \"{}\" is not JSON", Cut(key)),
            fmt::format("var.value.{} is its text", Cut(key)));
    }
    return Marked(*context, *value, secret);
  }

  Val Required(std::string_view name) const {
    const std::string key(name);
    const auto text = Find(key);
    if (text) return Read(key, *text);
    if (text.error().code == ErrorCode::kNotFound) {
      Raise(TemplateFault::kNotFound, fmt::format("there is no variable \"{}\"", Cut(key)),
            fmt::format("make it: pipectl variables set {0} VALUE; or give a default: var.{1}.get('{0}', …)", Cut(key),
                        json ? "json" : "value"));
    }
    RaiseLookUp(text.error(), "");
  }

  // var.value.get(key, default, deserialize_json)
  Val Get(Args& args) const {
    const std::string key = args.RequiredString("key");
    const Val* otherwise = args.Optional("default");
    if (otherwise == nullptr) otherwise = args.Named("default_var");  // its older name
    const Reader reader{context, args.Flag("deserialize_json", json)};
    const auto text = Find(key);
    if (text) return reader.Read(key, *text);
    if (text.error().code != ErrorCode::kNotFound) RaiseLookUp(text.error(), "");
    return otherwise != nullptr ? *otherwise : Val();
  }
};

// ---- conn

constexpr std::array<std::string_view, 11> kConnection{"conn_id", "conn_type",    "description", "host",
                                                       "schema",  "login",        "password",    "port",
                                                       "extra",   "extra_dejson", "get_uri"};

class ConnectionFields {
 public:
  ConnectionFields(const TaskContext* context, std::string id, Value fields)
      : context_(context), id_(std::move(id)), fields_(std::move(fields)) {}

  Val Get(std::string_view name) const {
    if (name == "conn_id") return Val::Str(id_).With(Origin::kOutside);
    if (name == "password") return Password();
    if (name == "extra") return fields_.Find("extra") == nullptr ? Val() : Whole(*context_, Text("extra"), false);
    if (name == "extra_dejson") return Marked(*context_, Extra(), false);
    if (name == "get_uri") return MakeFunction("get_uri", [self = *this](Machine&, Args&) { return self.Uri(); });
    for (const std::string_view field : kConnection) {
      if (field != name) continue;
      const Value* value = fields_.Find(name);
      return value == nullptr ? Val() : Val::From(*value, true);
    }
    return Val::Undefined(fmt::format("a connection has no \"{}\"", Cut(name)));
  }

 private:
  std::string Text(std::string_view name) const {
    const Value* value = fields_.Find(name);
    return value != nullptr && value->is_string() ? value->string() : "";
  }

  Val Password() const {
    if (fields_.Find("password") == nullptr) return {};
    const std::string password = Text("password");
    Tell(*context_, password);
    return Val::Str(password).With(Origin::kSecret);
  }

  Value Extra() const {
    auto extra = ParseJson(Text("extra"));
    return extra && extra->is_map() ? *std::move(extra) : Value(Value::Map{});
  }

  // postgres://login:password@host:port/schema?name=value, as Airflow writes it.
  Val Uri() const {
    const std::string login = Text("login"), password = Text("password"), schema = Text("schema");
    std::string uri = Text("conn_type") + "://";
    for (char& c : uri) c = c == '_' ? '-' : c;
    std::string user = PercentEncode(login);
    if (!password.empty()) user += ":" + PercentEncode(password);
    if (!user.empty()) uri += user + "@";
    uri += PercentEncode(Text("host"));
    if (const Value* port = fields_.Find("port"); port != nullptr && port->is_int())
      uri += fmt::format(":{}", port->integer());
    if (!schema.empty()) uri += "/" + PercentEncode(schema);
    const Value fields = Extra();
    const Val extra = Marked(*context_, fields, false);
    std::string query;
    for (const auto& [name, value] : fields.map()) {
      query += fmt::format("{}{}={}", query.empty() ? "" : "&", PercentEncode(name),
                           PercentEncode(value.is_string() ? value.string() : ToJson(value)));
    }
    if (!query.empty()) uri += (schema.empty() ? "/?" : "?") + query;
    const bool secret = !password.empty() || extra.secret();
    Tell(*context_, password);
    if (secret) Tell(*context_, PercentEncode(password));
    return Val::Str(uri).With(secret ? Origin::kSecret : Origin::kOutside);
  }

  const TaskContext* context_;
  std::string id_;
  Value fields_;
};

Val ConnectionObject(const TaskContext* context, const std::string& id, Value fields) {
  ConnectionFields members(context, id, std::move(fields));
  return MakeObject(id, {kConnection.begin(), kConnection.end()},
                    [members = std::move(members)](std::string_view name) { return members.Get(name); });
}

Result<Value> FindConnection(const TaskContext* context, const std::string& id) {
  return context->connection ? context->connection(id) : Result<Value>(NotHere("connections"));
}

}  // namespace

Val VariablesObject(const TaskContext& context) {
  return MakeObject("var", {"value", "json"}, [context = &context](std::string_view name) {
    if (name != "value" && name != "json")
      return Val::Undefined(fmt::format("there is no \"{}\" in var", Cut(name)), "var.value.NAME, or var.json.NAME");
    const Reader reader{context, name == "json"};
    return MakeObject(fmt::format("var.{}", name), {"get"}, [reader](std::string_view key) -> Val {
      if (key != "get") return reader.Required(key);
      return MakeFunction("get", [reader](Machine&, Args& args) { return reader.Get(args); });
    });
  });
}

Val ConnectionsObject(const TaskContext& context) {
  return MakeObject("conn", {"get"}, [context = &context](std::string_view name) -> Val {
    if (name == "get") {
      return MakeFunction("get", [context](Machine&, Args& args) {
        const std::string id = args.RequiredString("conn_id");
        const Val* otherwise = args.Optional("default_conn");
        auto found = FindConnection(context, id);
        if (found) return ConnectionObject(context, id, *std::move(found));
        if (found.error().code != ErrorCode::kNotFound) RaiseLookUp(found.error(), "");
        return otherwise != nullptr ? *otherwise : Val();
      });
    }
    const std::string id(name);
    auto found = FindConnection(context, id);
    if (found) return ConnectionObject(context, id, *std::move(found));
    if (found.error().code == ErrorCode::kNotFound) {
      Raise(TemplateFault::kNotFound, fmt::format("there is no connection \"{}\"", Cut(id)),
            fmt::format("make it: pipectl connections add {} --conn-type TYPE", Cut(id)));
    }
    RaiseLookUp(found.error(), "");
  });
}

}  // namespace pipelined::tmpl
