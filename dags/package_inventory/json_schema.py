"""The part of JSON Schema that package.schema.json uses. A keyword that is not known here is an error, never ignored."""

import re

_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None)}
_KEYWORDS = {
    "type", "enum", "required", "properties", "additionalProperties", "items", "minItems", "maxItems", "minLength",
    "pattern", "minimum", "maximum", "$ref",
}
_NOTES = {"$schema", "$defs", "title", "description"}


class Schema:
    def __init__(self, schema):
        self._root = schema
        self._check_keywords(schema)

    def _check_keywords(self, schema):
        unknown = set(schema) - _KEYWORDS - _NOTES
        if unknown:
            raise ValueError(f"the schema uses keywords that this program does not know: {sorted(unknown)}")
        below = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
        for part in below + ([schema["items"]] if "items" in schema else []):
            self._check_keywords(part)

    def errors(self, value):
        """What is wrong with `value`, as `path: message`; empty when it is valid."""
        return list(self._errors(value, self._root, ""))

    def _errors(self, value, schema, path):
        where = path or "record"
        if "$ref" in schema:
            schema = self._root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        if "type" in schema and not _is_type(value, schema["type"]):
            yield f"{where}: {value!r} is not of type {schema['type']}"
            return  # the other keywords speak of this type
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is not one of {schema['enum']}"
        if isinstance(value, dict):
            yield from self._object_errors(value, schema, path)
        elif isinstance(value, list):
            yield from self._array_errors(value, schema, path)
        elif isinstance(value, str):
            if len(value) < schema.get("minLength", 0):
                yield f"{where}: {value!r} is shorter than {schema['minLength']}"
            if "pattern" in schema and not re.search(schema["pattern"], value):
                yield f"{where}: {value!r} does not match {schema['pattern']}"
        elif _is_type(value, "integer"):
            if value < schema.get("minimum", value):
                yield f"{where}: {value} is less than {schema['minimum']}"
            if value > schema.get("maximum", value):
                yield f"{where}: {value} is more than {schema['maximum']}"

    def _object_errors(self, value, schema, path):
        for key in schema.get("required", ()):
            if key not in value:
                yield f"{path or 'record'}: {key!r} is missing"
        known = schema.get("properties", {})
        for key, item in value.items():
            if key in known:
                yield from self._errors(item, known[key], f"{path}.{key}" if path else key)
            elif schema.get("additionalProperties") is False:
                yield f"{path or 'record'}: {key!r} is not expected"

    def _array_errors(self, value, schema, path):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{path}: {len(value)} items"
        for index, item in enumerate(value):
            yield from self._errors(item, schema.get("items", {}), f"{path}[{index}]")


def _is_type(value, name):
    return isinstance(value, _TYPES[name]) and not (name == "integer" and isinstance(value, bool))
