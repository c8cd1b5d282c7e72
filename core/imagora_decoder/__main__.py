"""The program that decodes pictures in a process of its own, within limits; it imports Pillow and nothing of Imagora.

`imagora.pictures` starts it with the limits as JSON in its argument. It says "+" once it is ready. A frame is a length
(8 bytes, big-endian) and bytes; each request is one frame, each reply two: facts as JSON, or a "reason", and a PNG.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, UnidentifiedImageError

for _name in ("Avif", "Bmp", "Gif", "Jpeg", "Png", "Ppm", "Tiff", "WebP"):
    with suppress(ImportError):  # a Pillow that was built without it
        import_module(f"PIL.{_name}ImagePlugin")
FORMATS = [name for name in Image.OPEN if name != "DIB"]  # a bare bitmap has nothing to know it by
MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"II*\0": "TIFF",
    b"%PDF": "PDF",
    b"PK\3\4": "ZIP archive",
}
UPRIGHT = dict(enumerate((0, 3, 1, 5, 4, 6, 2), start=2))  # from EXIF's orientation to PIL.Image.Transpose
WEBP_PIXEL = 16  # bytes that its library and Pillow take for one
STRIP = 1_000_000  # pixels
LIFE, CHECK = 10_000, 1000  # pictures; then a fresh process, and sooner where a C library's leaks add up


def not_a_picture(data: bytes) -> str:
    """Say in words what a file is that no decoder takes."""
    like = next((name for magic, name in MAGIC.items() if data.startswith(magic)), "")
    if like in FORMATS:
        return f"the file is damaged: it begins like a {like}, and its header cannot be read"
    words, plain = data[:32].decode("utf-8", "ignore").split("\n")[0].strip(), min(data[:32]) >= ord("\t")
    text = f"the text '{words}'" if plain and words.isprintable() else f"the bytes {data[:8].hex(' ')}"
    like = "HEIF picture or a film" if data[4:8] == b"ftyp" else like
    return f"not a picture in a known format: it begins like {f'a {like}' if like else text}"


def eight_bits(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Give what scales greys of 16 bits by their full range to 0..255, and those of 32 bits by the range they use."""
    image.info.pop("transparency", None)  # its number is on the old scale
    if image.mode.startswith("I;16"):
        return lambda part: part.convert("I").point([value // 257 for value in range(65536)], "L")
    low, high = (float(end) for end in image.getextrema())  # type: ignore[arg-type] # one band: two numbers
    if not high - low < float("inf"):
        raise ValueError("its pixels are not finite numbers")
    if image.mode == "I" and low >= 0:
        low, high = 0, next((top for top in (255, 65535) if high <= top), high)
    scale = 255 / max(high - low, 1e-30)
    return lambda part: part.point(lambda value: value * scale - low * scale).convert("L")


def smooth(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Give what makes a part of a picture such that it can be shrunk: 8 bits a channel, no palette, on white."""
    if image.mode[0] in "IF":
        return eight_bits(image)
    if image.has_transparency_data:
        return on_white
    return (lambda part: part.convert("RGB")) if image.mode in ("1", "P") else (lambda part: part)


def on_white(part: Image.Image) -> Image.Image:
    """Put what is transparent on white."""
    part = part.convert("RGBA")
    white = Image.new("RGB", part.size, "white")
    white.paste(part, mask=part.getchannel("A"))
    return white


def shrunk(image: Image.Image, side: int) -> Image.Image:
    """Shrink to a longer side of at most `side`; a large picture in strips, so that it is in memory only once."""
    part, longer = smooth(image), max(image.size)
    factor = longer // (2 * side)
    if factor <= 1:
        small = part(image)
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        return small
    parts, height = [], factor * max(1, STRIP // (image.width * factor))
    for top in range(0, image.height, height):
        strip = image.crop((0, top, image.width, min(top + height, image.height)))
        parts.append((top // factor, part(strip).reduce(factor)))
    small = Image.new(parts[0][1].mode, (parts[0][1].width, -(-image.height // factor)))
    for top, strip in parts:
        small.paste(strip, (0, top))
    size = (max(1, round(image.width * side / longer)), max(1, round(image.height * side / longer)))
    return small.resize(size, Image.Resampling.LANCZOS, (0, 0, image.width / factor, image.height / factor))


def in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB, through the picture's colour profile where that fits its pixels and is not sRGB anyway."""
    from PIL import ImageCms  # few pictures need it

    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):  # a broken profile is dropped
        lab = ImageCms.createProfile("LAB") if image.mode == "LAB" else None
        source = ImageCms.ImageCmsProfile(lab or BytesIO(profile or b""))
        plain = (source.profile.profile_description or "").startswith("sRGB")
        if not plain and source.profile.xcolor_space.strip().upper() == image.mode:
            return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    return image.convert("RGB")


def upright_rgb(image: Image.Image, side: int) -> Image.Image:
    """Decode, shrink and turn a picture: upright RGB on white, its longer side at most `side`."""
    image.draft(None, (2 * side, 2 * side))  # None keeps the mode
    image.load()
    turn, profile = None, image.info.get("icc_profile")
    with suppress(Exception):  # damaged EXIF is no reason to lose the picture
        turn = UPRIGHT.get(image.getexif().get(0x0112, 1))  # after load, where Pillow turns a TIFF by itself
    inverted = image.format in ("JPEG", "MPO") and image.mode == "CMYK" and "adobe" not in image.info
    image = shrunk(image, side)
    if inverted:
        image = ImageChops.invert(image)  # Pillow takes all CMYK for Adobe's, whose inks are stored inverted
    image = in_srgb(image, profile) if profile or image.mode == "LAB" else image.convert("RGB")
    return image if turn is None else image.transpose(Image.Transpose(turn))


def webp_pixels(data: bytes) -> int:
    """Give the number of pixels that a WebP's header says, 0 for others; the library does not say what it lacks."""
    if data[:4] + data[8:12] != b"RIFFWEBP":
        return 0
    if data[12:16] == b"VP8X":
        return (1 + int.from_bytes(data[24:27], "little")) * (1 + int.from_bytes(data[27:30], "little"))
    if data[12:16] == b"VP8L":
        sizes = int.from_bytes(data[21:25], "little")
        return (1 + (sizes & 0x3FFF)) * (1 + (sizes >> 14 & 0x3FFF))
    sizes = int.from_bytes(data[26:30], "little")
    return (sizes & 0x3FFF) * (sizes >> 16 & 0x3FFF)


def stored_png(image: Image.Image) -> bytes:
    """Give an RGB picture as a PNG that is not compressed: its rows as they are, which Pillow cannot be asked for."""
    row, pixels = 3 * image.width, image.tobytes()
    rows = b"".join(b"\0" + pixels[at : at + row] for at in range(0, len(pixels), row))
    header = image.width.to_bytes(4) + image.height.to_bytes(4) + bytes((8, 2, 0, 0, 0))
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4) for name, body in chunks
    )


