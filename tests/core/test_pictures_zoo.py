"""Odd and hostile files: each is decoded as it should be, or refused with a reason."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from imagora.errors import PictureError
from imagora.item import Picture
from imagora.pictures import PictureDecoder, PictureLimits
from PIL import Image, ImageCms, ImageDraw, features

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture(scope="module")
def decoder() -> Iterator[PictureDecoder]:
    with PictureDecoder(1, PictureLimits(seconds=60)) as decoder:
        yield decoder


def scene(mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> Image.Image:
    """A picture whose left third is red and the rest blue, so that every turn of it looks different."""
    image = Image.new("RGB", size, BLUE)
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 3 - 1, size[1] - 1), fill=RED)
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 3 - 1, size[1] // 4), fill=WHITE)
    return image.convert(mode)


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, rows: bytes, *before: bytes, depth: int = 8, colour: int = 0) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def huge_png(width: int, height: int) -> bytes:
    """A grey PNG of constant rows, which is small however many pixels it has."""
    packer, row = zlib.compressobj(9), b"\0" * (width + 1)
    return png(width, height, b"".join(packer.compress(row) for _ in range(height)) + packer.flush())


def without_adobe(jpeg: bytes) -> bytes:
    """Take the Adobe marker (APP14) out of a JPEG."""
    at = jpeg.index(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4]) :]


def transparent_palette() -> Image.Image:
    image = Image.new("P", (60, 40), 1)
    image.putpalette([*RED, *BLUE])
    image.paste(0, (0, 0, 20, 40))
    return image


def frames(form: str) -> bytes:
    return encode(scene(), form, save_all=True, append_images=[Image.new("RGB", (60, 40), "green")], lossless=True)


def pixel(picture: Picture, x: int, y: int) -> tuple[int, ...]:
    with Image.open(BytesIO(picture.png)) as image:
        assert image.mode == "RGB"
        assert image.format == "PNG"
        assert image.size == (picture.width, picture.height)
        value = image.getpixel((x, y))
    assert isinstance(value, tuple)
    return tuple(int(part) for part in value)


def near(found: tuple[int, ...], wanted: tuple[int, ...], by: int = 12) -> bool:
    return all(abs(one - other) <= by for one, other in zip(found, wanted, strict=True))


def grey16(value: int) -> bytes:
    return encode(Image.new("I;16", (60, 40), value), "PNG")


def coloured(alpha: int) -> Image.Image:
    image = scene("RGBA")
    image.putalpha(alpha)
    return image


GOOD: dict[str, tuple[Callable[[], bytes], str, tuple[int, ...]]] = {
    # name: (how it is made, `original`, the colour at (5, 30), where the scene is red)
    "jpeg": (lambda: encode(scene(), "JPEG", quality=95), "JPEG 60x40", RED),
    "progressive jpeg": (lambda: encode(scene(), "JPEG", quality=95, progressive=True), "JPEG 60x40", RED),
    "grey jpeg": (lambda: encode(scene("L"), "JPEG", quality=95), "JPEG 60x40", (76, 76, 76)),
    "cmyk jpeg as adobe writes it": (lambda: encode(scene("CMYK"), "JPEG", quality=95), "JPEG 60x40", RED),
    "cmyk jpeg without adobe's inversion": (
        lambda: without_adobe(encode(scene("CMYK").point(lambda v: 255 - v), "JPEG", quality=95)),
        "JPEG 60x40",
        RED,
    ),
    "jpeg with a zip archive behind it": (
        lambda: encode(scene(), "JPEG", quality=95) + b"PK\3\4evil.exe",
        "JPEG 60x40",
        RED,
    ),
    "two jpegs in one (mpo)": (
        lambda: encode(scene(), "MPO", quality=95, save_all=True, append_images=[Image.new("RGB", (60, 40))]),
        "JPEG 60x40 (first frame)",
        RED,
    ),
    "jpeg with broken exif": (
        lambda: encode(scene(), "JPEG", quality=95, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
        "JPEG 60x40",
        RED,
    ),
    "jpeg with a broken profile": (
        lambda: encode(scene(), "JPEG", quality=95, icc_profile=b"x" * 200),
        "JPEG 60x40",
        RED,
    ),
    "png": (lambda: encode(scene(), "PNG"), "PNG 60x40", RED),
    "png of one bit": (lambda: encode(scene("L").point(lambda v: 255 * (v > 50), "1"), "PNG"), "PNG 60x40", WHITE),
    "png of 16-bit grey, half": (lambda: grey16(32896), "PNG 60x40", (128, 128, 128)),
    "png of 16-bit grey, dark": (lambda: grey16(2570), "PNG 60x40", (10, 10, 10)),
    "png of 16-bit grey, white": (lambda: grey16(65535), "PNG 60x40", WHITE),
    "png of 16-bit colour": (
        lambda: png(60, 40, zlib.compress((b"\0" + struct.pack(">HHH", 65535, 0, 0) * 60) * 40), depth=16, colour=2),
        "PNG 60x40",
        RED,
    ),
    "png with a palette": (lambda: encode(transparent_palette(), "PNG"), "PNG 60x40", RED),
    "png with a transparent colour in its palette": (
        lambda: encode(transparent_palette(), "PNG", transparency=0),
        "PNG 60x40",
        WHITE,
    ),
    "png with a transparent colour": (lambda: encode(scene(), "PNG", transparency=RED), "PNG 60x40", WHITE),
    "grey png with a transparent grey": (lambda: encode(scene("L"), "PNG", transparency=76), "PNG 60x40", WHITE),
    "png with alpha": (lambda: encode(coloured(0), "PNG"), "PNG 60x40", WHITE),
    "png half transparent": (lambda: encode(coloured(128), "PNG"), "PNG 60x40", (255, 127, 127)),
    "grey png with alpha": (lambda: encode(coloured(0).convert("LA"), "PNG"), "PNG 60x40", WHITE),
    "apng": (lambda: frames("PNG"), "PNG 60x40 (first frame)", RED),
    "gif": (lambda: encode(scene(), "GIF"), "GIF 60x40", RED),
    "animated gif": (lambda: frames("GIF"), "GIF 60x40 (first frame)", RED),
    "gif that is also javascript": (lambda: encode(scene(), "GIF") + b"*/=1;alert(1)//", "GIF 60x40", RED),
    "bmp": (lambda: encode(scene(), "BMP"), "BMP 60x40", RED),
    "ppm": (lambda: encode(scene(), "PPM"), "PPM 60x40", RED),
    "tiff": (lambda: encode(scene(), "TIFF"), "TIFF 60x40", RED),
    "tiff, lzw": (lambda: encode(scene(), "TIFF", compression="tiff_lzw"), "TIFF 60x40", RED),
    "tiff, jpeg inside": (lambda: encode(scene(), "TIFF", compression="jpeg", quality=95), "TIFF 60x40", RED),
    "tiff, cmyk": (lambda: encode(scene("CMYK"), "TIFF"), "TIFF 60x40", RED),
    "tiff, lab": (lambda: encode(Image.new("LAB", (60, 40), (136, 208, 195)), "TIFF"), "TIFF 60x40", RED),
    "tiff, 16-bit grey": (lambda: encode(Image.new("I;16", (60, 40), 32896), "TIFF"), "TIFF 60x40", (128, 128, 128)),
    "tiff, 32-bit grey with 16-bit values": (
        lambda: encode(Image.new("I", (60, 40), 32896), "TIFF"),
        "TIFF 60x40",
        (128, 128, 128),
    ),
    "tiff, floating grey": (
        lambda: encode(Image.linear_gradient("L").resize((60, 40)).convert("F"), "TIFF"),
        "TIFF 60x40",
        (195, 195, 195),
    ),
    "tiff of several pages": (lambda: frames("TIFF"), "TIFF 60x40 (first frame)", RED),
    "webp": (lambda: encode(scene(), "WEBP", lossless=True), "WEBP 60x40", RED),
    "webp with alpha": (lambda: encode(coloured(0), "WEBP", lossless=True), "WEBP 60x40", WHITE),
    "animated webp": (lambda: frames("WEBP"), "WEBP 60x40 (first frame)", RED),
    "avif": (lambda: encode(scene(), "AVIF", quality=95), "AVIF 60x40", RED),
}


@pytest.mark.parametrize("name", GOOD)
def test_odd_pictures_are_decoded_upright_rgb_on_white(name: str, decoder: PictureDecoder) -> None:
    make, original, colour = GOOD[name]
    if name == "avif" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    data = make()
    picture = decoder.decode(data)
    assert picture.original == original
    assert (picture.width, picture.height) == (60, 40)
    assert picture.sha256 == hashlib.sha256(data).hexdigest()
    assert near(pixel(picture, 5, 30), colour), pixel(picture, 5, 30)


def jpeg_header(width: int, height: int) -> bytes:
    body = encode(scene(), "JPEG")
    at = body.index(b"\xff\xc0") + 5
    return body[:at] + struct.pack(">HH", height, width) + body[at + 4 :]


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "the file is empty"),
    "a text": (
        lambda: b"hello, I am a cat",
        "not a picture in a known format: it begins like the text 'hello, I am a cat'",
    ),
    "one byte": (lambda: b"\0", "not a picture in a known format: it begins like the bytes 00"),
    "zeros": (
        lambda: b"\0" * 4096,
        "not a picture in a known format: it begins like the bytes 00 00 00 00 00 00 00 00",
    ),
    "a web page": (lambda: b"<!DOCTYPE html>\n<p>404", "it begins like the text '<!DOCTYPE html>'"),
    "svg": (lambda: b"<svg xmlns='x'/>", "it begins like the text '<svg"),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "it begins like the text '%!PS-Adobe"),
    "pdf": (lambda: encode(scene(), "PDF"), "it begins like a PDF"),
    "zip": (lambda: b"PK\3\4" + b"\0" * 90, "it begins like a ZIP archive"),
    "heic": (lambda: b"\0\0\0\x18ftypheic" + b"\0" * 90, "it begins like a HEIF picture or a film"),
    "a tga, a format not allowed": (lambda: encode(scene(), "TGA"), "not a picture in a known format"),
    "an icon, a format not allowed": (lambda: encode(scene(), "ICO"), "not a picture in a known format"),
    "only the start of a jpeg": (lambda: b"\xff\xd8\xff\xe0", "the file is damaged: it begins like a JPEG"),
    "only the start of a png": (lambda: b"\x89PNG\r\n\x1a\n", "the file is damaged: it begins like a PNG"),
    "jpeg cut off": (lambda: encode(scene(size=(600, 400)), "JPEG")[:-400], "the file is cut off"),
    "png cut off": (lambda: encode(Image.effect_noise((200, 200), 90), "PNG")[:20000], "the file is cut off"),
    "gif cut off": (lambda: encode(Image.effect_noise((200, 200), 90), "GIF")[:20000], "the file is cut off"),
    "bmp cut off": (lambda: encode(scene(), "BMP")[:2000], "the file is cut off"),
    "ppm cut off": (lambda: encode(scene(), "PPM")[:2000], "the file is cut off"),
    "webp cut off": (lambda: encode(Image.effect_noise((200, 200), 90), "WEBP")[:9000], "the file is damaged"),
    "tiff cut off": (lambda: encode(scene(), "TIFF", compression="tiff_lzw")[:60], "the file is damaged"),
    "png with a wrong checksum": (
        lambda: encode(scene(), "PNG").replace(b"IDAT", b"IDAT\xff", 1),
        "the file is damaged",
    ),
    "png with noise for pixels": (lambda: png(60, 40, b"noise" * 40), "the file is damaged"),
    "png without pixels in it": (lambda: png(60, 40, zlib.compress(b"")), "the file is cut off"),
    "png of no width": (lambda: png(0, 40, zlib.compress(b"")), "the file is damaged: it begins like a PNG"),
    "png with an exploding profile": (
        lambda: png(1, 1, zlib.compress(b"\0\0"), chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * 90_000_000))),
        "the file is damaged (decompressed data too large",
    ),
    "png of 101 megapixels": (
        lambda: huge_png(10100, 10000),
        "it has 10100x10000 pixels, and the limit is 100 megapixels",
    ),
    "png that says it is enormous": (lambda: png(2**31 - 1, 2**31 - 1, b""), "and the limit is 100 megapixels"),
    "jpeg that says it is enormous": (lambda: jpeg_header(65500, 65500), "it has 65500x65500 pixels"),
    "gif that says it is enormous": (
        lambda: b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + encode(scene(), "GIF")[13:],
        "the limit is 100 megapixels",
    ),
    "bmp that says it is enormous": (
        lambda: encode(scene(), "BMP")[:18] + struct.pack("<ii", 60000, 60000) + encode(scene(), "BMP")[26:],
        "it has 60000x60000 pixels",
    ),
    "floating grey that is not a number": (
        lambda: encode(Image.new("F", (9, 9), float("inf")), "TIFF"),
        "its pixels are not finite numbers",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_hostile_and_damaged_files_are_refused_with_a_reason(name: str, decoder: PictureDecoder) -> None:
    make, reason = BAD[name]
    with pytest.raises(PictureError) as caught:
        decoder.decode(make())
    assert reason.lower() in str(caught.value).lower()
    assert "\n" not in str(caught.value)
    assert decoder.decode(encode(scene(), "PNG")).width == 60


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_orientations_give_the_same_pixels(orientation: int, form: str, decoder: PictureDecoder) -> None:
    turns = Image.Transpose
    undo = {
        1: None,
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_90,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_270,
    }[orientation]
    image = scene(size=(96, 64))
    exif = Image.Exif()
    exif[0x0112] = orientation
    known: dict[str, dict[str, object]] = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}
    options = known.get(form, {})
    picture = decoder.decode(encode(image.transpose(undo) if undo is not None else image, form, exif=exif, **options))
    assert (picture.width, picture.height) == (96, 64)
    for x, y in ((4, 4), (4, 60), (90, 4), (90, 60)):
        wanted = image.getpixel((x, y))
        assert isinstance(wanted, tuple)
        assert near(pixel(picture, x, y), tuple(int(part) for part in wanted))


def test_a_picture_is_shrunk_to_the_longer_side_and_never_enlarged(decoder: PictureDecoder) -> None:
    wide = decoder.decode(encode(scene(size=(3000, 1000)), "JPEG"))
    assert (wide.width, wide.height, wide.original) == (1024, 341, "JPEG 3000x1000")
    assert decoder.decode(encode(Image.new("RGB", (1, 5000)), "PNG")).height == 1024
    assert decoder.decode(encode(Image.new("RGB", (7, 5)), "PNG")).width == 7


def test_colours_go_through_the_pictures_own_profile(decoder: PictureDecoder) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"?").replace(b"bXYZ", b"rXYZ").replace(b"?", b"bXYZ")  # red's primary is blue's
    renamed = swapped.replace("sRGB built-in".encode("utf-16-be"), "a swapped one".encode("utf-16-be"))
    assert near(pixel(decoder.decode(encode(scene(), "PNG", icc_profile=renamed)), 5, 30), BLUE)


def test_the_re_encoded_picture_carries_no_metadata(decoder: PictureDecoder) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = decoder.decode(encode(scene(), "JPEG", exif=exif, icc_profile=profile, comment=b"secret"))
    assert b"where I live" not in picture.png
    with Image.open(BytesIO(picture.png)) as image:
        assert image.info == {}
        assert not image.getexif()


GPS, EXIF, BODY_SERIAL, LENS_SERIAL, MAKER_NOTE = 0x8825, 0x8769, 0xA431, 0xA435, 0x927C


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_where_a_picture_was_taken_and_with_which_camera_is_dropped(form: str, decoder: PictureDecoder) -> None:
    exif = Image.Exif()
    exif.get_ifd(GPS).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    exif.get_ifd(EXIF).update({BODY_SERIAL: "SERIAL-4711", LENS_SERIAL: "LENS-0815", MAKER_NOTE: b"SHUTTER-99"})
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><GPSLatitude>52,31.2N</GPSLatitude></x:xmpmeta>'
    given = encode(scene(), form, exif=exif, xmp=xmp)
    with Image.open(BytesIO(given)) as image:
        assert image.getexif().get_ifd(GPS)[2] == (52.0, 31.0, 12.0)
    assert b"SERIAL-4711" in given
    picture = decoder.decode(given)
    for word in (b"SERIAL", b"LENS", b"SHUTTER", b"GPS", b"xmp", b"Exif", b"eXIf"):
        assert word not in picture.png
    with Image.open(BytesIO(picture.png)) as image:
        assert image.info == {}
        assert not image.getexif().get_ifd(GPS)


def test_a_large_jpeg_is_decoded_small_at_once_and_needs_not_the_memory_of_all_its_pixels() -> None:
    large, limits = scene(size=(5000, 4000)), PictureLimits(memory=80_000_000, max_side=256, seconds=60)
    with PictureDecoder(1, limits) as tight:  # all pixels take 60 MB
        assert tight.decode(encode(large, "JPEG", quality=50)).original == "JPEG 5000x4000"
        with pytest.raises(PictureError, match="it needs more memory"):
            tight.decode(encode(large, "PNG", compress_level=1))
