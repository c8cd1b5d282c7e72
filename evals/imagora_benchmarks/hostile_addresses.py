"""What may stand where a picture's address should: none of it is one, or none of it may be asked."""

from __future__ import annotations

import base64
from collections.abc import Mapping

_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/><script>alert(1)</script></svg>'

ADDRESSES: Mapping[str, str] = {
    "nothing": "",
    "a word": "horse",
    "a file": "file:///etc/passwd",
    "a path": "/etc/passwd",
    "a script": "javascript:alert(1)",
    "a data address without a comma": "data:image/png;base64",
    "no bytes": "data:image/png;base64,",
    "no base64": "data:image/png;base64,????",
    "base64 that is cut off": "data:image/png;base64,iVBORw0KGgo",
    "a web page": "data:text/html;base64,PGgxPg==",
    "an svg with a script": "data:image/svg+xml;base64," + base64.b64encode(_SVG).decode(),
    "an svg as text": "data:image/svg+xml," + _SVG.decode().replace("#", "%23"),
    "percent signs": "data:image/png," + "%89PNG" * 100_000,
    "blanks": "data:image/png;base64," + " \n" * 1_000_000,
    "parameters": "data:image/png" + ";a=b" * 200_000 + ";base64,AAAA",
    "an address in an address": "data:image/png;base64," + base64.b64encode(b"data:image/png;base64,AAAA").decode(),
    "two commas": "data:image/png;base64,,AAAA",
    "a zero": "data:image/png;base64,\0",
    "letters that look like base64": "data:image/png;base64,\uff21\uff22\uff23\uff24",
    "half a letter": "data:image/png;base64,\ufffd",
    "this machine": "http://127.0.0.1:1/a.png",
    "a cloud's own": "http://169.254.169.254/latest/meta-data/",
    "the web": "https://www.example.com/a.png",
    "another protocol": "gopher://127.0.0.1:6379/_INFO",
    "long": "https://www.example.com/" + "a" * 100_000,
    "a name and a password": "https://me:secret@www.example.com/a.png",
}
