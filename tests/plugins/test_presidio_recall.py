"""How much of what is personal is found, and how often something that is not is taken for it.

Sentences are made by code with a fixed seed; `pytest -s` prints the table.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections import Counter
from collections.abc import Callable

import phonenumbers
import pytest
from imagora.stages import Scope, Verdict
from imagora_presidio.guardrail import PresidioGuardrail
from imagora_presidio.options import DEFAULT_ENTITIES, DEFAULT_MODEL, PresidioOptions
from imagora_presidio.placeholders import PLACEHOLDER

pytest.importorskip("presidio_analyzer", reason="needs the extra: pip install 'imagora[presidio]'")

PER_ENTITY = 300
STRUCTURED = ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS")
REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "BE", "CH", "AT", "PL", "SE", "AU", "IN", "BR", "JP")
EVERYWHERE = sorted(phonenumbers.SUPPORTED_REGIONS)

# The sentences of an entity, with and without a word that says what the value is. Values that are bare digits are
# ambiguous by nature and come only where a word says it, as they do in what people write.
TALK = {
    "EMAIL_ADDRESS": (
        "Write to {} about the kettle.",
        "{}",
        "my email is {}",
        "Contact: <{}>, please",
        "({}) asked twice",
        "as {} wrote [1]",
    ),
    "PHONE_NUMBER": (
        "Call me at {} tomorrow.",
        "My phone number is {}",
        "tel: {}",
        "Reach the shop on {}, ask for Tom",
        "Her phone is {} [1] [2]",
        "fax {} (2 pages)",
        "They are not answering at {}",
        "Ann Lee, kettles, {}-Office, Bonn",
        r"Ann Lee\nPhone:\n{}\nKettles",
    ),
    "CREDIT_CARD": (
        "My card is {}, please charge it.",
        "I paid with {} last week",
        "visa {} exp 12/27",
        "Card number: {}",
        r"Card:\n{}\nAnn Lee",
        "the card {} [3]",
    ),
    "IBAN_CODE": ("Transfer it to {} today", "IBAN: {}", "my account {}, thanks", "{} is where the refund goes"),
    "US_SSN": (
        "My SSN is {}.",
        "social security number {} on file",
        "SSN: {}",
        "his ssn {} [1]",
        "{} is my social security number",
    ),
    "IP_ADDRESS": ("I logged in from {} yesterday", "IP: {}", "the server {} is down.", "Blocked {}, sorry"),
}
QUIET = {
    "PHONE_NUMBER": ("Ann, {}, red kettle", "Delivery for {}", "{}"),
    "CREDIT_CARD": ("Take {} for the order of last week", "{}"),
    "IBAN_CODE": ("{}", "Send the money back, {} please"),
    "US_SSN": ("It is {}, I believe", "{}"),
}


def luhn(body: str) -> str:
    """Give the body with its check digit: every second digit from the right doubled, the sum a multiple of ten."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def email(chance: random.Random) -> tuple[str, bool]:
    name = chance.choice(["anna.schmidt", "j_doe", "o'neil", "mary+shop", "x", "łukasz", "li-wei", "R.Kumar", "user"])
    host = chance.choice(
        [
            "example.com",
            "mail.co.uk",
            "firma.de",
            "uni-koeln.de",
            "a.b.museum",
            "corp.local",
            "shop.io",
            "xn--bcher-kva.example",
        ]
    )
    return f"{name}{chance.randrange(999)}@{host}", False


