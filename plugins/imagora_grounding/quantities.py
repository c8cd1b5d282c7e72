"""Numbers with their units, in one measure, so that 1.5 kg and 1,500 g are the same."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAMES = """
    zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred dozen
""".split()  # noqa: SIM905 - thirty quoted words read worse
_WORDS = dict(zip(_NAMES, [0, *range(2, 21), 30, 40, 50, 60, 70, 80, 90, 100, 12], strict=True))
_UNITS: dict[str, tuple[str, float]] = {
    name: (measure, factor)
    for measure, factor, names in (
        ("mass", 0.001, "mg milligram milligrams"),
        ("mass", 1.0, "g gram grams gramme grammes gramm"),
        ("mass", 1000.0, "kg kilo kilos kilogram kilograms kilogramm"),
        ("length", 0.001, "mm millimetre millimetres millimeter millimeters"),
        ("length", 0.01, "cm centimetre centimetres centimeter centimeters zentimeter"),
        ("length", 1.0, "m metre metres meter meters"),
        ("length", 1000.0, "km kilometre kilometres kilometer kilometers"),
        ("length", 0.0254, "inch inches"),
        ("volume", 0.001, "ml millilitre millilitres milliliter milliliters"),
        ("volume", 0.01, "cl"),
        ("volume", 1.0, "l litre litres liter liters"),
        ("power", 1.0, "w watt watts"),
        ("power", 1000.0, "kw kilowatt kilowatts"),
        ("tension", 1.0, "v volt volts"),
        ("euro", 1.0, "\u20ac eur euro euros"),
        ("dollar", 1.0, "$ usd dollar dollars"),
        ("pound", 1.0, "\u00a3 gbp"),
        ("share", 1.0, "% percent"),
        ("degree", 1.0, "\u00b0c degrees degree celsius"),
        ("time", 1.0, "s second seconds"),
        ("time", 60.0, "min minute minutes"),
        ("time", 3600.0, "h hour hours"),
        ("time", 86400.0, "day days"),
        ("time", 604800.0, "week weeks"),
        ("months", 1.0, "month months"),
        ("months", 12.0, "year years"),
    )
    for name in names.split()
}
_NUMBER = re.compile(
    r"(?P<before>[\u20ac$\u00a3]\s?)?(?<![\w.,])(?<![A-Za-z]-)(?P<number>\d{1,3}(?:[,\u202f\u00a0' ]\d{3})+(?:\.\d+)?|"
    r"\d{1,3}(?:\.\d{3})+(?:,\d+)|\d+(?:[.,]\d+)?|"
    rf"\b(?:{'|'.join(_WORDS)})\b)(?P<tail>-?\s?(?P<unit>[a-z%\u20ac$\u00a3\u00b0]+))?",
    re.IGNORECASE,
)


UNITS = frozenset(_UNITS)
"""The names of units."""


@dataclass(frozen=True)
class Quantity:
    """A number and what it measures, "" for a bare number."""

    value: float
    measure: str = ""


def quantities(text: str) -> list[Quantity]:
    """Give the numbers of a text, each with its unit where it has one."""
    found = []
    for match in _NUMBER.finditer(text):
        unit = (match["unit"] or (match["before"] or "").strip()).lower()
        if unit not in _UNITS:
            unit = (match["before"] or "").strip()
        measure, factor = _UNITS.get(unit, ("", 1.0))
        found.append(Quantity(round(_value(match["number"]) * factor, 9), measure))
    return found


def supported(one: Quantity, there: Iterable[Quantity]) -> bool:
    """Say whether a quantity is among others; where one of the two has no unit, the number alone decides."""
    return any(
        abs(one.value - other.value) <= 1e-6 * max(1.0, abs(one.value))
        and (one.measure == other.measure or not one.measure or not other.measure)
        for other in there
    )


def _value(written: str) -> float:
    if written.lower() in _WORDS:
        return float(_WORDS[written.lower()])
    plain = re.sub(r"[\u202f\u00a0' ]", "", written)
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d+", plain):
        return float(plain.replace(".", "").replace(",", "."))
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain):
        return float(plain.replace(",", ""))
    return float(plain.replace(",", "."))
