"""Bad input to the library: recipes, models, folders, pictures.

A row is one kind of mistake. Each is refused on one line with the exception that the
kind calls for, or, where it only looks bad, is read right.
"""

import io
import os
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from malformed import draw, refused
from PIL import Image

from vhist import Recipe, create_model, load_dataset
from vhist.data import load_folder
from vhist.decoding import decode

NAN, INF, HUGE = float("nan"), float("inf"), 10**400

RECIPES = [
    ("epochs", 0, ValueError, "epochs must be at least 1"),
    ("epochs", -(10**6), ValueError, "epochs must be at least 1"),
    ("epochs", 2.5, TypeError, "epochs must be a whole number, got 2.5"),
    ("epochs", "many", TypeError, "epochs must be a whole number, got 'many'"),
    ("epochs", None, TypeError, "epochs must be a whole number, got None"),
    ("epochs", True, TypeError, "epochs must be a whole number, got True"),
    ("epochs", NAN, TypeError, "epochs must be a whole number, got nan"),
    ("epochs", HUGE, ValueError, "epochs must be at most 1,000,000,000"),
    ("batch_size", [64], TypeError, "batch_size must be a whole number, got [64]"),
    ("batch_size", 0, ValueError, "batch_size must be at least 1"),
    ("batch_size", 63, ValueError, "multiple of accumulate, got 63 and 2"),
    ("accumulate", 0, ValueError, "accumulate must be at least 1"),
    ("accumulate", 128, ValueError, "multiple of accumulate, got 64 and 128"),
    ("optimizer", "adam", ValueError, "optimizer must be one of adamw, sgd, muon"),
    (
        "optimizer",
        None,
        ValueError,
        "optimizer must be one of adamw, sgd, muon, got None",
    ),
    ("optimizer", ["sgd"], ValueError, "optimizer must be one of adamw, sgd, muon"),
    ("lr", 0, ValueError, "lr must be positive and finite, got 0"),
    ("lr", NAN, ValueError, "lr must be positive and finite, got nan"),
    ("lr", INF, ValueError, "lr must be positive and finite, got inf"),
    ("lr", HUGE, ValueError, "lr must be positive and finite"),
    ("lr", "1e-3", TypeError, "lr must be a number, got '1e-3'"),
    ("lr", torch.tensor([1, 2]), TypeError, "lr must be a number, got tensor"),
    ("momentum", 1.0, ValueError, "momentum must be in [0, 1)"),
    ("momentum", -0.1, ValueError, "momentum must be in [0, 1)"),
    ("weight_decay", -1e-9, ValueError, "weight_decay cannot be below 0"),
    ("weight_decay", INF, ValueError, "weight_decay cannot be below 0 nor infinite"),
    ("schedule", "Cosine", ValueError, "schedule must be one of constant, cosine"),
    ("schedule", 1, ValueError, "schedule must be one of constant, cosine"),
    ("warmup_epochs", NAN, ValueError, "warmup_epochs cannot be below 0"),
    ("warmup_epochs", False, TypeError, "warmup_epochs must be a number, got False"),
    ("step_epochs", 0, ValueError, "step_epochs must be at least 1"),
    ("step_epochs", 2.0, TypeError, "step_epochs must be a whole number"),
    ("step_factor", 0.0, ValueError, "step_factor must be positive"),
    ("step_factor", -INF, ValueError, "step_factor must be positive"),
    ("label_smoothing", 1, ValueError, "label_smoothing must be in [0, 1)"),
    ("label_smoothing", NAN, ValueError, "label_smoothing must be in [0, 1)"),
    ("clip_norm", 0, ValueError, "clip_norm must be positive"),
    ("clip_norm", INF, ValueError, "clip_norm must be positive and finite"),
    ("clip_norm", "none", TypeError, "clip_norm must be a number or none"),
    ("ema", 1.0, ValueError, "ema must be in [0, 1)"),
    ("ema", {}, TypeError, "ema must be a number, got {}"),
    ("mixup", -1, ValueError, "mixup must be in [0, 100]"),
    ("cutmix", NAN, ValueError, "cutmix must be in [0, 100]"),
    ("nesterov", 1, TypeError, "nesterov must be bool, got 1"),
    ("image_size", 0, ValueError, "image_size must be at least 1"),
    ("image_size", 10**7, ValueError, "image_size must be at most 10,000"),
    ("image_size", (64, 64), TypeError, "image_size must be a whole number"),
    ("start_size", 65, ValueError, "start_size cannot be above image_size=64"),
    ("start_size", 0, ValueError, "start_size must be at least 1"),
    ("start_size", "32", TypeError, "start_size must be a whole number or none"),
    ("augment", "", ValueError, "augment must be one of resized_crop, paper, none"),
    ("crop_area", (0.9, 0.1), ValueError, "two numbers in (0, 1], the smaller first"),
    ("crop_area", (0, 1), ValueError, "two numbers in (0, 1]"),
    ("crop_area", (NAN, 1.0), ValueError, "two numbers in (0, 1]"),
    ("crop_area", (0.5,), TypeError, "crop_area must be 2 entries, each a number"),
    ("crop_area", 0.5, TypeError, "crop_area must be 2 entries, each a number"),
    ("crop_area", ("a", "b"), TypeError, "crop_area must be 2 entries"),
    ("precision", "float16", ValueError, "precision must be one of auto, float32"),
    ("compile", True, ValueError, "compile must be one of auto, on, off, got True"),
    ("seed", -1, ValueError, "seed must be in [0, 2**63)"),
    ("seed", 2**64, ValueError, "seed must be in [0, 2**63)"),
    ("seed", "lucky\n", TypeError, "seed must be a whole number, got 'lucky"),
    ("sed", 1, TypeError, "unexpected keyword argument 'sed'"),
]