def phone(chance: random.Random) -> tuple[str, bool]:
    """Make a number of any country with its code, or of one of the default regions without; True: bare digits."""
    form = chance.randrange(6)
    if form == 0:
        area, prefix, line = chance.randrange(200, 999), chance.randrange(200, 999), digits(chance, 4)
        shape = chance.choice(["({}) {}-{}", "{}-{}-{}", "{}.{}.{}", "+1 {} {} {}", "1-{}-{}-{}", "+1-{}-{}-{}x204"])
        return shape.format(area, prefix, line), False
    region = chance.choice(EVERYWHERE if form < 3 else REGIONS)
    number = None
    while number is None or not phonenumbers.is_valid_number(number):
        kind = chance.choice([phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE])
        example = phonenumbers.example_number_for_type(region, kind) or phonenumbers.example_number(region)
        national = str(example.national_number)
        kept = chance.randrange(2, max(3, len(national) - 3))
        changed = phonenumbers.PhoneNumber(
            example.country_code,
            int(national[:kept] + digits(chance, len(national) - kept)),
            italian_leading_zero=example.italian_leading_zero,
            number_of_leading_zeros=example.number_of_leading_zeros,
        )
        number = changed
    if form < 3:
        kinds = [phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164]
        return phonenumbers.format_number(number, chance.choice(kinds)), False
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return written, not (written[0] in "0(" and not written.isdigit())


def card(chance: random.Random) -> tuple[str, bool]:
    start, length, groups = chance.choice(
        [
            ("4", 16, (4, 4, 4, 4)),
            ("4", 19, (4, 4, 4, 4, 3)),
            ("5" + chance.choice("12345"), 16, (4, 4, 4, 4)),
            (str(chance.randrange(2221, 2721)), 16, (4, 4, 4, 4)),
            (chance.choice(["34", "37"]), 15, (4, 6, 5)),
            ("6011", 16, (4, 4, 4, 4)),
            ("65", 16, (4, 4, 4, 4)),
            ("35" + str(chance.randrange(28, 90)), 16, (4, 4, 4, 4)),
            (chance.choice(["36", "38", "300"]), 14, (4, 6, 4)),
            ("62", 16, (4, 4, 4, 4)),
            ("4", 13, (4, 3, 3, 3)),
            ("5018", 12, (4, 4, 4)),
        ]
    )
    number = luhn(start + digits(chance, length - len(start) - 1))
    separator, parts, place = chance.choice(["", " ", "-", " ", "."]), [], 0
    for size in groups:
        parts.append(number[place : place + size])
        place += size
    return separator.join(parts), length < 14


IBANS = {
    "DE": "n18",
    "GB": "a4n14",
    "FR": "n10c11n2",
    "NL": "a4n10",
    "ES": "n20",
    "IT": "a1n10c12",
    "NO": "n11",
    "BE": "n12",
    "MT": "a4n5c18",
    "PL": "n24",
    "CH": "n5c12",
    "SA": "n2c18",
    "AE": "n19",
    "SE": "n20",
    "BR": "n23a1c1",
    "EG": "n25",
    "UA": "n6c19",
    "LC": "a4c24",
}


def iban(chance: random.Random) -> tuple[str, bool]:
    country, body, form = chance.choice(sorted(IBANS)), "", ""
    for character in IBANS[country] + "#":
        if character.isdigit():
            form += character
            continue
        if form:
            letters = {"n": "0123456789", "a": "ABCDEFGHIJ", "c": "0123456789ABCXYZ"}[form[0]]
            body += "".join(chance.choice(letters) for _ in range(int(form[1:])))
        form = character
    moved = "".join(str(ord(one) - 55) if one.isalpha() else one for one in body + country + "00")
    whole = f"{country}{98 - int(moved) % 97:02d}{body}"
    written = " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))
    return chance.choice([whole, written, written.replace(" ", "-"), whole.lower()]), False


def ssn(chance: random.Random) -> tuple[str, bool]:
    area = chance.choice([number for number in range(1, 900) if number != 666])
    separator = chance.choice(["-", "-", " ", ".", ""])
    parts = f"{area:03d}", f"{chance.randrange(1, 100):02d}", f"{chance.randrange(1, 10000):04d}"
    return separator.join(parts), not separator


def ip(chance: random.Random) -> tuple[str, bool]:
    if chance.random() < 0.5:
        return str(ipaddress.IPv4Address(chance.randrange(1 << 24, (1 << 32) - 1))), False
    address = ipaddress.IPv6Address((0x20010DB8 << 96) | chance.getrandbits(chance.choice([16, 48, 90])))
    return chance.choice([str(address), address.exploded, str(address).upper()]), False


