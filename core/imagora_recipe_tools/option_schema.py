"""The JSON Schema of one options model, with what a recipe may say in an option's place."""

from __future__ import annotations

from typing import Any, TypeAlias

from imagora.options import Options

Schema: TypeAlias = dict[str, Any]

_SCALARS = {"string", "integer", "number", "boolean"}
_WORDS = ("description", "default", "deprecated", "examples")
_LEFT_OUT = ("title", "format", "writeOnly", "discriminator", "$defs")


def ref(name: str) -> Schema:
    """Give the reference to a definition."""
    return {"$ref": f"#/definitions/{name.replace(' ', '%20')}"}


def options_schema(model: type[Options], name: str, summary: str = "", *, use: str = "") -> Schema:
    """Give the definitions of a model and of those within it; the model's own is called `name`.

    use: the component's name, where a component has these options.
    """
    template = ref(f"{name} {{model}}")["$ref"].replace("{{", "{").replace("}}", "}")
    try:
        made: Schema = model.model_json_schema(ref_template=template)
    except Exception as error:  # a stranger's types may have no schema, and the others still have theirs
        said = f"Its options cannot be described: {type(error).__name__}."
        return {
            name: {"type": "object", "description": f"{_sentence(summary)} {said}".strip(), "properties": {"use": True}}
        }
    within = {f"{name} {inner}": _recipes_own(schema) for inner, schema in made.get("$defs", {}).items()}
    whole = _recipes_own(made)
    whole["description"] = " ".join(_sentence(said) for said in (summary, whole.get("description", "")) if said)
    if use:
        whole["properties"] = {"use": {"const": use, "description": summary}, **whole.get("properties", {})}
    return {**within, name: whole}


def _recipes_own(schema: Any) -> Any:
    """Put components where components are meant, and `${NAME}` where a value from the environment can be."""
    if not isinstance(schema, dict):
        return schema
    words = {name: schema[name] for name in _WORDS if name in schema}
    if "component" in schema:
        listed = schema.get("type") == "array"
        return {**words, **_under(ref(f"{schema['component']} list" if listed else schema["component"]), words)}
    for union in ("anyOf", "oneOf"):
        if union in schema:
            branches = [_recipes_own(branch) for branch in schema[union]]
            inner = [part for branch in branches for part in _flat(branch)]
            return {**words, "anyOf": list({str(part): part for part in inner}.values())}
    if "$ref" in schema:
        return {**words, **_under({"$ref": schema["$ref"]}, words)}
    if schema.get("type") in _SCALARS or "enum" in schema or "const" in schema:
        return _scalar(schema, words)
    return _collection(schema)


def _under(reference: Schema, words: Schema) -> Schema:
    # In draft 7 nothing beside a reference counts, so that the words get it one level down.
    return {"allOf": [reference]} if words else reference


def _flat(branch: Schema) -> list[Schema]:
    return branch["anyOf"] if set(branch) == {"anyOf"} else [branch]


def _scalar(schema: Schema, words: Schema) -> Schema:
    rest = {name: value for name, value in schema.items() if name not in (*_WORDS, *_LEFT_OUT)}
    if rest == {"type": "string"}:  # which holds every value from the environment anyway
        return {**rest, **words}
    return {**words, "anyOf": [rest, ref("environment")]}


def _collection(schema: Schema) -> Schema:
    made = {name: value for name, value in schema.items() if name not in (*_LEFT_OUT, "required")}
    required = schema.get("required", [])
    if "properties" in made:
        made["properties"] = {n: _must(n in required, _recipes_own(v)) for n, v in made["properties"].items()}
    if "prefixItems" in made:  # as draft 7 has it
        made["items"] = [_recipes_own(part) for part in made.pop("prefixItems")]
    elif "items" in made:
        made["items"] = _recipes_own(made["items"])
    for name in ("additionalProperties", "propertyNames"):
        if isinstance(made.get(name), dict):
            made[name] = _recipes_own(made[name])
    return made


def _must(must: bool, schema: Schema) -> Schema:
    # Said and not asked for: the parent, or a profile, may be where it is given.
    return {**schema, "description": f"(must be given) {schema.get('description', '')}".strip()} if must else schema


def _sentence(said: str) -> str:
    return said if said.endswith((".", ":")) else f"{said}."