@pytest.mark.parametrize(("field", "value", "error", "message"), RECIPES)
def test_recipes(field, value, error, message):
    rest = {"accumulate": 2} if field == "batch_size" else {}
    refused(error, lambda: Recipe(**{field: value, **rest}), message)


def test_recipes_whose_fields_contradict_each_other():
    drops = {"schedule": "step", "step_epochs": 1, "epochs": 400}
    refused(ValueError, lambda: Recipe(**drops), "400 drops by step_factor=10.0")
    # so many digits that Python itself refuses to write them
    refused(ValueError, lambda: Recipe(epochs=10**5000), "thousands of digits")
    refused(ValueError, lambda: replace(Recipe(start_size=64), image_size=32), "above")


MODELS = [
    ("resnet_smal", {}, ValueError, "did you mean resnet_small"),
    (None, {}, ValueError, "no model named None; see `list_models()`"),
    (["vgg16"], {}, ValueError, "no model named ['vgg16']"),
    ("resnet18", {"classes": 3}, TypeError, "unexpected keyword argument 'classes'"),
    ("resnet18", {"num_classes": 0}, ValueError, "num_classes must be at least 1"),
    ("vgg16", {"num_classes": "10"}, TypeError, "num_classes must be a whole number"),
    ("alexnet", {"num_classes": True}, TypeError, "num_classes must be a whole number"),
    ("vit_b_16", {"num_classes": 10**9}, ValueError, "num_classes must be at most"),
    ("resnet18", {"num_classes": NAN}, TypeError, "num_classes must be a whole number"),
    ("resnet18", {"blocks": (1, 2)}, ValueError, "one number per stage"),
    (
        "resnet18",
        {"blocks": 2},
        TypeError,
        "blocks must be a list of whole numbers, got 2",
    ),
    ("resnet18", {"blocks": (1, 0, 1, 1)}, ValueError, "blocks must be at least 1"),
    ("resnet18", {"blocks": (1, 10**9, 1, 1)}, ValueError, "blocks must be at most"),
    ("resnet18", {"blocks": (), "widths": ()}, ValueError, "must be at least 1"),
    ("resnet18", {"blocks": (1,) * 20, "widths": (1,) * 20}, ValueError, "at most 16"),
    (
        "resnet18",
        {"widths": (1, 2, 3, 4.5)},
        TypeError,
        "widths must be a list of whole",
    ),
    ("resnet18", {"version": "v2"}, ValueError, "version is 'v1' or 'v1.5'"),
    ("resnet18", {"batch_norm": 0}, TypeError, "batch_norm must be True or False"),
    ("vgg_small", {"kernel": 4}, ValueError, "kernel must be odd, got 4"),
    ("vgg_small", {"kernel": 1.5}, TypeError, "kernel must be a whole number"),
    ("alexnet_small", {"activation": "gelu"}, ValueError, "activation is 'relu' or"),
    ("alexnet_small", {"activation": None}, ValueError, "activation is 'relu' or"),
    ("resnet18", {"residual": "False"}, TypeError, "residual must be True or False"),
    ("vgg_small", {"image_size": 65}, ValueError, "image_size must be a multiple of"),
    ("vgg16", {"image_size": 230}, ValueError, "32 for 5 poolings, got 230; 224 would"),
    ("vgg_small", {"image_size": -64}, ValueError, "image_size must be at least 1"),
    ("vgg_small", {"convs": (1, 1)}, ValueError, "convs and widths need one number"),
    ("vgg_small", {"init": "ones"}, ValueError, "init is 'glorot' or 'he'"),
    ("vgg_small", {"batch_norm": "no"}, TypeError, "batch_norm must be True or False"),
    ("vgg_small", {"dropout": 1.5}, ValueError, "dropout must be in [0, 1]"),
    ("vgg_small", {"dropout_position": 1}, ValueError, "dropout_position is"),
    ("alexnet_small", {"image_size": 12}, ValueError, "image_size must be at least"),
    ("alexnet_small", {"widths": (8, 8)}, ValueError, "widths needs 5 numbers"),
    ("alexnet_small", {"num_classes": [9]}, TypeError, "num_classes must be a whole"),
    ("vit_small_8", {"width": (192,)}, TypeError, "width must be a whole number"),
    ("resnet_small", {"stem": (7,)}, ValueError, "stem needs a kernel and a stride"),
    ("alexnet_small", {"groups": 5}, ValueError, "groups=5 must divide"),
    ("alexnet_small", {"dropout": NAN}, ValueError, "dropout must be in [0, 1]"),
    ("alexnet_small", {"stem": "abc"}, TypeError, "stem needs three whole numbers"),
    ("alexnet_small", {"stem": (5, 0, 2)}, ValueError, "a stride of 1 or more"),
    ("alexnet_small", {"lrn_alpha": "x"}, TypeError, "lrn_alpha must be a number"),
    ("vit_small_8", {"patch_size": 7}, ValueError, "image_size=64; these do: [1, 2, 4"),
    ("vit_small_8", {"patch_size": 0}, ValueError, "patch_size must be at least 1"),
    # a prime: to look for its divisors one by one would take minutes
    (
        "vit_small_8",
        {"image_size": 10**9 + 7},
        ValueError,
        "image_size must be at most",
    ),
    ("vit_small_8", {"image_size": "64"}, TypeError, "image_size must be a whole"),
    ("vit_small_8", {"heads": 5}, ValueError, "heads=5 does not divide width=192"),
    ("vit_small_8", {"width": -192}, ValueError, "width must be at least 1"),
    ("vit_small_8", {"depth": 10**9}, ValueError, "depth must be at most 1,000"),
    ("vit_small_8", {"hidden": None}, TypeError, "hidden must be a whole number"),
    ("vit_small_8", {"dropout": "half"}, TypeError, "dropout must be a number"),
    ("vit_small_8", {"positions": "fixed"}, ValueError, "positions is"),
    ("vit_small_8", {"pool": None}, ValueError, "pool is 'token' or 'mean'"),
    (
        "vit_small_8",
        {"positions": "sincos", "width": 18, "heads": 3},
        ValueError,
        "divisible by 4",
    ),
]


