"""PDF files for the tests of `pdf`, written by hand: each page a text on a coloured ground."""

from __future__ import annotations

from collections.abc import Sequence

COLOURS = {"red": "0.86 0.12 0.12", "blue": "0.12 0.24 0.86", "white": "1 1 1"}


def pdf(
    pages: Sequence[tuple[str, str]],
    title: str = "",
    box: str = "0 0 300 200",
    trailer: str = "",
    count: int | None = None,
) -> bytes:
    """Give a PDF with a page for each (words, colour)."""
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages) if count is None else count} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Title ({title}) >>",
    ]
    for number, (words, colour) in enumerate(pages):
        drawn = f"{COLOURS[colour]} rg 0 0 5000 5000 re f 0 0 0 rg BT /F1 18 Tf 20 100 Td ({words}) Tj ET"
        resources = "/Resources << /Font << /F1 3 0 R >> >>"
        bodies.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] {resources} /Contents {6 + 2 * number} 0 R >>")
        bodies.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    return whole(bodies, trailer)


def whole(bodies: Sequence[str], trailer: str = "") -> bytes:
    """Put objects together: their bodies, where they are, and what the reader begins with."""
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R /Info 4 0 R {trailer} >>\nstartxref\n{len(data)}\n%%EOF\n"
    return data + f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{table}{end}".encode()


LOCK = "/Filter /Standard /V 1 /R 2 /Length 40 /P -44"
ENCRYPTED = f"/Encrypt << {LOCK} /O <{'41' * 32}> /U <{'42' * 32}> >> /ID [<{'43' * 16}> <{'43' * 16}>]"
"""For the trailer: a lock whose password nobody has."""
