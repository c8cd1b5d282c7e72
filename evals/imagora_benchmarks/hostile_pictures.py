"""Odd, broken and hostile pictures, made by code: each as bytes, and whether it can be decoded."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms, ImageDraw, features


@dataclass(frozen=True)
class HostilePicture:
    """A file's bytes; good: whether there is a picture to be had, None where that is up to the limits of memory."""

    kind: str
    name: str
    make: Callable[[], bytes]
    good: bool | None


def pictures() -> list[HostilePicture]:
    """Give them all; the names have the usual endings."""
    kinds = {
        "odd but sound": (_odd(), True),
        "polyglot": (_polyglots(), True),
        "something else": (_something_else(), False),
        "cut off": (_cut_off(), False),
        "damaged": (_damaged(), False),
        "lies about its size": (_liars(), False),
        "bomb of pixels": (_pixel_bombs(), None),
        "bomb of memory": (_memory_bombs(), None),
        "bomb of time": (_time_bombs(), None),
    }
    made = []
    for kind, (pairs, good) in kinds.items():
        made += [HostilePicture(kind, name, make, good) for name, make in pairs]
    return [one for one in made if not one.name.endswith(".avif") or features.check("avif")]


Pairs = Iterator[tuple[str, Callable[[], bytes]]]


def scene(mode: str = "RGB", size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Draw a picture whose every turn looks different."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((size[0] // 2, size[1] // 8, size[0] - 4, size[1] // 2), fill="orange")
    draw.rectangle((0, 0, size[0] // 4, size[1] // 2), fill="navy")
    return image.convert(mode)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    """Give a picture as a file's bytes."""
    image.save(out := BytesIO(), form, **options)
    return out.getvalue()


def noise(side: int = 200) -> Image.Image:
    """Give a picture that does not get small in any format."""
    return Image.effect_noise((side, side), 90).convert("RGB")


def _odd() -> Pairs:
    for mode in ("1", "L", "LA", "P", "I;16", "RGBA"):
        yield f"mode {mode}.png", partial(_in_mode, mode, "PNG")
    for mode in ("CMYK", "LAB", "I", "F", "YCbCr"):
        yield f"mode {mode}.tif", partial(_in_mode, mode, "TIFF")
    yield "cmyk.jpg", lambda: encoded(scene("CMYK"), "JPEG")
    yield "progressive.jpg", lambda: encoded(scene(), "JPEG", progressive=True)
    yield "exif that is broken.jpg", lambda: encoded(scene(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    yield "orientation that is none.jpg", lambda: encoded(scene(), "JPEG", exif=_orientation(99))
    yield "profile that is none.png", lambda: encoded(scene(), "PNG", icc_profile=b"x" * 5000)
    yield "profile of another mode.png", lambda: encoded(scene("L"), "PNG", icc_profile=_srgb())
    yield "animated.gif", lambda: encoded(scene(), "GIF", save_all=True, append_images=[noise(64)] * 3)
    yield "animated.webp", lambda: encoded(scene(), "WEBP", save_all=True, append_images=[scene()] * 3)
    yield "pages.tif", lambda: encoded(scene(), "TIFF", save_all=True, append_images=[scene()] * 3)
    yield "one pixel.png", lambda: encoded(Image.new("RGB", (1, 1), "red"), "PNG")
    yield "a million wide.png", lambda: encoded(Image.new("L", (1_000_000, 1)), "PNG")
    yield "a million high.png", lambda: encoded(Image.new("L", (1, 1_000_000)), "PNG")
    yield "wrong ending.jpg", lambda: encoded(scene(), "PNG")
    yield "small.avif", lambda: encoded(scene(), "AVIF")


def _in_mode(mode: str, form: str) -> bytes:
    if mode == "I;16":
        return encoded(Image.new("I;16", (60, 40), 32896), form)
    if mode == "LAB":
        return encoded(Image.new("LAB", (60, 40), (136, 208, 195)), form)
    return encoded(scene("L").convert(mode) if mode in ("1", "LA", "I", "F") else scene(mode), form)


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _polyglots() -> Pairs:
    yield "and javascript.gif", lambda: encoded(scene(), "GIF") + b"*/=1;alert(1)//"
    yield "and a zip archive.jpg", lambda: encoded(scene(), "JPEG") + b"PK\3\4" + b"\0" * 26 + b"PK\5\6" + b"\0" * 18
    yield "and php.jpg", lambda: encoded(scene(), "JPEG", comment=b"<?php system($_GET['c']); ?>")
    yield "and a web page.png", lambda: encoded(scene(), "PNG") + b"<html><script>alert(1)</script></html>"
    yield "and a pdf.png", lambda: encoded(scene(), "PNG") + b"\n%PDF-1.4\n1 0 obj\n<</JS (x)>>\nendobj\n"
    yield "and a second picture.jpg", lambda: encoded(scene(), "JPEG") + encoded(noise(), "JPEG")


def _something_else() -> Pairs:
    yield "empty.png", bytes
    yield "one byte.png", lambda: b"\0"
    yield "zeros.png", lambda: bytes(100_000)
    yield "sixty megabytes of zeros.png", lambda: bytes(60_000_000)
    yield "larger than the limit.png", lambda: bytes(65_000_000)
    yield "a text.jpg", lambda: b"hello, I am a cat"
    yield "a web page.jpg", lambda: b"<!DOCTYPE html>\n<p>404"
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    laughs = (
        f'<!DOCTYPE svg [<!ENTITY l0 "lol">{entities}]><svg xmlns="http://www.w3.org/2000/svg"><text>&l9;</text></svg>'
    )
    yield "a billion laughs.png", laughs.encode
    yield "a program.png", lambda: b"\x7fELF\2\1\1" + bytes(500)
    yield "packed zeros.png", lambda: gzip.compress(bytes(50_000_000), 1)
    yield "postscript.jpg", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n"
    yield "a pdf.png", lambda: encoded(scene(), "PDF")
    yield "a picture behind a pdf.jpg", lambda: b"%PDF-1.4\n" + encoded(scene(), "JPEG")
    yield "an icon.png", lambda: encoded(scene(), "ICO")
    yield "a tga.png", lambda: encoded(scene(), "TGA")
    yield "heic.jpg", lambda: b"\0\0\0\x18ftypheic" + bytes(90)


def _cut_off() -> Pairs:
    yield "begun.jpg", lambda: b"\xff\xd8\xff\xe0"
    yield "begun.png", lambda: b"\x89PNG\r\n\x1a\n"
    yield "half.jpg", lambda: _half("JPEG")
    yield "half progressive.jpg", lambda: _half("JPEG", progressive=True)
    yield "half.png", lambda: _half("PNG")
    yield "half.gif", lambda: _half("GIF")
    yield "half.bmp", lambda: _half("BMP")
    yield "half.ppm", lambda: _half("PPM")
    yield "half.webp", lambda: _half("WEBP")
    yield "half.tif", lambda: _half("TIFF", compression="tiff_lzw")
    yield "half.avif", lambda: _half("AVIF")


def _half(form: str, **options: Any) -> bytes:
    whole = encoded(noise(), form, **options)
    return whole[: len(whole) // 2]


def _damaged() -> Pairs:
    yield "wrong checksum.png", lambda: encoded(scene(), "PNG").replace(b"IDAT", b"IDAT\xff", 1)
    yield "noise for pixels.png", lambda: png(60, 40, b"noise" * 40)
    yield "no pixels.png", lambda: png(60, 40, zlib.compress(b""))
    yield "no width.png", lambda: png(0, 40, zlib.compress(b""))
    yield "infinite.tif", lambda: encoded(Image.new("F", (9, 9), float("inf")), "TIFF")
    yield "strip behind the end.tif", lambda: tiff(60, 40, bytes(2400), at=10**9)
    yield "no colours.gif", lambda: b"GIF89a" + struct.pack("<HHBBB", 9, 9, 0, 0, 0) + b"," + bytes(40)
    yield "tables missing.jpg", lambda: encoded(scene(), "JPEG").replace(b"\xff\xdb", b"\xff\xfe")


def _liars() -> Pairs:
    yield "two billion wide.png", lambda: png(2**31 - 1, 2**31 - 1, b"")
    yield "four gigapixels.jpg", lambda: _patched(encoded(scene(), "JPEG"), b"\xff\xc0", 5, ">HH", 65500, 65500)
    yield "four gigapixels.gif", lambda: b"GIF89a" + struct.pack("<HH", 65535, 65535) + encoded(scene(), "GIF")[10:]
    yield "four gigapixels.bmp", lambda: _patched(encoded(scene(), "BMP"), b"BM", 18, "<ii", 60000, 60000)
    yield "four gigapixels.ppm", lambda: b"P6 65000 65000 255\n" + bytes(90)
    yield "four gigapixels.tif", lambda: tiff(65000, 65000, bytes(90))
    yield "four gigapixels.avif", lambda: _patched(encoded(scene(), "AVIF"), b"ispe", 8, ">II", 65000, 65000)
    yield "upside down and larger.bmp", lambda: _patched(encoded(scene(), "BMP"), b"BM", 18, "<ii", 60, -(2**31))


def _patched(data: bytes, mark: bytes, behind: int, form: str, *values: int) -> bytes:
    at = data.index(mark) + behind
    return data[:at] + struct.pack(form, *values) + data[at + struct.calcsize(form) :]


def _pixel_bombs() -> Pairs:
    yield "101 megapixels of grey.png", lambda: constant_png(10_100, 10_000, 0)
    yield "99 megapixels of grey.png", lambda: constant_png(11_000, 9_000, 0)
    yield "99 megapixels of colour.png", lambda: constant_png(11_000, 9_000, 2)
    yield "99 megapixels of glass.png", lambda: constant_png(11_000, 9_000, 6)
    yield "50 megapixels of glass.png", lambda: constant_png(10_000, 5_000, 6)
    yield "96 megapixels.webp", lambda: _constant_webp(12_000, 8_000)
    yield "64 megapixels, progressive.jpg", lambda: encoded(Image.new("L", (8_000, 8_000)), "JPEG", progressive=True)
    yield "64 megapixels.gif", lambda: encoded(Image.new("P", (8_000, 8_000)), "GIF")
    yield (
        "64 megapixels, packed.tif",
        lambda: encoded(Image.new("CMYK", (8_000, 8_000)), "TIFF", compression="packbits"),
    )
    yield "56 megapixels in one strip.tif", lambda: _one_strip(8_000, 7_000)
    yield "30 megapixels.avif", lambda: encoded(Image.new("RGB", (6_000, 5_000)), "AVIF", speed=10)
    yield "90 megapixels in twelve bytes.bmp", lambda: _run_length_bmp(9_500, 9_500)


def _constant_webp(width: int, height: int) -> bytes:
    small = encoded(Image.new("RGB", (8, 8)), "WEBP", lossless=True)
    rest = int.from_bytes(small[21:25], "little") >> 28
    return small[:21] + struct.pack("<I", width - 1 | height - 1 << 14 | rest << 28) + small[25:]


def _one_strip(width: int, height: int) -> bytes:
    return encoded(Image.new("RGB", (width, height)), "TIFF", compression="tiff_adobe_deflate", strip_size=2**30)


def _run_length_bmp(width: int, height: int) -> bytes:
    pixels = b"\xff\0\0\1"  # 255 times colour 0, and the end: all else is left out
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    return struct.pack("<2sIHHI", b"BM", 54 + 1024 + len(pixels), 0, 0, 54 + 1024) + header + bytes(1024) + pixels


def _memory_bombs() -> Pairs:
    packed = zlib.compress(bytes(90_000_000), 1)
    yield "exploding text.png", lambda: png(1, 1, zlib.compress(b"\0\0"), chunk(b"zTXt", b"k\0\0" + packed))
    yield "exploding profile.png", lambda: png(1, 1, zlib.compress(b"\0\0"), chunk(b"iCCP", b"k\0\0" + packed))
    yield "exploding pixels.png", lambda: png(8, 8, zlib.compress(bytes(200_000_000), 1))
    yield "profile of ten megabytes.jpg", lambda: encoded(scene(), "JPEG", icc_profile=_srgb() + bytes(10_000_000))
    yield "a tag of four billion numbers.tif", lambda: tiff(60, 40, bytes(2400), (0x8769, 4, 2**32 - 1, 8))


def _time_bombs() -> Pairs:
    yield "three thousand scans.jpg", lambda: _many_scans(3_000)
    yield "four million written numbers.ppm", lambda: b"P3 2000 700 255\n" + b"7 " * 4_200_000
    yield "a long remark.ppm", lambda: b"P6\n#" + b"x" * 2_000_000 + b"\n9 9 255\n" + bytes(243)
    yield (
        "a hundred thousand chunks.png",
        lambda: png(1, 1, zlib.compress(b"\0\0"), chunk(b"tEXt", b"k\0v") * 100_000),
    )
    yield (
        "two hundred thousand remarks.jpg",
        lambda: b"\xff\xd8" + b"\xff\xfe\0\3x" * 200_000 + encoded(scene(), "JPEG")[2:],
    )
    yield (
        "half a million remarks.gif",
        lambda: encoded(scene(), "GIF")[:13] + b"\0" * 768 + b"!\xfe" + b"\1x" * 500_000 + b"\0;",
    )
    yield "a hundred thousand pages.tif", lambda: tiff(60, 40, bytes(2400), pages=100_000)
    yield "pages in a ring.tif", lambda: tiff(60, 40, bytes(2400), after=8)
    yield (
        "two billion frames.png",
        lambda: png(9, 9, zlib.compress(bytes(90)), chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
    )


def _many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is there again and again: each goes over all of the picture."""
    whole = encoded(Image.new("L", (7_000, 7_000), 99), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * count + whole[-2:]


def chunk(kind: bytes, body: bytes) -> bytes:
    """Give a part of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, rows: bytes, *before: bytes, colour: int = 0) -> bytes:
    """Give a PNG of 8 bits a channel; rows: packed by zlib."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def constant_png(width: int, height: int, colour: int) -> bytes:
    """Give a PNG of one colour, which is small however many pixels it has."""
    row = bytes(width * {0: 1, 2: 3, 6: 4}[colour] + 1)
    packer = zlib.compressobj(1)
    return png(width, height, b"".join(packer.compress(row) for _ in range(height)) + packer.flush(), colour=colour)


def tiff(  # noqa: PLR0913 - what a header says
    width: int,
    height: int,
    pixels: bytes,
    *more: tuple[int, int, int, int],
    at: int | None = None,
    after: int = 0,
    pages: int = 1,
) -> bytes:
    """Give a grey TIFF of one strip; more: further tags. at: where its strip is said to be. after: the next page."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    size = 2 + 12 * (len(tags) + 3 + len(more)) + 4
    start = 8 + size * pages if at is None else at
    tags += [(273, 4, 1, start), (278, 4, 1, height), (279, 4, 1, len(pixels)), *more]
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    nexts = [8 + size * (page + 1) for page in range(pages - 1)] + [after]
    return b"II*\0" + struct.pack("<I", 8) + b"".join(body + struct.pack("<I", to) for to in nexts) + pixels