@pytest.mark.parametrize(("name", "options", "error", "message"), MODELS)
def test_models(name, options, error, message):
    refused(error, lambda: create_model(name, **options), message)


@pytest.mark.parametrize(
    ("pictures", "error"),
    [
        (torch.zeros(64, 64), ValueError),
        (torch.zeros(1, 1, 64, 64), ValueError),
        (torch.zeros(1, 3, 8, 8), ValueError),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), TypeError),
    ],
)
@pytest.mark.parametrize(
    "name", ["alexnet_small", "vgg_small", "resnet_small", "vit_small_8"]
)
def test_models_shown_something_else(name, pictures, error):
    refused(error, lambda: create_model(name)(pictures), "expected")


# ---- folders -------------------------------------------------------------------------


def _spoil_folder(root: Path, kind: str) -> Path:
    """Spoil a good folder in one way; return what to load."""
    shelf = root / "train" / "dark"
    if kind == "a file":
        return shelf / "0.png"
    if kind == "a link to itself":
        (root / "loop").symlink_to(root / "loop")
        return root / "loop"
    if kind == "empty":
        (root / "nothing").mkdir()
        return root / "nothing"
    if kind == "a class":
        return shelf
    if kind == "train only":
        (root / "val").rename(root / "validation")
    elif kind == "val only":
        (root / "train").rename(root / "training")
    elif kind == "train is a file":
        (root / "train").rename(root / "training")
        (root / "train").write_text("")
    elif kind == "another class":
        (root / "val" / "grey").mkdir()
    elif kind == "a renamed class":
        (root / "val" / "dark").rename(root / "val" / "Dark")
    elif kind == "an empty class":
        for path in shelf.iterdir():
            path.unlink()
    elif kind == "no classes":
        for split in ("train", "val"):
            for path in list((root / split).rglob("*.png")):
                path.rename(root / split / f"{path.parent.name}{path.name}")
            for folder in list((root / split).iterdir()):
                if folder.is_dir():
                    folder.rmdir()
    elif kind == "a link to nowhere":
        (shelf / "gone.png").symlink_to(root / "gone.png")
    elif kind == "a pipe":
        os.mkfifo(shelf / "pipe.png")
    elif kind == "a note":
        (shelf / "readme.txt").write_text("look")
    elif kind == "a name of two lines":
        (shelf / "a\nb.png").write_bytes(b"no picture")
    elif kind == "a name in no encoding":
        Path(os.fsdecode(os.fsencode(shelf) + b"/\xff.png")).write_bytes(b"no picture")
    return root


