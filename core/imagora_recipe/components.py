"""One component of a recipe: its name, its process, its options and what is within them, checked at their places."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from imagora.catalog import KINDS, Catalog
from imagora.errors import PluginError, Problem, did_you_mean
from imagora.options import Nested, Options
from imagora_batching.options import BATCHED_KINDS, KEY, OFF, Batching
from imagora_isolation.planning import KEYS, Isolation, checked_there, why_not
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from .extends import SHIPPED
from .plan import Planned
from .sections import USUAL
from .tree import Value, masked, replaced, without_passwords

OptionsT = TypeVar("OptionsT", bound=Options)


class ComponentChecker:
    """Checks components and collects what is wrong with them."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.problems: list[Problem] = []
        self.environment: set[str] = set()
        self.places: set[tuple[str, int, int | str]] = set()

    def listed(self, kind: str, value: Value | None, where: str) -> tuple[Planned, ...]:
        if value is None:
            return ()
        if not isinstance(value.data, list):
            self.wrong("IMG-303", value, where, f"must be a list of {kind}s, e.g. [{{use: …}}]")
            return ()
        found = (self.component(kind, part, f"{where}[{place}]") for place, part in enumerate(value.data))
        return tuple(planned for planned in found if planned)

    def component(self, kind: str, value: Value, where: str) -> Planned | None:
        if where == "engine" and isinstance(value.data, str):
            value = Value({"use": value}, value.mark, value.key)
        use = value.data.get("use") if isinstance(value.data, dict) else None
        if use is None and isinstance(value.data, dict) and where in USUAL:
            use = replaced(value, USUAL[where], secret=False)
        if use is None or not isinstance(use.data, str):
            names = ", ".join(offer.component.name for offer in self.catalog.offers(kind))
            self.wrong("IMG-304", use or value, where, f"must name a component: {{use: …}} (there is: {names})")
            return None
        value, batching = self._batching(kind, value, where)
        own, isolation = self._isolation(kind, use.data, value, where, batching)
        if isolation is not None and isolation.python is not None:
            return self._foreign(isolation, value, use, where)
        try:
            offer = self.catalog.get(kind, use.data)
        except PluginError as error:
            elsewhere = [
                k for k in KINDS if k != kind and any(o.component.name == use.data for o in self.catalog.offers(k))
            ]
            hint = f"; '{use.data}' is a component of the kind {' and '.join(elsewhere)}" if elsewhere else ""
            self.wrong(error.code, use, where, f"{error}{hint}")
            return None
        if missing := offer.missing():
            packages = ", ".join(f"'{package}'" for package in missing)
            self.wrong(
                "IMG-306",
                use,
                where,
                f"'{use.data}' needs what is not installed ({packages}); type: {offer.pip_line()}",
            )
            return None
        options = self.options(offer.component.options, own, where)
        if options is None:
            return None
        planned = Planned(where, offer, options, use.mark, tuple(value.secrets()), isolation, batching)
        if isolation is not None and any(planned.nested()):
            self.wrong("IMG-321", value, where, f"'{use.data}' has components within its options, and stays here")
        return planned

    def _batching(self, kind: str, value: Value, where: str) -> tuple[Value, Batching | None]:
        """Give a component without what is said of its gathered calls, and that; the usual where nothing is said."""
        if kind not in BATCHED_KINDS or not isinstance(value.data, dict):
            return value, None
        said = value.data.get(KEY)
        if said is None:
            return value, Batching()
        rest = replace(value, data={key: part for key, part in value.data.items() if key != KEY})
        if said.data is None or said.data == OFF:
            return rest, None if said.data else Batching()
        if not isinstance(said.data, dict):
            self.wrong(
                "IMG-303", said, f"{where}.{KEY}", f"must be '{OFF}' or a mapping, e.g. {{wait: 0.01, most: 32}}"
            )
            return rest, None
        return rest, self.options(Batching, said, f"{where}.{KEY}")

    def _isolation(
        self, kind: str, name: str, value: Value, where: str, batching: Batching | None
    ) -> tuple[Value, Isolation | None]:
        """Give a component's own options without what is said of its process, and that."""
        said = value.data if isinstance(value.data, dict) else {}
        isolate, python = (said.get(key) for key in KEYS)
        if isolate is None:
            return value, None
        own = {key: part for key, part in said.items() if key not in KEYS}
        if wrong := why_not(kind, isolate.plain()):
            self.wrong("IMG-321", isolate, f"{where}.isolate", wrong)
            return replace(value, data=own), None
        options = {key: part.plain() for key, part in own.items() if key != "use"}
        folders = {key: _folder(part).resolve() for key, part in own.items()}
        other = None if python is None else Path(_folder(python), Path(str(python.data)).expanduser()).absolute()
        made = Isolation(kind, name, options, folders, Path(value.mark.file).stem, other, batching)
        return replace(value, data=own), made

    def _foreign(self, isolation: Isolation, value: Value, use: Value, where: str) -> Planned | None:
        """Let the environment that a component runs in check it."""
        checked = checked_there(isolation)
        for kind, place, what in checked.problems:
            here, dotted = value.at(place), where + "".join(f".{step}" for step in place if step != "use")
            code = {"extra": "IMG-307", "missing": "IMG-308", "value": "IMG-309", "use": "IMG-305"}.get(kind, "IMG-321")
            self.wrong(code, here, dotted, what, at_key=kind == "extra", also=kind == "missing")
        if checked.offer is None or checked.options is None:
            return None
        return Planned(
            where, checked.offer, checked.options, use.mark, tuple(value.secrets()), isolation, isolation.batching
        )

    def options(self, model: type[OptionsT], value: Value, where: str) -> OptionsT | None:
        if not isinstance(value.data, dict):
            self.wrong("IMG-303", value, where, "must be a mapping")
            return None
        given = {name: part for name, part in value.data.items() if name != "use"}
        folders = {name: _folder(part) for name, part in given.items()}
        before = len(self.problems)
        nested = {
            name: self._nested(kind, given[name], f"{where}.{name}")
            for name, field in model.model_fields.items()
            if name in given and (kind := nested_kind(field.annotation, *field.metadata))
        }
        wrong = len(self.problems) > before
        try:
            plain = {name: nested[name] if name in nested else part.plain() for name, part in given.items()}
            options = model.model_validate(plain, context={"folders": folders})
            return None if wrong else options
        except ValidationError as invalid:
            found = invalid.errors(include_url=False)
            for error in found:
                if error["type"] == "too_short" and any(o["loc"][:-1] == error["loc"] for o in found):
                    continue  # it counts only those that are fine
                if not (wrong and error["loc"] and error["loc"][0] in nested):  # which only follows
                    self._invalid(model, error, value, where)
        except Exception as error:  # a stranger's validator may raise anything
            self.wrong("IMG-310", value, where, f"the options cannot be checked: {type(error).__name__}: {error}")
        return None

    def _nested(self, kind: str, value: Value, where: str) -> object:
        if isinstance(value.data, list):
            return self.listed(kind, value, where)
        if value.data == "passages":  # the word for a fallback that is no component
            return value.data
        return None if value.data is None else self.component(kind, value, where)

    def _invalid(self, model: type[Options], error: ErrorDetails, value: Value, where: str) -> None:
        path = error["loc"]
        here = value.at(path)
        if error["type"] not in {"extra_forbidden", "missing"}:
            path = value.reached(path)  # pydantic names the members of a union too, which are no keys of the recipe
        dotted = where + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        if error["type"] == "extra_forbidden":
            known = _fields(model, path[:-1])
            self.wrong(
                "IMG-307",
                here,
                dotted,
                f"there is no option '{path[-1]}'{did_you_mean(str(path[-1]), known)}",
                at_key=True,
            )
        elif error["type"] == "missing":
            field = _fields(model, path[:-1]).get(str(path[-1]))
            meant = f": {field.description.removesuffix('.')}" if field and field.description else ""
            self.wrong("IMG-308", here, dotted, f"the option '{path[-1]}' is missing{meant}", also=True)
        else:
            said = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
            said = masked(said, value.secrets())  # a validator may quote the value that it refuses
            hidden = isinstance(here.data, dict | list) or str(here.data) in value.secrets()
            shown = "" if hidden else f", and it is '{without_passwords(str(here.data))[:80]}'"
            self.wrong("IMG-309", here, dotted, said[:1].lower() + said[1:] + shown)

    def wrong(  # noqa: PLR0913 - what a problem is made of, and two flags
        self, code: str, value: Value, where: str, what: str, *, at_key: bool = False, also: bool = False
    ) -> None:
        # A second problem at one place only follows from the first; with `also`, about what is not there, it does not.
        problem = (value.key if at_key else value.mark).problem(code, where, masked(what, value.secrets()))
        place = (problem.file, problem.line, problem.column or where)  # what --set says has no column
        if also or place not in self.places:
            self.problems.append(problem)
        if not also:
            self.places.add(place)


def _fields(model: type[Options], path: tuple[str | int, ...]) -> dict[str, FieldInfo]:
    # Options can hold options; what is in there is looked up along the error's path.
    for step in path:
        if isinstance(step, int):
            continue  # a place in a list of them
        annotation: Any = model.model_fields[step].annotation if step in model.model_fields else None
        inner = [part for part in (annotation, *get_args(annotation)) if isinstance(part, type)]
        models = [part for part in inner if issubclass(part, Options)]
        if not models:
            return {}
        model = models[0]
    return dict(model.model_fields)


def nested_kind(*parts: Any) -> str | None:
    """Give the kind of the component that an option is, of its annotation and metadata; None where it is none."""
    # The mark may be on the whole annotation, or inside of it: `Annotated[…] | None`, `tuple[Annotated[…], ...]`.
    for part in parts:
        inner = () if get_origin(part) is dict else get_args(part)
        kind = part.kind if isinstance(part, Nested) else nested_kind(*inner)
        if kind:
            return kind
    return None


def _folder(value: Value) -> Path:
    folder = Path(value.mark.file).parent
    return Path() if folder.resolve() == SHIPPED.resolve() else folder