def decode(data: bytes, limits: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Give the facts and the PNG of a picture, or the reason why there are none."""
    most = limits["max_pixels"]
    try:
        if webp_pixels(data) * WEBP_PIXEL > limits["memory"]:
            raise MemoryError
        Image.MAX_IMAGE_PIXELS = None  # the check below says the size; Pillow's own is on while it decodes
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            size = f"{image.width}x{image.height}"
            if not 0 < image.width * image.height <= most:
                return {"reason": f"it has {size} pixels, and the limit is {most / 1e6:g} megapixels"}, b""
            Image.MAX_IMAGE_PIXELS = most
            frame = " (first frame)" if getattr(image, "is_animated", False) else ""
            original = f"{'JPEG' if image.format == 'MPO' else image.format} {size}{frame}"
            done = upright_rgb(image, limits["max_side"])
        if not limits["compress"]:
            png = stored_png(done)
        else:
            done.info = {}
            done.save(out := BytesIO(), "PNG", compress_level=1)
            png = out.getvalue()
    except UnidentifiedImageError:
        return {"reason": not_a_picture(data)}, b""
    except Exception as error:  # hostile bytes raise anything in a decoder, and all of it means the same
        words = " ".join(str(error).split())[:120] or type(error).__name__
        if isinstance(error, MemoryError) or words == "decoder error -9":  # Pillow's number for it
            allowed = f"{limits['memory'] / 1e6:g} MB"
            return {"reason": f"it needs more memory to decode than is allowed ({allowed})", "leaving": True}, b""
        return {"reason": "the file is cut off" if "truncated" in words else f"the file is damaged ({words})"}, b""
    return {"width": done.width, "height": done.height, "original": original}, png


def limit(**limits: float) -> None:
    """Set resource limits by name, never above those that hold already; there are none on Windows."""
    if sys.platform != "win32":
        import resource  # not there on Windows

        for name, value in limits.items():
            kind = getattr(resource, f"RLIMIT_{name}")
            hard = resource.getrlimit(kind)[1]
            with suppress(ValueError, OSError):  # macOS refuses some
                resource.setrlimit(kind, (int(value if hard == resource.RLIM_INFINITY else min(value, hard)), hard))


def count_down(seconds: float) -> None:
    """Let the system end this process after so much processor time; 0 calls it off. There is no such on Windows."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds)


def is_spent(number: int, memory: float) -> bool:
    """Say whether a process that has nothing to do should make room for a fresh one, after so many pictures."""
    if number % CHECK:
        return False
    try:
        size = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):  # not on Linux, and nobody says what has leaked
        return True
    return number == LIFE or size > memory / 2


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends us
    limits = json.loads(sys.argv[1])
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a C library that prints cannot break the frames
    sys.dont_write_bytecode = True
    sys.modules.get("PIL.AvifImagePlugin", Image).DEFAULT_MAX_THREADS = 1  # type: ignore[attr-defined] # workers are parallel
    limit(AS=limits["memory"], NOFILE=16, FSIZE=0, CORE=0)
    replies.write(b"+")
    for number in range(1, LIFE + 1):
        replies.flush()
        size = int.from_bytes(requests.read(8))
        data = requests.read(size)
        if not size or len(data) < size:
            return
        count_down(limits["seconds"])
        facts, png = decode(data, limits)
        count_down(0)
        for frame in (json.dumps({"leaving": is_spent(number, limits["memory"]), **facts}).encode(), png):
            replies.write(len(frame).to_bytes(8) + frame)
    replies.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
