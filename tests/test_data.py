"""Pictures in, uint8 tensors out; augmentation per sample; honest errors."""

import hashlib
import os
import pickle
import shutil
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from malformed import refused
from PIL import Image

from vhist import catalogue, decoding, folders, load_dataset, sketchnette
from vhist import data as vdata
from vhist.catalogue import count_pictures, locate
from vhist.data import load_folder, normalize, resize
from vhist.folders import cache_dir, list_folder


def numbers(n: int, size: int = 4) -> vdata.Split:
    images = torch.zeros(n, 3, size, size, dtype=torch.uint8)
    return vdata.Split(images, torch.arange(n))


@pytest.mark.parametrize(
    ("images", "labels", "files", "message"),
    [
        (torch.rand(2, 3, 4, 4), None, (), "images of a split are a tensor of .*uint8"),
        (np.zeros((2, 3, 4, 4)), None, (), "uint8, got ndarray"),
        (torch.zeros(2, 4, 4, 3).byte(), None, (), r"shape \(n, 3, h, w\), got"),
        (torch.zeros(2, 3, 4).byte(), None, (), r"shape \(n, 3, h, w\), got"),
        (None, torch.zeros(2), (), "labels of a split are a tensor of .*int64"),
        (None, [0, 1], (), "int64, got list"),
        (None, torch.zeros(2, 3).long(), (), r"shape \(n\), got \(2, 3\)"),
        (None, torch.arange(3), (), "as many images as labels and files, got 2, 3"),
        (None, None, ("a",), "as many images as labels and files, got 2, 2 and 1"),
    ],
)
def test_pictures_and_labels_of_ones_own_are_checked(images, labels, files, message):
    images = torch.zeros(2, 3, 4, 4).byte() if images is None else images
    labels = torch.arange(2) if labels is None else labels
    with pytest.raises((TypeError, ValueError), match=message):
        vdata.Split(images, labels, files)


def test_parts_of_a_split():
    split = numbers(5)
    assert repr(split) == "Split(5 pictures of 4 x 4 pixels)"
    assert split.files == ("00000", "00001", "00002", "00003", "00004")
    for part in (slice(1, 3), torch.tensor([1, 2]), (split.labels - 1.5).abs() < 1):
        some = split[part]
        assert some.labels.tolist() == [1, 2]
        assert some.files == ("00001", "00002")
        assert some.images.shape == (2, 3, 4, 4)
    for part in (3, torch.tensor(3), [1, 2]):
        with pytest.raises(TypeError, match="a slice or a tensor of one axis"):
            split[part]


def test_paths_may_be_text(tmp_path):
    for split in ("train", "val"):
        (tmp_path / split / "a").mkdir(parents=True)
        picture(0).save(tmp_path / split / "a" / "x.png")
    path = str(tmp_path / "train" / "a" / "x.png")
    assert decoding.decode(path, 16).shape == (3, 16, 16)
    assert folders.named_as_picture(path)
    assert list(folders.files_below(str(tmp_path / "train"))) == [Path(path)]
    assert list_folder(str(tmp_path))[0] == ["a"]


def picture(seed: int, mode: str = "RGB", size: tuple[int, int] = (40, 30)):
    rng = np.random.default_rng(seed)
    smooth = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    return smooth.resize(size, Image.Resampling.BICUBIC).convert(mode)


@pytest.fixture
def folder(tmp_path):
    for split, count in (("train", 3), ("val", 2)):
        for label in ("n01440764", "zebra"):
            target = tmp_path / split / label
            target.mkdir(parents=True)
            for i in range(count):
                picture(i).save(target / f"{i}.jpg")
    return tmp_path


@pytest.fixture
def part_of_imagenette(folder):
    for split in ("train", "val"):
        (folder / split / "zebra").rename(folder / split / "n02102040")
    return folder


def test_a_folder_becomes_two_splits(folder):
    data = load_folder(folder, image_size=24)
    assert data.classes == ("tench", "zebra")  # a WordNet id gets its name
    assert data.train.images.shape == (6, 3, 24, 24)
    assert data.train.images.dtype == torch.uint8
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.val.files[0] == "val/n01440764/0.jpg"
    assert data.image_size == 24