FOLDERS = [
    ("missing", FileNotFoundError, "needs train/ and val/"),
    ("a file", FileNotFoundError, "needs train/ and val/"),
    ("a link to itself", FileNotFoundError, "needs train/ and val/"),
    ("empty", FileNotFoundError, "train/ is not there"),
    ("a class", FileNotFoundError, "train/ is not there"),
    ("train only", FileNotFoundError, "val/ is not there"),
    ("val only", FileNotFoundError, "train/ is not there"),
    ("train is a file", FileNotFoundError, "train/ is not there"),
    ("another class", ValueError, "only one has a folder 'grey'"),
    ("a renamed class", ValueError, "only one has a folder 'Dark'"),
    ("an empty class", ValueError, "no pictures below"),
    ("no classes", ValueError, "one folder per class?"),
    ("a link to nowhere", ValueError, "gone.png (No such file"),
    ("a pipe", ValueError, "pipe or a device"),
    ("a note", ValueError, "not a picture by its name"),
    ("a name of two lines", ValueError, r"a\nb.png"),
    ("a name in no encoding", ValueError, r"\udcff.png"),
]


@pytest.mark.parametrize(("kind", "error", "message"), FOLDERS)
def test_folders(tmp_path, kind, error, message):
    root = tmp_path / "no" if kind == "missing" else draw(tmp_path)
    spoilt = root if kind == "missing" else _spoil_folder(root, kind)
    refused(error, lambda: load_folder(spoilt, image_size=16), message)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_class_without_any_good_picture_is_refused(tmp_path, split):
    draw(tmp_path)
    for path in (tmp_path / split / "light").iterdir():
        path.write_bytes(b"no picture")
    for _ in range(2):  # also when it comes from the cache
        with pytest.raises(ValueError, match=f"no file below .*{split}/light is a"):
            load_folder(tmp_path, image_size=16, skip_bad=True)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads all")
def test_a_file_that_may_not_be_read(tmp_path):
    draw(tmp_path)
    (tmp_path / "train" / "dark" / "0.png").chmod(0)
    refused(ValueError, lambda: load_folder(tmp_path, image_size=16), "Permission")


