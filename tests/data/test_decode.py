import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps, PngImagePlugin

from bottleneck.core.choices import RESAMPLING
from bottleneck.core.errors import UsageError
from bottleneck.core.recipe import ImageSpec
from bottleneck.data import decode as module
from bottleneck.data.decode import decode, decoder_version
from bottleneck.data.undecodable import Limits, UndecodableError

SIZE = (13, 17)  # height, width
KINDS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000"]


def pixels_of(content, size=SIZE, resample="bilinear", **options):
    return decode(content, ImageSpec(size=size, resample=resample), **options)


def save(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def reason_of(content, **options):
    """Return why it is refused, which must be the same twice."""
    reasons = set()
    for _ in range(2):
        with pytest.raises(UndecodableError) as caught:
            pixels_of(content, **options)
        reasons.add(caught.value.reason)
    (reason,) = reasons
    assert reason
    assert "\n" not in reason
    assert "0x" not in reason
    return reason


def outcome_of(content):
    try:
        pixels = pixels_of(content)
    except UndecodableError as error:
        return error.reason
    assert (pixels.shape, pixels.dtype) == ((*SIZE, 3), np.uint8)
    return pixels.tobytes()


def png_of(width, height, data=b"", depth=8, color=2):
    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    packed = zlib.compress(data)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


PLAIN = {
    "jpeg": {"kind": "JPEG"},
    "jpeg without subsampling": {"kind": "JPEG", "subsampling": 0},
    "progressive jpeg": {"kind": "JPEG", "progressive": True},
    "gray jpeg": {"kind": "JPEG", "mode": "L"},
    "cmyk jpeg": {"kind": "JPEG", "mode": "CMYK"},
    "png": {},
    "gray png": {"mode": "L"},
    "bilevel png": {"mode": "1"},
    "palette png": {"mode": "P"},
    "gif": {"kind": "GIF", "mode": "P"},
    "webp": {"kind": "WEBP"},
    "bmp": {"kind": "BMP"},
    "tiff": {"kind": "TIFF"},
    "cmyk tiff": {"kind": "TIFF", "mode": "CMYK"},
    "jpeg 2000": {"kind": "JPEG2000"},
    "large jpeg": {"kind": "JPEG", "size": (301, 203)},
}


@pytest.mark.slow
@pytest.mark.parametrize("resample", RESAMPLING)
def test_a_plain_image_is_load_img_bit_for_bit(tmp_path, draw, resample):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image_utils = pytest.importorskip("keras.utils")
    for name, options in PLAIN.items():
        content = draw(**{"size": (31, 22), **options})
        path = tmp_path / "image"
        path.write_bytes(content)
        for size in [(22, 31), (7, 50), (64, 64)]:
            expected = np.asarray(
                image_utils.load_img(path, target_size=size, interpolation=resample)
            )
            ours = pixels_of(content, size=size, resample=resample)
            np.testing.assert_array_equal(ours, expected, err_msg=name)


@pytest.mark.parametrize("name", PLAIN)
def test_a_gray_image_is_pillow_s_l_whatever_it_was(draw, name):
    content = draw(**{"size": (31, 22), **PLAIN[name]})
    expected = Image.open(io.BytesIO(content)).convert("L").resize(SIZE[::-1], 2)
    gray = decode(content, ImageSpec(size=SIZE, mode="gray"))
    np.testing.assert_array_equal(gray, np.asarray(expected)[..., None])


def test_gray_arrays_stay_as_they_are_and_those_of_colours_become_pillow_s_l():
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    spec = ImageSpec(size=SIZE, mode="gray")
    for given in (pixels[..., 0], pixels[..., :1]):
        np.testing.assert_array_equal(decode(given, spec), pixels[..., :1])
    expected = np.asarray(Image.fromarray(pixels).convert("L"))[..., None]
    np.testing.assert_array_equal(decode(pixels, spec), expected)


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_image_is_converted_and_resized_as_pillow_does(draw, name):
    content = draw(**{"size": (31, 22), **PLAIN[name]})
    expected = Image.open(io.BytesIO(content)).convert("RGB").resize(SIZE[::-1], 2)
    np.testing.assert_array_equal(pixels_of(content), np.asarray(expected))


def shrunk(content, turned=False):
    """Return what Pillow makes of a JPEG that libjpeg scales to no less than twice SIZE."""
    file = Image.open(io.BytesIO(content))
    width, height = 2 * SIZE[1], 2 * SIZE[0]
    file.draft(None, (height, width) if turned else (width, height))
    return file


@pytest.mark.parametrize(
    ("name", "size"),
    [("jpeg", (301, 203)), ("progressive jpeg", (700, 500)), ("gray jpeg", (40, 900))],
)
def test_fast_is_what_libjpeg_scales_and_pillow_resizes(draw, name, size):
    content = draw(**{**PLAIN[name], "size": size})
    file = shrunk(content)
    expected = np.asarray(file.convert("RGB").resize(SIZE[::-1], 2))
    fast = decode(content, ImageSpec(size=SIZE, decode="fast"))
    np.testing.assert_array_equal(fast, expected)
    assert 2 * SIZE[1] <= file.size[0] or file.size[0] == size[0]
    assert 2 * SIZE[0] <= file.size[1] or file.size[1] == size[1]
    if file.size != size:
        assert (fast != pixels_of(content)).any()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_fast_knows_which_side_is_which_once_the_image_is_upright(draw, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.asarray(Image.open(io.BytesIO(draw(size=(800, 260)))).convert("RGB"))
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", exif=exif.tobytes())
    file = ImageOps.exif_transpose(shrunk(content.getvalue(), turned=orientation in (6, 8)))
    expected = np.asarray(file.convert("RGB").resize(SIZE[::-1], 2))
    fast = decode(content.getvalue(), ImageSpec(size=SIZE, decode="fast"))
    np.testing.assert_array_equal(fast, expected)


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_small_or_no_jpeg_is_the_same_fast_and_exact(draw, name):
    content = draw(**{"size": (31, 22), **PLAIN[name]})
    if name == "large jpeg":
        content = draw(kind="PNG", size=(301, 203))
    fast = decode(content, ImageSpec(size=SIZE, decode="fast"))
    np.testing.assert_array_equal(fast, pixels_of(content))


def test_the_limits_of_pixels_are_those_of_the_file_also_where_it_is_decoded_fast(draw):
    content = draw(kind="JPEG", size=(301, 203))
    with pytest.raises(UndecodableError, match="more than 61102"):
        decode(content, ImageSpec(size=SIZE, decode="fast"), Limits(pixels=301 * 203 - 1))


def test_an_image_of_the_right_size_is_not_resampled(draw):
    content = draw(size=SIZE[::-1])
    for resample in RESAMPLING:
        np.testing.assert_array_equal(
            pixels_of(content, resample=resample), np.asarray(Image.open(io.BytesIO(content)))
        )


ORIENTED = {  # what a viewer must do with the stored pixels, written with numpy
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(draw, orientation, kind):
    stored = Image.open(io.BytesIO(draw(size=(5, 4))))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    content = save(stored, kind, exif=exif, **options)
    upright = np.asarray(Image.open(io.BytesIO(save(stored, kind, **options))).convert("RGB"))
    expected = ORIENTED[orientation](upright)
    np.testing.assert_array_equal(pixels_of(content, size=expected.shape[:2]), expected)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_changes_nothing(draw, value):
    exif = Image.Exif()
    exif[0x0112] = value
    stored = Image.open(io.BytesIO(draw(size=(5, 4))))
    np.testing.assert_array_equal(
        pixels_of(save(stored, exif=exif), size=(4, 5)), np.asarray(stored)
    )


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_is_no_reason_to_refuse_good_pixels(draw, exif, kind):
    stored = Image.open(io.BytesIO(draw(size=(5, 4))))
    plain = pixels_of(save(stored, kind))
    np.testing.assert_array_equal(pixels_of(save(stored, kind, exif=exif)), plain)


def test_a_broken_icc_profile_is_no_reason_to_refuse_good_pixels(draw):
    stored = Image.open(io.BytesIO(draw(size=(5, 4))))
    broken = save(stored, "JPEG", icc_profile=b"\xff" * 300)
    np.testing.assert_array_equal(pixels_of(broken), pixels_of(save(stored, "JPEG")))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_dropped_not_blended(mode):
    values = np.random.default_rng(0).integers(0, 256, (*SIZE, len(mode)), np.uint8)
    ours = pixels_of(save(Image.fromarray(values)))
    colors = values[..., :-1]
    np.testing.assert_array_equal(ours, np.broadcast_to(colors, (*SIZE, 3)))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_keeps_its_color(kind):
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    content = save(picture, kind, transparency=1)
    assert pixels_of(content).reshape(-1, 3).tolist() == [[10, 20, 30]] * (13 * 17)


def test_transparency_by_bytes_of_a_palette_does_not_warn():
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    content = save(picture, transparency=bytes([0, 128]))
    assert pixels_of(content)[0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM", "JPEG2000"])
def test_sixteen_bit_gray_is_scaled_by_257_to_the_nearest(kind):
    values = np.array([[0, 128, 129, 255, 256, 257, 32767, 32768, 65406, 65407, 65535]], np.uint16)
    content = save(Image.fromarray(values), kind)
    ours = pixels_of(content, size=values.shape)
    np.testing.assert_array_equal(ours[..., 1], np.rint(values / 257))


def test_gray_beyond_sixteen_bit_and_floats_are_refused():
    over = Image.fromarray(np.array([[0, 70000]], np.int32))
    assert "outside 0..65535" in reason_of(save(over, "TIFF"))
    below = Image.fromarray(np.array([[-1, 7]], np.int32))
    assert "outside 0..65535" in reason_of(save(below, "TIFF"))
    floats = Image.fromarray(np.array([[0, 0.5]], np.float32))
    assert "floating-point" in reason_of(save(floats, "TIFF"))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_counts(kind):
    red, blue = Image.new("RGB", (4, 4), (255, 0, 0)), Image.new("RGB", (4, 4), (0, 0, 255))
    options = {"lossless": True} if kind == "WEBP" else {}
    content = save(red, kind, save_all=True, append_images=[blue], **options)
    assert pixels_of(content)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(1, 1), (1, 60_000), (60_000, 1)])
def test_the_thinnest_images_are_decoded(kind, size):
    content = save(Image.new("RGB", size, (7, 7, 7)), kind)
    assert (pixels_of(content) == 7).all()


def test_a_wrong_extension_does_not_matter_and_what_is_no_image_says_so(draw):
    assert reason_of(b"") == "the file is empty"
    assert "not an image" in reason_of(b"hello\n" * 100)
    assert "not an image" in reason_of(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")


@pytest.mark.parametrize("brand", ["heic", "mif1", "heix"])
def test_heic_gets_a_plain_reason(brand):
    content = b"\0\0\0\x18ftyp" + brand.encode() + b"\0\0\0\0mif1heic" + b"\0" * 100
    assert reason_of(content).startswith("HEIC, which this Pillow cannot decode")


def test_avif_without_its_decoder_gets_a_plain_reason(monkeypatch):
    monkeypatch.setattr(module, "FORMATS", ("JPEG", "PNG"))
    content = b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + b"\0" * 100
    assert reason_of(content).startswith("AVIF, which this Pillow cannot decode")


def test_a_broken_avif_is_not_blamed_on_the_decoder(monkeypatch):
    monkeypatch.setattr(module, "FORMATS", ("JPEG", "PNG", "AVIF"))
    assert "not an image" in module._unknown(b"\0\0\0\x18ftypavif" + b"\0" * 100)


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_cut_at_any_tenth_is_refused_or_whole(draw, kind):
    content = draw(size=(64, 48), kind=kind)
    whole = outcome_of(content)
    for tenth in range(1, 10):
        outcome = outcome_of(content[: len(content) * tenth // 10])
        assert isinstance(outcome, str) or outcome == whole
        assert kind == "JPEG2000" or isinstance(outcome, str), tenth


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_flipped_byte_gives_pixels_or_a_reason_and_the_same_each_time(draw, kind, mode):
    content = draw(size=(40, 30), kind=kind, mode=mode)
    rng = np.random.default_rng(0)
    for at in [*range(60), *rng.integers(0, len(content), 60).tolist()]:
        if at >= len(content):
            continue
        broken = bytearray(content)
        broken[at] ^= int(rng.integers(1, 256))
        assert outcome_of(bytes(broken)) == outcome_of(bytes(broken))


def test_a_flipped_byte_in_png_pixels_is_refused(draw):
    content = bytearray(draw(size=(40, 30)))
    content[len(content) // 2] ^= 1
    reason_of(bytes(content))


@pytest.mark.parametrize(
    "content",
    [
        png_of(100_000, 100_000),
        png_of(2**31 - 1, 2**31 - 1),
        png_of(2**31 - 1, 1),
        png_of(10_001, 10_000, bytes(10_001 * 10_000 * 3 // 1000)),
        b"P6 999999999 999999999 255\n",
        b"BM"
        + struct.pack(
            "<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0
        ),
        b"GIF89a" + b"\xff\xff\xff\xff\x00\x00\x00,\0\0\0\0\xff\xff\xff\xff\0\x02\x00;",
    ],
)
def test_a_header_beyond_the_limit_is_refused_before_anything_is_decoded(content, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)  # not called
    assert "pixels" in reason_of(content)


def test_no_pixels_or_negative_pixels_are_refused():
    reason_of(png_of(0, 5))
    reason_of(b"P6 0 5 255\n")


def test_the_limits_are_the_largest_that_pass(draw):
    content = draw(size=(10, 10))
    pixels_of(content, limits=Limits(pixels=100, bytes=len(content)))
    assert "100" not in reason_of(content, limits=Limits(pixels=99))[:7]
    assert "more than" in reason_of(content, limits=Limits(bytes=len(content) - 1))
    assert "more than 63" in reason_of(np.zeros((8, 8), np.uint8), limits=Limits(pixels=63))


@pytest.mark.slow
def test_text_that_unpacks_to_gigabytes_is_refused(draw):
    info = PngImagePlugin.PngInfo()
    info.add_text("bomb", "0" * 100_000_000, zip=True)
    content = save(Image.new("RGB", (2, 2)), pnginfo=info)
    assert len(content) < 200_000
    reason_of(content)


def test_memory_that_a_header_asks_for_is_the_files_fault(draw, monkeypatch):
    def load(_):
        raise MemoryError

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    assert "memory" in reason_of(draw())
    monkeypatch.setattr(module, "_BYTES_A_PIXEL", 2**60)
    with pytest.raises((MemoryError, OverflowError)):
        pixels_of(draw())


def test_pillow_may_not_be_told_to_pass_half_images_off_as_whole(draw, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(UsageError, match="LOAD_TRUNCATED_IMAGES"):
        pixels_of(draw())


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (8, 8, 3)])
def test_arrays_are_images(shape):
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    ours = pixels_of(values, size=(8, 8))
    np.testing.assert_array_equal(ours, np.broadcast_to(values.reshape(8, 8, -1), (8, 8, 3)))
    rgb = Image.fromarray(np.ascontiguousarray(ours))
    np.testing.assert_array_equal(pixels_of(values), np.asarray(rgb.resize(SIZE[::-1], 2)))


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((8, 8, 2), np.uint8),
        np.zeros((8,), np.uint8),
        np.zeros((0, 8), np.uint8),
        np.zeros((8, 8), np.float32),
        np.zeros((2, 8, 8, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(values):
    assert "is no image" in reason_of(values)


def test_pixels_belong_to_the_caller(draw):
    for content in (draw(size=SIZE[::-1]), np.zeros((*SIZE, 3), np.uint8)):
        ours = pixels_of(content)
        ours += 1
        assert (pixels_of(content) == ours - 1).all()
        assert ours.flags.c_contiguous


def test_threads_give_the_pixels_that_one_gives_and_leave_the_warnings_as_they_were(draw):
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    contents = [save(picture, transparency=bytes([0, 128])), b"", b"x"]
    contents += [draw(seed=i, kind=kind, size=(50, 40)) for i, kind in enumerate(KINDS)]
    filters = list(warnings.filters)
    alone = [outcome_of(c) for c in contents]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(outcome_of, contents * 30)) == alone * 30
    assert list(warnings.filters) == filters
    with pytest.warns(UserWarning, match="ours"):
        warnings.warn("ours", UserWarning, stacklevel=1)


def test_the_decoders_version_names_pillow_and_its_libraries():
    assert decoder_version().startswith("pillow ")
    assert "libjpeg_turbo" in decoder_version() or "webp" in decoder_version()


def test_limits_show_their_figures():
    assert str(Limits()) == "100000000 pixels, 1073741824 bytes"


def _framed():
    """Return a picture 60 wide, 20 high: red, green and blue from left to right."""
    pixels = np.zeros((20, 60, 3), np.uint8)
    for third, channel in enumerate((0, 1, 2)):
        pixels[:, 20 * third : 20 * third + 20, channel] = 255
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def test_crop_keeps_the_middle_and_loses_the_sides():
    seen = decode(_framed(), ImageSpec(size=(10, 10), resample="box", fit="crop"))
    np.testing.assert_array_equal(seen, np.broadcast_to(np.uint8([0, 255, 0]), (10, 10, 3)))


def test_pad_keeps_the_shape_between_black_bars():
    seen = decode(_framed(), ImageSpec(size=(30, 30), resample="box", fit="pad"))
    expected = np.zeros((30, 30, 3), np.uint8)
    for third in range(3):
        expected[10:20, 10 * third : 10 * third + 10, third] = 255
    np.testing.assert_array_equal(seen, expected)


def test_crop_and_pad_of_the_shape_asked_for_are_plain_resizes():
    content = _framed()
    plain, cropped, padded = (
        decode(content, ImageSpec(size=(10, 30), fit=fit)) for fit in ("squash", "crop", "pad")
    )
    np.testing.assert_array_equal(cropped, plain)
    np.testing.assert_array_equal(padded, plain)