def test_all_of_a_data_set_keeps_its_order(folder):
    data = load_folder(folder, image_size=24)
    assert data.select() is data


def test_a_part_of_a_split_is_a_split(folder):
    split = load_folder(folder, image_size=24).train
    part = split[1:3]
    assert len(part) == len(part.files) == 2
    assert torch.equal(part.images, split.images[1:3])


def test_the_middle_of_a_picture_is_kept(tmp_path):
    for split in ("train", "val"):
        target = tmp_path / split / "a"
        target.mkdir(parents=True)
        wide = Image.new("RGB", (90, 30), "red")
        wide.paste("blue", (30, 0, 60, 30))
        wide.save(target / "0.png")
    pixels = load_folder(tmp_path, image_size=16).train.images[0].float()
    assert pixels[2].mean() > 240
    assert pixels[0].mean() < 15


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(folder, mode):
    target = folder / "train" / "zebra"
    base = picture(9)
    if mode == "I;16":
        grey = np.asarray(base.convert("L")).astype(np.uint16) * 256
        Image.fromarray(grey).save(target / "odd.png")
    elif mode == "CMYK":
        base.convert("CMYK").save(target / "odd.jpg")
    else:
        base.convert(mode).save(target / "odd.png")
    base.save(folder / "train" / "zebra" / "zz_base.png")
    images = load_folder(folder, image_size=24).train.images
    odd, plain = images[-2].float(), images[-1].float()
    assert len(images) == 8
    if mode in ("L", "LA", "I;16"):
        plain = plain.mean(0, keepdim=True)
    if mode != "1":
        assert (odd - plain).abs().mean() < 25


@pytest.mark.parametrize("kind", ["truncated", "text", "empty"])
def test_a_broken_file_is_named_or_skipped(folder, kind):
    bad = folder / "train" / "zebra" / ("bad.txt" if kind == "text" else "bad.jpg")
    whole = (folder / "train" / "zebra" / "0.jpg").read_bytes()
    bad.write_bytes({"truncated": whole[:300], "text": b"hello", "empty": b""}[kind])
    with pytest.raises(
        ValueError, match=r"cannot read .*bad.* skip_bad=True"
    ) as caught:
        load_folder(folder, image_size=24)
    assert "\n" not in str(caught.value)
    for _ in range(2):  # decoded, then from the cache
        with pytest.warns(UserWarning, match="1 files are no pictures"):
            data = load_folder(folder, image_size=24, skip_bad=True)
        assert len(data.train) == 6
    with pytest.raises(ValueError, match="cannot read"):
        load_folder(folder, image_size=24)


def test_the_cache_follows_the_folder(folder):
    first = load_folder(folder, image_size=24)
    again = load_folder(folder, image_size=24)
    assert torch.equal(first.train.images, again.train.images)
    picture(77).save(folder / "train" / "zebra" / "0.jpg")
    changed = load_folder(folder, image_size=24)
    assert not torch.equal(first.train.images, changed.train.images)
    assert first.fingerprint == again.fingerprint != changed.fingerprint


def test_a_folder_has_one_cache_by_whatever_path(folder, monkeypatch):
    load_folder(folder, image_size=24)
    before = {*folders.cache_dir().iterdir()}
    monkeypatch.chdir(folder.parent)
    load_folder(folder.name, image_size=24)
    assert {*folders.cache_dir().iterdir()} == before


def test_a_torn_cache_file_is_decoded_again(folder, tmp_path_factory):
    load_folder(folder, image_size=24)
    for cached in folders.cache_dir().glob("*.pt"):
        cached.write_bytes(cached.read_bytes()[:100])
    assert len(load_folder(folder, image_size=24).train) == 6


def test_a_cache_that_cannot_be_written_costs_only_a_warning(folder, monkeypatch):
    blocked = folder / "file"
    blocked.write_text("")
    monkeypatch.setenv("VHIST_CACHE", str(blocked / "below"))
    with pytest.warns(UserWarning, match="decoded again next time: could not write"):
        assert len(load_folder(folder, image_size=24).train) == 6