MAKERS: dict[str, Callable[[random.Random], tuple[str, bool]]] = {
    "EMAIL_ADDRESS": email,
    "PHONE_NUMBER": phone,
    "CREDIT_CARD": card,
    "IBAN_CODE": iban,
    "US_SSN": ssn,
    "IP_ADDRESS": ip,
}


def sentences(entity: str, seed: int = 0) -> list[tuple[str, str]]:
    """Give pairs of a sentence with a hole and the value for it."""
    chance = random.Random(f"{entity}{seed}")
    made = []
    for _ in range(PER_ENTITY):
        value, ambiguous = MAKERS[entity](chance)
        made.append((chance.choice(TALK[entity] + (() if ambiguous else QUIET.get(entity, ()))), value))
    return made


FIRST = ("Anna", "Rajesh", "Maria", "John", "Wei", "Fatima", "Lars", "Chiara", "Kwame", "Olga", "Pedro", "Emily")
LAST = (
    "Schmidt",
    "Kumar",
    "Garcia",
    "Smith",
    "Chen",
    "Hassan",
    "Nielsen",
    "Rossi",
    "Mensah",
    "Ivanova",
    "Silva",
    "Clark",
)
PERSONS = (
    "My name is {} and I want a refund.",
    "{} ordered two lamps.",
    "Is the bag that {} bought still there?",
    "Please tell {} that the chair is here.",
    "I am {}, a customer.",
)


def ean13(body: str) -> str:
    return body + str(-sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body)) % 10)


def catalogue(count: int, seed: int = 0) -> list[str]:
    """Make sentences as they stand in a catalogue; nothing in them is personal."""
    chance, made = random.Random(seed), []
    things = (
        "kettle",
        "oak table",
        "desk lamp",
        "running shoes",
        "porcelain cup",
        "rocket model",
        "leather bag",
        "cat bed",
        "drill",
        "rug",
    )
    brands = (
        "Bosch",
        "Makita",
        "Nikon D850",
        "Le Creuset",
        "KitchenAid",
        "Levi's 501",
        "Dr. Martens",
        "Barbie",
        "Philips",
        "Apple",
    )
    shapes = (
        "A {colour} {thing}, {price} euro, model {model}",
        "{brand} {thing}, {w} x {d} x {h} cm, {price} €",
        "{thing} from {year}, ISBN {isbn}",
        "EAN {ean}, {colour} {thing}",
        "{colour} {thing}, size {size}, {w}-{h} mm, SKU {sku}",
        "Order no. {order}: {thing}, {count} pieces, ${price}",
        "Show me a {colour} {thing} under {price} dollars",
        "{ean}",
        "{brand} {thing} {year}-{year2}, serial number {serial}",
        "Photo {picture} of a {thing}, {w}x{h} px, shot at 1/{w} s, ISO {iso}",
        "Firmware version {v}.{w}.0.{d} for the {thing}",
        "{thing}, weighs {w}.{d} kg, holds {h} ml, {year}-0{d}-1{d}",
        "Open 09:00-17:30, {thing} on sale",
        "Which {thing} has the {brand} logo?",
        "picture logo@2x.png of a {thing}",
        "{thing}: {w} 000 {h}00 sold since {year}",
        "US{isbn10}, {thing}",
    )
    for _ in range(count):
        isbn = ean13("978" + digits(chance, 9))
        year = chance.randrange(1900, 2025)
        made.append(
            chance.choice(shapes).format(
                colour=chance.choice(("red", "blue", "ruby", "olive")),
                thing=chance.choice(things),
                brand=chance.choice(brands),
                price=f"{chance.randrange(5, 2000)}.{chance.randrange(100):02d}",
                model=chance.randrange(1000, 99999),
                w=chance.randrange(10, 400),
                d=chance.randrange(1, 9),
                h=chance.randrange(10, 400),
                year=year,
                year2=year + 5,
                size=chance.randrange(30, 48),
                count=chance.randrange(1, 99),
                isbn=chance.choice([isbn, f"{isbn[:3]}-{isbn[3]}-{isbn[4:6]}-{isbn[6:12]}-{isbn[12]}"]),
                isbn10=digits(chance, 10),
                ean=ean13(chance.choice(("400", "501", "0", "871", "45")).ljust(4, "1") + digits(chance, 8)),
                sku=f"{digits(chance, 4)}-{digits(chance, 4)}",
                order=digits(chance, chance.choice((8, 9, 10, 12))),
                serial=digits(chance, 11),
                picture=f"IMG_{digits(chance, 4)}",
                v=chance.randrange(1, 9),
                iso=chance.choice((100, 400, 3200)),
            )
        )
    return made


