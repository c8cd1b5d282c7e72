"""A JSON Schema of recipes, out of what the installed plugins offer, for editors that complete and check YAML.

Draft 7, which every editor knows. What `imagora recipe check` takes it takes too, but for words that are only read as
numbers (`top_k: "12"`); what depends on a parent, such as an option that must be given, it only describes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from imagora import hookspecs
from imagora.catalog import KINDS, Catalog, Offer
from imagora.stages import LEGS
from imagora_batching.options import BATCHED_KINDS, KEY, OFF, Batching
from imagora_isolation.planning import ISOLATED_KINDS
from imagora_recipe.extends import shipped_recipes
from imagora_recipe.gate import ANSWERED, RANKED, SHORT, WHOLE, Limits
from imagora_recipe.sections import LISTS, ONE, PLACES, SETTINGS, USUAL, VERSION
from imagora_recipe.tree import read

from .option_schema import options_schema, ref

Schema: TypeAlias = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
VARIABLE = r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"
NULL: Schema = {"type": "null", "description": "Takes away what the parent has."}
_PLURALS = {"index": "indexes"}
_SAID = {
    "description": "A sentence for people.",
    "embedders": "What turns words or pictures into vectors: a component for each leg.",
    "guardrails": "What passes, redacts or refuses texts: a list of components for each place.",
    "engine": "What works through the changes of a source; its name alone, or with options.",
    "licences": "The licences that parts may have, as SPDX ids; {NAME: LICENCE} says that of one that does not say it.",
    "gate": "What `imagora eval --gate` demands of a run on a suite: limits by metric, such as ndcg@10.",
    "traces": "What hears of every stage of a query.",
}
_ISOLATION: Schema = {
    "isolate": {"const": "process", "description": "Runs it in a process of its own."},
    "python": {
        "type": "string",
        "description": "With `isolate`: the Python of the environment that it runs in; a path beside this file.",
    },
}
_BATCHING: Schema = {
    "description": f"How queries that come together are gathered into one call of its model, or '{OFF}'.",
    "anyOf": [{"const": OFF}, ref(KEY), {"type": "null"}],
}
_LEGS = {
    "image": "The vector of an item's picture; words find it, too.",
    "text": "The vector of an item's words.",
    "sparse": "Weights of an item's words, for exact matches.",
}
_PLACES = {
    "query": "What is asked, before anything else sees it.",
    "passages": "What was found, before the generator sees it.",
    "answer": "What the generator said, before anybody reads it.",
}


def recipe_schema(catalog: Catalog) -> Schema:
    """Give the schema of recipes that name components of this catalog."""
    definitions: Schema = {"environment": _environment()}
    offers = {kind: _once(catalog.offers(kind)) for kind in KINDS}
    for kind, offered in offers.items():
        definitions.update(_kind(kind, offered))
    content = _content(offers, definitions)
    profile = {"type": ["object", "null"], "properties": content, "additionalProperties": False}
    return {
        "$schema": DRAFT,
        "title": "Imagora recipe",
        "description": "Which components one product line uses, and with which options.",
        "type": "object",
        "properties": {**_head(), **content},
        "additionalProperties": False,
        "anyOf": [{"required": ["recipe"]}, {"required": ["extends"]}],
        "definitions": {**definitions, "profile": profile},
    }


def _head() -> Schema:
    shipped = _enum({name: _told(file) for name, file in shipped_recipes().items()})
    extends = "What this recipe is laid over: a shipped recipe's name, or a file's path beside this file."
    profiles = "What is laid over the recipe when it is chosen, by --profile NAME or IMAGORA_PROFILE."
    return {
        "recipe": {"const": VERSION, "description": "The version of recipes."},
        "extends": {"description": extends, "anyOf": [shipped, {"type": "string", "minLength": 1}]},
        "profiles": {"description": profiles, "type": "object", "additionalProperties": ref("profile")},
    }


def _content(offers: Mapping[str, list[Offer]], definitions: Schema) -> Schema:
    """Give the schemas of the sections that a profile can have, too."""
    content: Schema = {"description": {"type": ["string", "null"], "description": _SAID["description"]}}
    for name, kind in ONE.items():
        content[name] = _section(_SAID.get(name) or _of_kind(kind), ref(kind))
    names = _names(offers["engine"])
    content["engine"]["anyOf"].insert(0, names)
    content |= {name: _list(f"{_of_kind(kind)} In order.", kind) for name, kind in LISTS.items()}
    legs: Schema = {leg: _section(_LEGS[leg], ref("embedder")) for leg in LEGS}
    content["embedders"] = _mapping(_SAID["embedders"], legs)
    places: Schema = {place: _list(_PLACES[place], "guardrail") for place in PLACES}
    content["guardrails"] = _mapping(_SAID["guardrails"], places)
    for name, model in SETTINGS.items():
        definitions.update(options_schema(model, f"{name} section"))
        content[name] = _section((model.__doc__ or "").strip().splitlines()[0], ref(f"{name} section"))
    licence = {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]}
    content["licences"] = _section(_SAID["licences"], {"type": "array", "items": licence})
    definitions.update(options_schema(Limits, "gate limits"))
    limits = {"anyOf": [ref("gate limits"), NULL]}
    # Names may be in any case, and patterns here have no flag for that.
    ranked = "|".join("".join(f"[{c}{c.upper()}]" for c in name) for name in (*RANKED, *SHORT))
    gate: Schema = {"type": "object", "properties": dict.fromkeys((*ANSWERED, *WHOLE), limits)}
    gate |= {"patternProperties": {rf"^({ranked})(@[1-9][0-9]{{0,3}})?$": limits}, "additionalProperties": False}
    content["gate"] = _section(_SAID["gate"], gate)
    return content


def _kind(kind: str, offers: list[Offer]) -> Schema:
    """Give the definitions of a kind: of each component's options, of a component, of a list, and of a list's patch."""
    made: Schema = {}
    for offer in offers:
        component = offer.component
        made.update(
            options_schema(component.options, f"{kind} {component.name}", component.summary, use=component.name)
        )
    if kind in ISOLATED_KINDS:
        for offer in offers:
            made[f"{kind} {offer.component.name}"].setdefault("properties", {}).update(_ISOLATION)
    if kind in BATCHED_KINDS:
        made.update(options_schema(Batching, KEY))
        for offer in offers:
            made[f"{kind} {offer.component.name}"].setdefault("properties", {})[KEY] = _BATCHING
    chosen = [_if_used(offer.component.name, ref(f"{kind} {offer.component.name}")) for offer in offers]
    inherited = {"if": {"required": ["use"]}, "else": _without_use(kind, offers, made)}
    use = {"description": f"The {kind}'s name.", **_names(offers)}
    made[kind] = {"type": "object", "properties": {"use": use}, "allOf": [*chosen, inherited]}
    items = {"allOf": [ref(kind), {"required": ["use"]}]}
    # By the value's type, so that an editor tells what is wrong within it and not that it is no list.
    patch = {"if": {"type": "object"}, "then": ref(f"{kind} patch")}
    made[f"{kind} list"] = {"type": ["array", "object", "null"], "items": items, "allOf": [patch]}
    made[f"{kind} patch"] = _patch(kind, offers)
    return made


def _patch(kind: str, offers: list[Offer]) -> Schema:
    entry = {"anyOf": [ref(kind), NULL]}
    properties: Schema = {}
    for offer in offers:
        name, summary = offer.component.name, offer.component.summary
        options = ref(f"{kind} {name}")
        changed = {"if": {"required": ["use"]}, "then": ref(kind), "else": options}
        properties[f"+{name}"] = _section(f"Adds one at the end: {summary}", options)
        properties[f"-{name}"] = {"type": "null", "description": f"Takes it away: {summary}"}
        properties[name] = {"description": f"Changes it: {summary}", "anyOf": [{"type": "object", **changed}, NULL]}
    return {
        "description": f"What changes in the parent's list of {kind}s: name, +name and -name.",
        "type": "object",
        "properties": properties,
        "patternProperties": {r"^\[[0-9]+\]$": {"description": "Changes the entry at this place.", **entry}},
        "additionalProperties": False,
    }


def _without_use(kind: str, offers: list[Offer], made: Schema) -> Schema:
    """Give the options of a component that the parent names: those of any, or of the one that is usual."""
    if kind in USUAL:
        offers = [offer for offer in offers if offer.component.name == USUAL[kind]] or offers
    found: dict[str, dict[str, Schema]] = {}
    for offer in offers:
        within = f"{kind} {offer.component.name}"
        for name, schema in made[within]["properties"].items():
            if name != "use":
                found.setdefault(name, {}).setdefault(json.dumps(schema), ref(f"{within}/properties/{name}"))
    either = {name: {"anyOf": list(one.values())} for name, one in sorted(found.items())}
    return {"properties": {"use": True, **either}, "additionalProperties": False}


def _if_used(name: str, then: Schema) -> Schema:
    return {"if": {"properties": {"use": {"const": name}}, "required": ["use"]}, "then": then}


def _names(offers: Iterable[Offer]) -> Schema:
    summaries = {offer.component.name: offer.component.summary for offer in offers}
    return _enum(summaries) if summaries else {"not": {}}  # nothing is offered, and an enum must not be empty


def _enum(described: Mapping[str, str]) -> Schema:
    told = list(described.values())
    return {"enum": list(described), "enumDescriptions": told, "markdownEnumDescriptions": told}


def _told(recipe: Path) -> str:
    said = read(recipe).at(("description",)).data
    return said if isinstance(said, str) else ""


def _section(description: str, schema: Schema) -> Schema:
    return {"description": description, "anyOf": [schema, NULL]}


def _list(description: str, kind: str) -> Schema:
    return {"description": description, "allOf": [ref(f"{kind} list")]}


def _mapping(description: str, properties: Schema) -> Schema:
    return _section(description, {"type": "object", "properties": properties, "additionalProperties": False})


def _of_kind(kind: str) -> str:
    """Give what a kind's hook says of it: "Where items come from."."""
    doc = getattr(hookspecs, f"offer_{_PLURALS.get(kind, kind + 's')}").__doc__ or ""
    said = doc.partition(": ")[2].partition(" (built")[0]
    return f"{said[:1].upper()}{said[1:]}."


def _once(offers: Iterable[Offer]) -> list[Offer]:
    return list({offer.component.name: offer for offer in offers}.values())


def _environment() -> Schema:
    return {
        "type": "string",
        "pattern": VARIABLE,
        "description": "The value of an environment variable, as a whole: '${NAME}'.",
    }