def test_what_is_missing_is_said(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match="needs train/ and val/"):
        load_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="needs root="):
        load_dataset("folder")
    with pytest.raises(ValueError, match="no data set named 'mnist'"):
        load_dataset("mnist")
    with pytest.raises(ValueError, match="at least 16 pixels"):
        load_dataset(image_size=4)
    with pytest.raises(
        ValueError, match="size is 'full' or '320px' or '160px', got '64px'"
    ):
        load_dataset("imagenette", root=tmp_path / "new", size="64px")
    (folder / "val" / "yak").mkdir()
    with pytest.raises(ValueError, match="different classes"):
        load_folder(folder)


def test_a_folder_without_pictures_is_said(tmp_path):
    for split in ("train", "val"):
        (tmp_path / split / "a").mkdir(parents=True)
    with pytest.raises(ValueError, match="no pictures below"):
        load_folder(tmp_path)


@pytest.mark.parametrize("name", ["imagenette", "cifar10"])
def test_a_failed_download_says_what_to_do(tmp_path, name, monkeypatch):
    from torchvision.datasets import cifar, utils

    def refuse(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(cifar, "download_and_extract_archive", refuse)
    monkeypatch.setattr(utils, "download_url", refuse)
    with pytest.raises(FileNotFoundError, match=r"no route to host.*put it in") as e:
        load_dataset(name, root=tmp_path)
    assert "\n" not in str(e.value)


def test_cifar10_becomes_a_folder_of_pictures(tmp_path, monkeypatch):
    """An archive in the original's format, with ten pictures in each of its files."""
    from torchvision.datasets import CIFAR10

    inside = tmp_path / "made" / CIFAR10.base_folder
    inside.mkdir(parents=True)
    chance = np.random.default_rng(0)
    names = [
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ]
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        pixels = chance.integers(0, 256, (10, 3072), dtype=np.uint8)
        stored = {"data": pixels, "labels": list(range(9, -1, -1))}
        (inside / name).write_bytes(pickle.dumps(stored))
    (inside / "batches.meta").write_bytes(pickle.dumps({"label_names": names}))
    sums = {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in inside.iterdir()}
    root = tmp_path / "root"
    root.mkdir()
    with tarfile.open(root / CIFAR10.filename, "w:gz") as archive:
        archive.add(inside, CIFAR10.base_folder)
    md5 = hashlib.md5((root / CIFAR10.filename).read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5)
    for part in ("train_list", "test_list"):
        files = [[name, sums[name]] for name, _ in getattr(CIFAR10, part)]
        monkeypatch.setattr(CIFAR10, part, files)
    meta = CIFAR10.meta | {"md5": sums["batches.meta"]}
    monkeypatch.setattr(CIFAR10, "meta", meta)
    data = load_dataset("cifar10", root=root, image_size=32)
    assert list(data.classes) == names
    assert (len(data.train), len(data.val)) == (50, 10)
    assert data.val.labels.tolist() == list(range(10))
    expected = torch.from_numpy(pixels[::-1].reshape(10, 3, 32, 32).copy())
    assert torch.equal(data.val.images, expected)
    again = load_dataset("cifar10", root=root, image_size=32)
    assert again.fingerprint == data.fingerprint


def test_an_existing_imagenette_is_taken_as_it_is(part_of_imagenette, monkeypatch):
    data = load_dataset("imagenette", root=part_of_imagenette, image_size=24)
    assert data.name == part_of_imagenette.name
    monkeypatch.setenv("VHIST_DATA", str(part_of_imagenette))
    assert load_dataset("imagenette", image_size=24).fingerprint == data.fingerprint


def test_sketchnette_is_the_default():
    data = load_dataset(image_size=16)
    assert data.name == "sketchnette"
    assert len(data.classes) == 10
    assert (len(data.train), len(data.val)) == (4000, 1000)
    assert torch.equal(load_dataset(image_size=16).val.images, data.val.images)


def test_normalize_uses_imagenets_statistics():
    x = normalize(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8))
    expected = [(1 - m) / s for m, s in zip(vdata.MEAN, vdata.STD, strict=True)]
    torch.testing.assert_close(x[0, :, 0, 0], torch.tensor(expected))


