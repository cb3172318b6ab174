"""Image bytes to pixels: exactly what `keras.utils.load_img` gives, or a reason why not.

Pillow decodes; orientation is applied; the mode becomes RGB as `Image.convert("RGB")` does it
(alpha is dropped, not blended), or gray as `Image.convert("L")` does it; 16-bit gray is scaled by
1/257, where Pillow would clip; the resize is Pillow's filter on uint8. For an image without
orientation, alpha or 16 bit this is `keras.utils.load_img(path, target_size=size,
interpolation=resample)`, bit for bit, gray with `color_mode="grayscale"`. JPEGs are decoded in
full, unless the recipe says `fast`: then at the half, quarter or eighth of their size that is at
least twice the recipe's. Of an animation, the first frame.

Whatever a broken file makes Pillow raise becomes one `UndecodableError` with a reason that is
the same each time; a file that is half there is broken, and so is one beyond the limits, which
are compared with the header before anything is decoded. Any number of threads may decode.
"""

from __future__ import annotations

import contextlib
import io
import re
import threading
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL
from PIL import Image, ImageFile, UnidentifiedImageError, features

from bottleneck.core.errors import UsageError
from bottleneck.data.undecodable import DEFAULT_LIMITS, Limits, UndecodableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bottleneck.core.recipe import ImageSpec

Image.init()  # all plugins, now: not at the first image, in whichever thread has it
# Not all that Pillow knows: EPS starts another program, and nobody's photos are FITS or PCX.
FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "AVIF")
    if name in Image.OPEN
)
_GRAY_16 = {"I;16", "I;16L", "I;16B", "I;16N", "I"}  # PGM and some TIFF open 16 bit as "I"
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = {method for number, method in _TRANSPOSE.items() if number >= 5}
_ORIENTATION = 0x0112
# Fast decoding keeps so many times the pixels of each side that the network sees: what libjpeg
# leaves out then is mostly what the resize would have averaged away.
FAST_TIMES = 2
_BRANDS = {
    b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"hevc": "HEIC",
    b"hevx": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"avif": "AVIF", b"avis": "AVIF",
}  # fmt: skip
_MODES = {"rgb": "RGB", "gray": "L"}  # a recipe's, and Pillow's
_BYTES_A_PIXEL = 16  # what decoding one may take at the most, with all copies


@lru_cache(maxsize=1)
def decoder_version() -> str:
    """Return what a failure to decode depends on: Pillow and the libraries in it."""
    names = ("libjpeg_turbo", "zlib", "webp", "libtiff", "jpg_2000", "avif")
    found = ((name, features.version(name)) for name in names)
    with _no_warnings():
        libraries = [f"{name} {version}" for name, version in found if version]
    return ", ".join([f"pillow {PIL.__version__}", *libraries])


def decode(
    content: bytes | NDArray[np.uint8], image: ImageSpec, limits: Limits = DEFAULT_LIMITS
) -> NDArray[np.uint8]:
    """Return the pixels of one sample at the recipe's size.

    Parameters
    ----------
    content : bytes or uint8 array (height, width), (height, width, 1) or (height, width, 3)
        An encoded image, or pixels.
    image : ImageSpec
        Size, filter, and whether gray.
    limits : Limits
        What is refused.

    Returns
    -------
    (height, width, 3) uint8, RGB; or (height, width, 1), gray

    Raises
    ------
    UndecodableError
        When this content gives no pixels.
    UsageError
        When the process has told Pillow to pass half images off as whole ones.
    """
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise UsageError(
            "Pillow would pass truncated images off as whole ones",
            "PIL.ImageFile.LOAD_TRUNCATED_IMAGES",
            "leave it False",
        )
    height, width = image.size
    least = (FAST_TIMES * width, FAST_TIMES * height) if image.decode == "fast" else None
    picture = open_picture(content, limits, _MODES[image.mode], least)
    pixels = np.array(_fitted(picture, (width, height), image))
    return pixels.reshape(height, width, image.channels)


def _fitted(picture: Image.Image, size: tuple[int, int], image: ImageSpec) -> Image.Image:
    """Return a picture of this (width, height).

    `squash` stretches the whole of it, `crop` takes the largest part of that shape in its middle,
    `pad` keeps its shape and puts black around it, as much on either side.
    """
    resample = Image.Resampling[image.resample.upper()]
    across, down = size[0] / picture.width, size[1] / picture.height
    if image.fit == "crop":
        scale = max(across, down)
        cut = (picture.width - size[0] / scale) / 2, (picture.height - size[1] / scale) / 2
        box = (*cut, picture.width - cut[0], picture.height - cut[1])
        return picture.resize(size, resample, box)
    if image.fit == "pad":
        scale = min(across, down)
        inner = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        around = Image.new(picture.mode, size)
        corner = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
        around.paste(picture.resize(inner, resample), corner)
        return around
    # Where it has that size already, `resize` copies, whatever the filter.
    return picture.resize(size, resample)


def is_faster_fast(content: bytes | NDArray[np.uint8], image: ImageSpec) -> bool:
    """Whether `fast` would decode this image at half its size or less, where `image` is `exact`."""
    if image.decode == "fast" or not isinstance(content, bytes) or content[:2] != b"\xff\xd8":
        return False
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as picture:  # its header alone
            sides = zip(picture.size, image.size[::-1], strict=True)
            return all(side >= 2 * FAST_TIMES * wanted for side, wanted in sides)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False  # whatever is wrong with it, decoding it says