def checked(texts: list[str], **options: object) -> list[Verdict]:
    guardrail = PresidioGuardrail(PresidioOptions.model_validate(options), DEFAULT_MODEL)
    return asyncio.run(guardrail.acheck(texts, "passages", Scope()))


def found_in(texts: list[str], **options: object) -> list[tuple[str, ...]]:
    return [verdict.reasons for verdict in checked(texts, **options)]


def is_gone(hole: str, value: str, after: str) -> bool:
    """Say whether no three characters in a row of the value are left, placeholders and the sentence's own aside."""
    left = PLACEHOLDER.sub(" ", after)
    return not any(value[at : at + 3] in left and value[at : at + 3] not in hole for at in range(len(value) - 2))


@pytest.mark.parametrize("entity", STRUCTURED)
def test_values_with_a_form_are_found_and_taken_out_whole(entity: str) -> None:
    made = sentences(entity)
    verdicts = checked([hole.format(value) for hole, value in made])
    rows = [(hole, value, verdict) for (hole, value), verdict in zip(made, verdicts, strict=True)]
    missed = [
        (hole.format(value), verdict.text) for hole, value, verdict in rows if not is_gone(hole, value, verdict.text)
    ]
    named = sum(entity in verdict.reasons for verdict in verdicts) / len(made)
    recall = 1 - len(missed) / len(made)
    print(f"\n{entity:14} {len(made)} sentences  taken out whole {recall:.3f}  named rightly {named:.3f}")
    assert recall >= 0.98, missed[:20]
    assert named >= 0.95, [hole.format(value) for hole, value, verdict in rows if entity not in verdict.reasons][:20]


def test_names_of_people_are_mostly_found() -> None:
    chance = random.Random(7)
    made = [chance.choice(PERSONS).format(f"{chance.choice(FIRST)} {chance.choice(LAST)}") for _ in range(PER_ENTITY)]
    recall = sum("PERSON" in found for found in found_in(made)) / len(made)
    print(f"\nPERSON         {len(made)} sentences  recall {recall:.3f}")
    assert recall >= 0.85


def test_a_catalogue_is_mostly_left_alone() -> None:
    texts = catalogue(600)
    alarms = found_in(texts)
    counts = Counter(entity for found in alarms for entity in found)
    wrong = [(text, found) for text, found in zip(texts, alarms, strict=True) if found]
    print(f"\nfalse alarms on {len(texts)} catalogue sentences: {len(wrong) / len(texts):.3f} {dict(counts)}")
    assert sum(1 for _, found in wrong if set(found) & set(STRUCTURED)) / len(texts) <= 0.02, wrong[:20]
    assert len(wrong) / len(texts) <= 0.05, wrong[:20]


def test_places_and_companies_are_off_because_catalogues_are_full_of_them() -> None:
    texts = catalogue(300, seed=1)
    off = sum(map(bool, found_in(texts)))
    on = sum(map(bool, found_in(texts, entities=[*DEFAULT_ENTITIES, "LOCATION", "ORGANIZATION"])))
    print(f"\nfalse alarms of 300: {off} by default, {on} with LOCATION and ORGANIZATION")
    assert off < on / 3