def test_a_failed_download_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.utils.download_url", _no_network)
    root = tmp_path / "new" / "pictures"
    with pytest.raises(FileNotFoundError, match="could not download imagenette"):
        load_dataset("imagenette", root=root)
    assert not list(tmp_path.iterdir())


def _no_network(*args, **kwargs):
    raise OSError("no network in this test")


def test_an_archive_that_was_half_unpacked_is_unpacked_again(
    folder, tmp_path_factory, monkeypatch
):
    from torchvision import datasets

    root = tmp_path_factory.mktemp("root")
    archive = root / "imagenette2-160.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "imagenette2-160")
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    known = {"160px": (f"http://nowhere.invalid/{archive.name}", md5)}
    monkeypatch.setattr(datasets.Imagenette, "_ARCHIVES", known)
    unpack = datasets.utils.extract_archive

    def killed(source, target):
        unpack(source, target)
        for path in [*Path(target).rglob("val/*/*")][1:]:
            path.unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets.utils, "extract_archive", killed)
    with pytest.raises(KeyboardInterrupt):
        load_dataset("imagenette", root=root, image_size=24)
    assert [path.name for path in root.iterdir()] == [archive.name]
    monkeypatch.setattr(datasets.utils, "extract_archive", unpack)
    data = load_dataset("imagenette", root=root, image_size=24)
    assert data.fingerprint == load_folder(folder, image_size=24).fingerprint
    assert {path.name for path in root.iterdir()} == {archive.name, data.name}


def test_a_class_without_validation_pictures_is_named(folder):
    empty = folder / "val" / sorted(p.name for p in (folder / "val").iterdir())[0]
    for path in empty.iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=f"no pictures below .*{empty.name}"):
        load_folder(folder, image_size=24)


@pytest.mark.parametrize("name", ["cifar10", "imagenette"])
def test_a_data_set_is_not_read_from_a_folder_of_other_classes(
    folder, name, monkeypatch
):
    monkeypatch.setenv("VHIST_DATA", str(folder))
    with pytest.raises(ValueError, match=f"other classes than {name}: give another"):
        load_dataset(name, image_size=24)
    assert locate(name) is None
    assert locate("folder") == folder


def test_what_windows_puts_into_folders_is_no_picture(folder):
    clean = load_folder(folder, image_size=24)
    (folder / "train" / "zebra" / "Thumbs.db").write_bytes(b"\xd0\xcf")
    (folder / "val" / "zebra" / "desktop.ini").write_bytes(b"")
    assert load_folder(folder, image_size=24).fingerprint == clean.fingerprint
    (folder / "train" / "zebra" / "list.txt").write_text("")
    with pytest.raises(ValueError, match=r"list\.txt \(not a picture by its name\)"):
        count_pictures("folder", folder)  # what training would say, without a look
    counts = count_pictures("folder", folder, skip_bad=True)
    assert counts == (2, 6, 4, str(folder))


def test_imagenette_is_found_below_other_pictures(part_of_imagenette, monkeypatch):
    root = part_of_imagenette
    monkeypatch.setattr("torchvision.datasets.utils.download_url", _no_network)
    inner = root / "imagenette2-160"
    for split in ("train", "val"):
        shutil.copytree(root / split, inner / split)
        (root / split / "n02102040").rename(root / split / "zebra")
    assert locate("imagenette", root) == inner
    assert load_dataset("imagenette", root=root, image_size=24).name == inner.name
    shutil.rmtree(root / "train")
    (inner / "train" / "n02102040").rename(inner / "train" / "zebra")
    with pytest.raises(ValueError, match="imagenette2-160 has other classes than ima"):
        load_dataset("imagenette", root=root, image_size=24)


def test_a_part_of_imagenette_is_imagenette(part_of_imagenette):
    (part_of_imagenette / "train" / ".ipynb_checkpoints").mkdir()
    assert locate("imagenette", part_of_imagenette) == part_of_imagenette