def open_picture(
    content: bytes | NDArray[np.uint8],
    limits: Limits = DEFAULT_LIMITS,
    mode: str = "RGB",
    least: tuple[int, int] | None = None,
) -> Image.Image:
    """Return one sample as a picture, upright; UndecodableError if none.

    Parameters
    ----------
    mode : Pillow's: RGB, or L
    least : (width, height) that are enough
        A JPEG may then come at a half, a quarter or an eighth of its own size, but no smaller than
        this. None: at its own size.
    """
    if isinstance(content, bytes):
        return _from_bytes(content, limits, mode, least)
    return _from_array(content, limits, mode)


def picture_to_rgb(picture: Image.Image) -> Image.Image:
    """Return a picture that Pillow has read, upright and as RGB; UndecodableError if it cannot be.

    The picture's orientation is that of its EXIF data, which Pillow drops from what it returns.
    """
    return _to_mode(_upright(picture), "RGB")


def _from_array(pixels: NDArray[np.uint8], limits: Limits, mode: str) -> Image.Image:
    shape = pixels.shape
    fits = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))
    if not fits or pixels.dtype != np.uint8 or not pixels.size:
        raise UndecodableError(f"an array of shape {shape} and dtype {pixels.dtype} is no image")
    _check_size(shape[1], shape[0], limits)
    if len(shape) == 3 and shape[2] == 1:
        pixels = pixels[:, :, 0]
    return Image.fromarray(np.ascontiguousarray(pixels)).convert(mode)


def _from_bytes(
    content: bytes, limits: Limits, mode: str, least: tuple[int, int] | None
) -> Image.Image:
    if not content:
        raise UndecodableError("the file is empty")
    if len(content) > limits.bytes:
        raise UndecodableError(f"{len(content)} bytes, more than {limits.bytes}")
    size = (0, 0)
    try:
        with _no_warnings(), Image.open(io.BytesIO(content), formats=FORMATS) as file:
            size = file.size
            _check_size(*size, limits)
            if least is not None:
                _shrink(file, least)
            file.load()
            _check_size(*file.size, limits)
            return _to_mode(_upright(file), mode)
    except UndecodableError:
        raise
    except UnidentifiedImageError:
        raise UndecodableError(_unknown(content)) from None
    except Image.DecompressionBombError:
        raise UndecodableError("more pixels than Pillow allows") from None
    except MemoryError:
        # A header can ask for any amount. Only if an image of this size does not fit either is
        # it the machine that is short of memory, and that is not the file's fault.
        bytearray(size[0] * size[1] * _BYTES_A_PIXEL)
        raise UndecodableError("its header asks for too much memory") from None
    except Exception as error:  # noqa: BLE001 - broken files make Pillow raise anything at all
        raise UndecodableError(_reason(error)) from None


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width < 1 or height < 1:
        raise UndecodableError(f"{width} x {height} pixels")
    if width * height > limits.pixels:
        raise UndecodableError(f"{width} x {height} pixels, more than {limits.pixels}")


def _shrink(file: ImageFile.ImageFile, least: tuple[int, int]) -> None:
    """Have a JPEG decoded at a fraction of its size: libjpeg then computes no more than that."""
    width, height = least
    if _turn_of(file) in _ON_ITS_SIDE:
        width, height = height, width
    file.draft(None, (width, height))  # of its own mode


def _upright(picture: Image.Image) -> Image.Image:
    method = _turn_of(picture)
    return picture if method is None else picture.transpose(method)


def _turn_of(picture: Image.Image) -> Image.Transpose | None:
    # Not ImageOps.exif_transpose: it writes the EXIF data anew, and so fails on an image whose
    # pixels are good and whose EXIF is not. EXIF that cannot be read says nothing.
    try:
        orientation: Any = picture.getexif().get(_ORIENTATION)
        return _TRANSPOSE.get(orientation)
    except Exception:  # noqa: BLE001 - as above: anything at all
        return None


def _to_mode(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode in _GRAY_16:
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise UndecodableError("gray values outside 0..65535")
        picture = Image.fromarray(((values + 128) // 257).astype(np.uint8))  # the nearest
    elif picture.mode == "F":
        raise UndecodableError("floating-point pixels: nothing says which value is white")
    # Also when it has that mode already: a plain image, without the file behind it.
    return picture.convert(mode)


def _unknown(content: bytes) -> str:
    kind = _BRANDS.get(content[8:12]) if content[4:8] == b"ftyp" else None
    if kind is None or kind in FORMATS:
        return "not an image of a format that is read here"
    return f"{kind}, which this Pillow cannot decode: convert it to JPEG or PNG"


def _reason(error: Exception) -> str:
    text = " ".join(re.sub(r"<[^>]*>| at 0x[0-9a-f]+", "", str(error)).split())
    return text or type(error).__name__


class _Quiet:
    """How many threads are in `_no_warnings`, and the one filter they share."""

    lock = threading.Lock()
    inside = 0
    entry: Any = None


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Keep Pillow's warnings, and nobody else's, from showing or (with -W error) raising.

    `warnings.catch_warnings` saves and restores the filters of the whole process, so two
    threads in it can leave each other's behind. One entry is put in by the first thread and
    taken out by the last.
    """
    with _Quiet.lock:
        _Quiet.inside += 1
        if _Quiet.inside == 1:
            warnings.filterwarnings("ignore", module=r"PIL\.")
            _Quiet.entry = warnings.filters[0]
    try:
        yield
    finally:
        with _Quiet.lock:
            _Quiet.inside -= 1
            if not _Quiet.inside and _Quiet.entry in warnings.filters:
                warnings.filters.remove(_Quiet.entry)  # type: ignore[attr-defined] # typed as a Sequence; it is a list