ARGUMENTS = [
    ({"image_size": 15}, ValueError, "image_size must be at least 16 pixels"),
    ({"image_size": 10**7}, ValueError, "choose a smaller image_size"),
    ({"image_size": HUGE}, ValueError, "choose a smaller image_size"),
    ({"image_size": "64"}, TypeError, "image_size must be a whole number"),
    ({"image_size": True}, TypeError, "image_size must be a whole number"),
    ({"image_size": 64.0}, TypeError, "image_size must be a whole number"),
    ({"name": "mnist"}, ValueError, "no data set named 'mnist'"),
    ({"name": None}, ValueError, "no data set named None"),
    ({"name": "../imagenette"}, ValueError, "no data set named '../imagenette'"),
    ({"name": "folder"}, ValueError, "needs root="),
]


@pytest.mark.parametrize(("arguments", "error", "message"), ARGUMENTS)
def test_arguments_of_load_dataset(arguments, error, message):
    refused(error, lambda: load_dataset(**arguments), message)


def test_a_folder_of_more_than_the_memory(tmp_path):
    draw(tmp_path)
    refused(
        ValueError,
        lambda: load_folder(tmp_path, image_size=10**6),
        "smaller image_size",
    )


def test_folders_that_only_look_bad(tmp_path):
    draw(tmp_path)
    shelf = tmp_path / "train" / "dark"
    deep = shelf.joinpath(*["d"] * 60)
    deep.mkdir(parents=True)
    (shelf / "0.png").rename(deep / "0.png")
    (shelf / "back").symlink_to(tmp_path)  # a circle: not followed
    (shelf / ".DS_Store").write_text("hidden")
    strange = Path(os.fsdecode(os.fsencode(shelf) + b"/\xff.png"))
    (shelf / "1.png").rename(strange)
    for _ in range(2):  # decoded, then from the cache
        train = load_folder(tmp_path, image_size=16).train
        assert len(train) == 4
        assert train.images[:2, 0].eq(40).all()
        assert any(name.endswith("\udcff.png") for name in train.files)


# ---- pictures ------------------------------------------------------------------------


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def noise(size: int = 64) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and holds next to nothing."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return (
            struct.pack(">I", len(content)) + name + content + check.to_bytes(4, "big")
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def numbers(value: float, kind: str) -> Image.Image:
    return Image.fromarray(np.full((20, 30), value, kind))


def packed() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.jpg", encoded(noise(), "JPEG"))
    return out.getvalue()