def test_what_is_hidden_is_neither_a_class_nor_a_picture(folder):
    before = load_folder(folder, image_size=24)
    for place in (".ipynb_checkpoints", "zebra/.ipynb_checkpoints/old"):
        (folder / "train" / place).mkdir(parents=True)
        picture(5).save(folder / "train" / place / "0-checkpoint.jpg")
    after = load_folder(folder, image_size=24)
    assert after.classes == before.classes
    assert after.train.files == before.train.files
    assert after.fingerprint == before.fingerprint


def test_pictures_are_in_the_order_of_their_folders(folder):
    shelf = folder / "train" / "zebra"
    for name in ("a", "a-b"):
        (shelf / name).mkdir()
        picture(5).save(shelf / name / "0.jpg")
    picture(5).save(shelf / "a.jpg")
    _, (train, _) = list_folder(folder)
    names = [path.relative_to(shelf).as_posix() for path, label in train if label]
    # So they have been since the first records: another order is another fingerprint.
    assert names == ["0.jpg", "1.jpg", "2.jpg", "a/0.jpg", "a-b/0.jpg", "a.jpg"]


def test_links_to_folders_are_followed_and_no_folder_is_read_twice(
    folder, tmp_path_factory
):
    shelf, extra = folder / "train" / "zebra", tmp_path_factory.mktemp("extra")
    for place in (shelf / "old", extra / "deep"):
        place.mkdir()
        picture(5).save(place / "5.jpg")
    before = load_folder(folder, image_size=24).train.files
    (shelf / "more").symlink_to(extra)
    (shelf / "again").symlink_to(shelf / "old")
    (shelf / "up").symlink_to(folder)
    (extra / "deep" / "round").symlink_to(extra)
    (extra / "deep" / "back").symlink_to(shelf)
    files = load_folder(folder, image_size=24).train.files
    assert set(files) == {*before, "train/zebra/more/deep/5.jpg"}
    assert len(files) == len(before) + 1


def test_a_folder_that_may_not_be_listed_is_named(folder, monkeypatch):
    deep = folder / "train" / "zebra" / "deep"
    deep.mkdir()
    listed = os.scandir

    def scandir(path):  # root may list all
        if str(path) == str(deep):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    words = (f"cannot list {deep} (Permission denied)", "make the folder readable")
    refused(ValueError, lambda: load_folder(folder, image_size=24), *words)


@pytest.mark.parametrize(
    "call",
    [
        lambda lost: load_dataset("folder", root=lost),
        lambda lost: load_folder(lost),
        lambda lost: locate("imagenette", lost),
        lambda lost: count_pictures("folder", lost),
    ],
)
def test_a_root_in_a_home_that_is_not_known_is_said(call):
    words = ("'~nobody-here/x' begins with a home folder", "give root (--root, or VH")
    refused(ValueError, lambda: call(Path("~nobody-here/x")), *words)


def test_a_home_that_is_not_known_is_said(monkeypatch):
    monkeypatch.setenv("VHIST_DATA", "~nobody-here/x")
    refused(ValueError, lambda: load_dataset("imagenette"), "VHIST_DATA) without ~")
    monkeypatch.setenv("VHIST_CACHE", "~nobody-here/x")
    refused(ValueError, cache_dir, "set VHIST_CACHE to a folder")
    monkeypatch.delenv("VHIST_CACHE")
    monkeypatch.setattr(os.path, "expanduser", str)  # no HOME, and no entry in passwd
    refused(ValueError, cache_dir, "'~/.cache/vhist'", "set VHIST_CACHE to a folder")


def test_resize_keeps_the_mean():
    x = torch.randint(0, 256, (6, 3, 32, 32)).byte()
    assert torch.equal(resize(x, 32), x.float())
    small = resize(x, 16)
    assert small.shape == (6, 3, 16, 16)
    assert (small.mean() - x.float().mean()).abs() < 1.5


@pytest.mark.imagenette
def test_real_imagenette():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = load_dataset("imagenette", image_size=16)
    assert (len(data.train), len(data.val)) == (9469, 3925)
    assert data.classes == tuple(catalogue.WNIDS.values())


