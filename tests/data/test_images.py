from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from interlock.data import LabelledFolder, list_images, read_image
from interlock.data.images import decode_image
from interlock.errors import DataError, ImageError

COLOUR = (200, 100, 50)


def written(tmp_path, image, name, **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def centre(image):
    return image.getpixel((image.width // 2, image.height // 2))


@pytest.mark.parametrize(
    ("mode", "name"), [("RGB", "a.png"), ("RGB", "a.jpg"), ("P", "a.gif"), ("P", "p.png")]
)
def test_colour_survives(mode, name, tmp_path):
    path = written(tmp_path, Image.new("RGB", (20, 12), COLOUR).convert(mode), name)
    image = read_image(path)
    assert image.mode == "RGB"
    assert image.size == (20, 12)
    assert np.abs(np.subtract(centre(image), COLOUR)).max() < 30


def test_grey_and_grey_alpha(tmp_path):
    assert centre(read_image(written(tmp_path, Image.new("L", (9, 9), 90), "l.png"))) == (90,) * 3
    alpha = Image.new("LA", (9, 9), (90, 0))
    assert centre(read_image(written(tmp_path, alpha, "la.png"))) == (255,) * 3


def test_transparent_pixels_are_laid_on_white(tmp_path):
    image = Image.new("RGBA", (10, 10), (*COLOUR, 255))
    image.paste((0, 0, 0, 0), (0, 0, 5, 10))
    found = read_image(written(tmp_path, image, "a.png"))
    assert found.getpixel((0, 5)) == (255, 255, 255)
    assert found.getpixel((9, 5)) == COLOUR


def test_sixteen_bits_keep_their_scale(tmp_path):
    deep = np.full((8, 8), 32768, dtype=np.uint16)
    deep[0, 0] = 65535
    found = read_image(written(tmp_path, Image.fromarray(deep), "deep.png"))
    assert found.getpixel((4, 4)) == (127, 127, 127)
    dim = read_image(written(tmp_path, Image.fromarray(deep // 256), "dim.tif"))
    assert dim.getpixel((4, 4)) == (0, 0, 0)  # 128 of 65535 is dark


def test_float_images_in_unit_range(tmp_path):
    image = Image.fromarray(np.full((8, 8), 0.5, dtype=np.float32))
    assert centre(read_image(written(tmp_path, image, "f.tif"))) == (127,) * 3


@pytest.mark.parametrize("scale", [1.0, 255.0, 4096.0])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_float_that_is_not_finite_blackens_no_picture(scale, bad, tmp_path):
    """The others keep the scale of the finite range."""
    values = np.linspace(0, scale, 64, dtype=np.float32).reshape(8, 8)
    whole = np.asarray(read_image(written(tmp_path, Image.fromarray(values), "a.tif")))
    values[0, 0] = bad
    holed = np.asarray(read_image(written(tmp_path, Image.fromarray(values), "b.tif")))
    assert (holed.reshape(64, 3)[1:] == whole.reshape(64, 3)[1:]).all()
    assert holed[0, 0, 0] == (255 if bad == np.inf else 0)
    assert whole.max() == 255
    values[:] = bad
    with pytest.raises(ImageError, match=r"c\.tif: .*no pixel is a finite number") as caught:
        read_image(written(tmp_path, Image.fromarray(values), "c.tif"))
    assert "\n" not in str(caught.value)


def test_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "blue")]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert centre(read_image(path)) == (255, 0, 0)


def test_orientation_is_applied(tmp_path):
    image = Image.new("RGB", (20, 10), "black")
    exif = image.getexif()
    exif[0x0112] = 6  # rotate a quarter
    assert read_image(written(tmp_path, image, "turned.jpg", exif=exif)).size == (10, 20)


def test_one_pixel(tmp_path):
    assert read_image(written(tmp_path, Image.new("RGB", (1, 1), COLOUR), "1.png")).size == (1, 1)


def broken_files():
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    whole = buffer.getvalue()
    png = io.BytesIO()
    Image.fromarray(noise).save(png, "PNG")
    return {
        "empty.jpg": (b"", "empty"),
        "text.png": (b"hello", "not an image"),
        "truncated.jpg": (whole[: len(whole) // 2], "cannot be decoded"),
        "truncated.png": (png.getvalue()[:300], "cannot be decoded"),
    }


@pytest.mark.parametrize("name", broken_files())
def test_broken_files_are_named(name, tmp_path):
    content, word = broken_files()[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=word) as caught:
        read_image(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cmyk_folder_and_missing(tmp_path):
    with pytest.raises(ImageError, match="convert it to RGB"):
        read_image(written(tmp_path, Image.new("CMYK", (8, 8)), "print.jpg"))
    with pytest.raises(ImageError, match="is a folder"):
        read_image(tmp_path)
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "none.png")


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("interlock.data.images.MAX_PIXELS", 50)
    with pytest.raises(ImageError, match="resize"):
        read_image(written(tmp_path, Image.new("RGB", (8, 8)), "big.png"))


def test_labelled_folder(tmp_path):
    for name in ("owl", "cat"):
        (tmp_path / name).mkdir()
        for k in range(2):
            written(tmp_path / name, Image.new("RGB", (4, 4), COLOUR), f"{k}.png")
    (tmp_path / "notes.txt").write_text("not a class")
    (tmp_path / "cat/.0.png").write_text("hidden")
    folder = LabelledFolder.scan(tmp_path)
    assert folder.classes == ("cat", "owl")
    assert folder.labels == (0, 0, 1, 1)
    assert [label for _, label in folder] == [0, 0, 1, 1]
    assert [p.name for p in list_images(tmp_path / "cat")] == ["0.png", "1.png"]


def test_folders_without_images(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        LabelledFolder.scan(tmp_path / "none")
    with pytest.raises(DataError, match="no class folders"):
        LabelledFolder.scan(tmp_path)
    (tmp_path / "cat").mkdir()
    with pytest.raises(DataError, match="no image files"):
        LabelledFolder.scan(tmp_path)


def test_reading_pictures_imports_no_library_of_data_sets():
    heavy = ("fsspec", "pyarrow", "datasets", "torch")
    code = f"import sys, interlock.data; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_floats_a_little_above_one_and_values_of_no_data_leave_the_photo_bright(tmp_path):
    values = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    values[0, 0] = 1.02  # as bicubic resampling leaves them
    found = read_image(written(tmp_path, Image.fromarray(values), "over.tif"))
    assert found.getpixel((0, 0)) == (255, 255, 255)
    assert found.getpixel((4, 4)) == (int(255 * 36 / 63),) * 3
    values[0, :2] = 3.4e38, -3.4e38
    found = read_image(written(tmp_path, Image.fromarray(values), "map.tif"))
    assert [found.getpixel((k, 0)) for k in range(2)] == [(255,) * 3, (0,) * 3]
    assert found.getpixel((4, 4)) == (int(255 * 36 / 63),) * 3


@pytest.mark.filterwarnings("error")
def test_damaged_notes_beside_the_pixels_are_not_spoken_of(tmp_path):
    photo = Image.new("RGB", (20, 12), COLOUR)
    cut = b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0"
    found = read_image(written(tmp_path, photo, "a.jpg", exif=cut))
    assert np.abs(np.subtract(centre(found), COLOUR)).max() < 30


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["AVIF", "TIFF", "PNG", "JPEG", "WEBP", "GIF", "SPIDER"])
def test_damaged_files_are_read_or_named_in_one_line(kind):
    photo = Image.effect_mandelbrot((32, 24), (-3, -2.5, 2, 2.5), 60)
    photo = photo.convert("F" if kind == "SPIDER" else "RGB")
    stored = io.BytesIO()
    photo.save(stored, kind)
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(stored.getvalue())
        for place in rng.integers(0, min(len(damaged), 400), 3):
            damaged[place] = rng.integers(256)
        try:
            decode_image(bytes(damaged), "a")
        except ImageError as error:
            assert "\n" not in str(error)  # noqa: PT017 - some are read


def test_a_name_that_no_file_can_have_is_one_line():
    with pytest.raises(ImageError, match="name an image file"):
        read_image("x" * 5000 + ".png")