POSTSCRIPT = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
)
BAD_PICTURES = {
    "empty.jpg": (lambda: b"", "cannot identify"),
    "a start of a jpeg.jpg": (lambda: encoded(noise(), "JPEG")[:900], "truncated"),
    "only its header.jpg": (lambda: encoded(noise(), "JPEG")[:20], ""),
    "truncated.png": (lambda: encoded(noise(), "PNG")[:2000], ""),
    "truncated.gif": (lambda: encoded(noise(), "GIF")[:1200], "truncated"),
    "truncated.webp": (lambda: encoded(noise(), "WEBP")[:100], ""),
    "truncated.bmp": (lambda: encoded(noise(), "BMP")[:3000], "truncated"),
    "text.jpg": (lambda: b"what a nice picture", "cannot identify"),
    "zip.jpg": (packed, "cannot identify"),
    "svg.png": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot identi"),
    "html.jpg": (lambda: b"<!doctype html><title>404</title>", "cannot identify"),
    "a program for Ghostscript.jpg": (lambda: POSTSCRIPT, "cannot identify"),
    "bomb.png": (lambda: png(50_000, 50_000), "decompression bomb"),
    "no pixels.png": (lambda: png(0, 0), ""),
    "fewer pixels than it claims.png": (lambda: png(100, 100), "truncated"),
    "nan.tif": (lambda: encoded(numbers(NAN, "f4"), "TIFF"), "32 bits a pixel"),
    "32 bits.tif": (lambda: encoded(numbers(300, "i4"), "TIFF"), "32 bits a pixel"),
    "floats.ppm": (lambda: b"Pf\n2 2\n-1.0\n" + bytes(16), "32 bits a pixel"),
    "null bytes.png": (lambda: bytes(5000), "cannot identify"),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_pictures_that_cannot_be_read(tmp_path, name):
    make, message = BAD_PICTURES[name]
    path = tmp_path / name
    path.write_bytes(make())
    refused(ValueError, lambda: decode(path, 16), message)
    root = draw(tmp_path / "folder")
    path.rename(root / "val" / "light" / name)
    refused(ValueError, lambda: load_folder(root, image_size=16), name, "--skip-bad")
    with pytest.warns(UserWarning, match="1 files are no pictures"):
        data = load_folder(root, image_size=16, skip_bad=True)
    assert data.val.labels.tolist() == [0, 0, 1, 1]


def test_paths_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, reason in (("pipe.jpg", "a pipe"), (".", "directory"), ("no", "No such")):
        refused(ValueError, lambda n=name: decode(tmp_path / n, 16), reason)


def _rotated() -> bytes:
    """Return a picture whose left is red as stored, but whose top is, as meant."""
    picture, exif = Image.new("RGB", (40, 40), "blue"), Image.Exif()
    picture.paste("red", (0, 0, 20, 40))
    exif[0x0112] = 6
    return encoded(picture, "JPEG", exif=exif, quality=95)


def _palette() -> bytes:
    picture = Image.new("P", (20, 20), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    return encoded(picture, "PNG", transparency=0)


def _animated() -> bytes:
    frames = [Image.new("RGB", (20, 20), c) for c in ("red", "blue", "lime")]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def _big_endian() -> bytes:
    raw = np.full((20, 30), 40_000, ">u2").tobytes()
    return encoded(Image.frombytes("I;16B", (30, 20), raw), "TIFF")


def plain(colour, mode: str = "RGB", size: tuple[int, int] = (30, 20)) -> Image.Image:
    return Image.new(mode, size, colour)


RED, GREY = (255, 0, 0), (156, 156, 156)  # 40,000 of 65,535
GOOD_PICTURES = {
    "one pixel.png": (lambda: encoded(plain(RED, size=(1, 1)), "PNG"), RED),
    "a line.png": (lambda: encoded(plain(RED, size=(60_000, 1)), "PNG"), RED),
    "a column.jpg": (lambda: encoded(plain(RED, size=(1, 9000)), "JPEG"), (254, 0, 0)),
    "16 bits.png": (lambda: encoded(numbers(40_000, "u2"), "PNG"), GREY),
    "16 bits.tif": (lambda: encoded(numbers(40_000, "u2"), "TIFF"), GREY),
    "16 bits, big endian.tif": (_big_endian, GREY),
    "16 bits.ppm": (
        lambda: b"P6 2 2 65535\n" + np.full(12, 40_000, ">u2").tobytes(),
        GREY,
    ),
    "inks.jpg": (lambda: encoded(plain((0, 255, 255, 0), "CMYK"), "JPEG"), RED),
    "palette with a hole.png": (_palette, (255, 255, 255)),
    "grey and clear.png": (lambda: encoded(plain((9, 0), "LA"), "PNG"), (255,) * 3),
    "half clear.webp": (
        lambda: encoded(plain((0, 0, 0, 128), "RGBA"), "WEBP", lossless=True),
        (127, 127, 127),
    ),
    "a colour that is clear.png": (
        lambda: encoded(plain(RED), "PNG", transparency=RED),
        (255, 255, 255),
    ),
    "moving.gif": (_animated, RED),
    "black and white.png": (lambda: encoded(plain(1, "1"), "PNG"), (255,) * 3),
    "in stages.jpg": (
        lambda: encoded(plain(RED), "JPEG", progressive=True),
        (254, 0, 0),
    ),
    "no suffix of its own.png": (lambda: encoded(plain(RED), "BMP"), RED),
}


@pytest.mark.parametrize("name", GOOD_PICTURES)
def test_pictures_that_only_look_bad(tmp_path, name):
    make, colour = GOOD_PICTURES[name]
    path = tmp_path / name
    path.write_bytes(make())
    picture = decode(path, 16)
    assert picture.shape == (3, 16, 16)
    expected = torch.tensor(colour).view(3, 1, 1)
    assert (picture.int() - expected).abs().max() <= 1


def test_a_picture_is_turned_as_its_camera_was(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(_rotated())
    red, _, blue = decode(path, 16).float()
    assert min(red[:6].mean(), blue[10:].mean()) > 240
    assert max(red[10:].mean(), blue[:6].mean()) < 15