def test_endings_are_those_that_pillow_has_for_the_formats_that_are_read():
    from PIL import Image

    known = {end for end, name in Image.registered_extensions().items()}
    chosen = {*folders.SUFFIXES}
    assert chosen <= known
    read = {Image.registered_extensions()[end] for end in chosen}
    assert read == {*decoding._FORMATS}


def test_the_cache_sees_a_change_that_keeps_the_size(folder):
    one = folder / "train" / "zebra" / "3.bmp"
    picture(5).save(one)
    before = load_folder(folder, image_size=24)
    size = one.stat().st_size
    picture(6).save(one)
    os.utime(one, (1, 1))
    assert one.stat().st_size == size
    after = load_folder(folder, image_size=24)
    assert not torch.equal(before.train.images, after.train.images)


def test_the_fingerprint_is_of_names_too(folder):
    before = load_folder(folder, image_size=24).fingerprint
    (folder / "train" / "zebra" / "2.jpg").rename(folder / "train" / "zebra" / "3.jpg")
    assert load_folder(folder, image_size=24).fingerprint != before


def test_resize_looks_at_every_pixel():
    x = torch.zeros(1, 3, 32, 32)
    x[..., ::4] = 255
    small = resize(x, 8)[..., 1:-1]
    assert 40 < small.min() <= small.max() < 90


def test_a_byte_a_number_must_fit_the_memory(folder, monkeypatch):
    need = 10 * 3 * 24 * 24
    for have, fits in ((need, True), (need - 1, False)):
        monkeypatch.setattr(
            os, "sysconf", lambda key, n=have: n if "PAGES" in key else 1
        )
        if fits:
            decoding.check_room(10, 24)
        else:
            with pytest.raises(ValueError, match="10 pictures of 24 pixels need more"):
                load_folder(folder, image_size=24)


def test_folders_that_look_alike_have_caches_of_their_own(tmp_path):
    for root, colour in (("one", "red"), ("two", "blue")):
        for split in ("train", "val"):
            path = tmp_path / root / split / "a" / "0.bmp"  # as many bytes in both
            path.parent.mkdir(parents=True)
            Image.new("RGB", (20, 20), colour).save(path)
            os.utime(path, (0, 0))
    one, two = (load_folder(tmp_path / r, image_size=16) for r in ("one", "two"))
    assert one.fingerprint != two.fingerprint
    assert not torch.equal(one.val.images, two.val.images)


def test_the_present_folder_has_a_name(tmp_path, monkeypatch):
    for split in ("train", "val"):
        path = tmp_path / "mine" / split / "a" / "0.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (20, 20)).save(path)
    monkeypatch.chdir(tmp_path / "mine")
    assert load_folder(".", image_size=16).name == "mine"


def test_sketchnette_validates_on_pictures_of_its_own():
    data = load_dataset("sketchnette", image_size=16)
    for part in ("train", "val"):
        images, labels = sketchnette.sketchnette(20, image_size=16, split=part)
        split = getattr(data, part)
        assert torch.equal(split.images[:20], images)
        assert torch.equal(split.labels[:20], labels)
    assert not torch.equal(data.train.images[:20], data.val.images[:20])


def test_imagenettes_archive_is_checked(tmp_path, monkeypatch):
    asked = []

    def refuse(url, root, **options):
        asked.append(options["md5"])
        raise RuntimeError("no network")

    monkeypatch.setattr(torchvision.datasets.utils, "download_url", refuse)
    with pytest.raises(FileNotFoundError, match="no network"):
        load_dataset("imagenette", root=tmp_path, size="320px")
    assert asked == [torchvision.datasets.Imagenette._ARCHIVES["320px"][1]]


def test_decoding_looks_at_every_pixel(tmp_path):
    stripes = Image.new("RGB", (64, 64))
    for x in range(0, 64, 2):
        stripes.paste("white", (x, 0, x + 1, 64))
    stripes.save(tmp_path / "x.png")
    pixels = decoding.decode(tmp_path / "x.png", 16)[:, :, 2:-2].float()
    assert (pixels - 127.5).abs().max() < 8
