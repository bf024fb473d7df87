// The objects that requests and answers consist of, one row each, and what a row is as JSON Schema. The description of
// the API is made from these rows, and the tests hold every answer against them.
//
// A row lists fields:
//   name:type           is always there; name?:type may be absent; name?:type=value says what absent means
//   @name:type          name_gte, name_gt, name_lte and name_lt, which may be absent
//   ~name               name_pattern and name_prefix_pattern, texts which may be absent
//   @total              how many there are in all, and where counting has stopped
//   <Name               the fields of another object
// and a type is one of:
//   text text(1..250)   characters; visible (not only blanks), digits; name (letters, digits and _ . -), account_name,
//   segment (of a path), path,
//                       moment (-90s, +5m)
//   when                an instant, also in seconds or milliseconds since 1970
//   instant duration uuid integer integer(-1..) number positive boolean any null
//   object              with fields that nobody knows; {type}: whose fields are all of a type
//   [type] [type](1..2) a list
//   'word' true false   only this
//   Name                an object, or one of the words of that name
//   type|type type?     one of them; or null
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/value.h"

namespace pipelined::api {

struct ObjectRow {
  std::string_view name, fields;
};

struct WordsRow {
  std::string_view name, words;  // between bars
};

std::span<const ObjectRow> AnswerRows();
std::span<const ObjectRow> OwnRows();
std::span<const ObjectRow> BodyRows();
std::span<const WordsRow> WordRows();

struct Field {
  std::string name;
  std::string type;
  std::string standard;  // its default; empty: none is told
  bool required = true;
};

// What a row says, with nothing abbreviated.
std::vector<Field> FieldsOf(std::string_view row);

// As JSON Schema; names become references to "#/components/schemas/".
Value SchemaOfType(std::string_view type);
Value SchemaOfField(const Field& field);  // with its default

// All objects and words by name; objects take no other fields than those of their row.
Value AllSchemas();

}  // namespace pipelined::api
