"""The list of validation pictures against the records, and galleries with and without.

The pictures themselves are looked at where VHIST_DATA has them.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from vhist import atlas, runs
from vhist.catalogue import WNIDS
from vhist.folders import cache_dir, list_folder
from vhist.plots import use_style

NAMES = atlas.val_files()
RECORDS = [
    run
    for run in runs.load_all()
    if run.data["name"].startswith("imagenette") and len(run.data["classes"]) == 10
]


@pytest.fixture
def records():
    return [next(r for r in RECORDS if r.model == m) for m in ("resnet_small",)]


@pytest.fixture
def one_picture(tmp_path, monkeypatch):
    """A data set with the first picture and no other, all blue."""
    monkeypatch.setenv("VHIST_DATA", str(tmp_path))
    path = tmp_path / NAMES[0]
    path.parent.mkdir(parents=True)
    (tmp_path / "train").mkdir()
    Image.new("RGB", (30, 20), "blue").save(path)
    return path


def words(figure):
    return [t.get_text() for t in figure.axes[0].texts]


def test_names_are_those_of_imagenette():
    assert len(set(NAMES)) == len(NAMES) == 3925
    assert all(Path(n).parts[0] == "val" and Path(n).suffix == ".JPEG" for n in NAMES)
    assert {Path(n).parts[1] for n in NAMES} == set(WNIDS)


@pytest.mark.parametrize("run", RECORDS, ids=lambda run: run.name)
def test_names_are_in_the_order_of_the_records(run):
    classes = run.data["classes"]
    assert [classes[y] for y in run.labels] == [atlas.class_of(n) for n in NAMES]
    for wrong in run.most_wrong:
        place = NAMES.index(wrong["file"])
        assert run.labels[place] == wrong["label"]
        assert run.predictions[place] == wrong["prediction"]


@pytest.mark.imagenette
def test_names_are_in_the_order_of_the_folder():
    root = Path(os.environ["VHIST_DATA"])
    _, (_, val) = list_folder(root)
    assert tuple(path.relative_to(root).as_posix() for path, _ in val) == NAMES


def test_class_of_another_file():
    with pytest.raises(ValueError, match="is no file of Imagenette"):
        atlas.class_of("val/dog/a.png")


def test_no_picture_without_the_data_set():
    assert atlas.picture(0) is None


def test_picture(one_picture):
    pixels = atlas.picture(0, size=16)
    assert pixels.shape == (3, 16, 16)
    assert pixels[2].float().mean() > 200 > 50 > pixels[0].float().mean()
    assert atlas.picture(1) is None


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("index", [-1, 3925])
def test_picture_of_a_number_that_no_picture_has(one_picture, here, index):
    if not here:
        one_picture.unlink()
        shutil.rmtree(one_picture.parents[2] / "train")
    with pytest.raises(IndexError, match=f"numbered from 0 to 3924, got {index}"):
        atlas.picture(index)


def test_picture_where_an_archive_was_unpacked(one_picture, tmp_path):
    inner = tmp_path / "imagenette2-160"
    inner.mkdir()
    for split in ("train", "val"):
        (tmp_path / split).rename(inner / split)
    assert atlas.picture(0) is not None


def test_picture_where_it_was_downloaded_to(one_picture, tmp_path, monkeypatch):
    monkeypatch.delenv("VHIST_DATA")
    monkeypatch.setenv("VHIST_CACHE", str(tmp_path / "cache"))
    for split in ("train", "val"):
        shutil.move(tmp_path / split, cache_dir() / "imagenette2-320" / split)
    assert atlas.picture(0) is not None


@pytest.mark.parametrize("constrained", [True, False])
def test_gallery_of_tiles(records, tmp_path, constrained):
    plt.rcdefaults()
    plt.rcParams["figure.constrained_layout.use"] = constrained
    figure = atlas.gallery([0, None, 3924], records, columns=3)
    assert not figure.axes[0].get_images()
    assert "tench\n\nILSVRC2012_val\n_00009111" in words(figure)
    classes = records[0].data["classes"]
    for index in (0, 3924):
        assert classes[records[0].predictions[index]] in words(figure)
    assert "ResNet" in words(figure)
    assert "VHIST_DATA" in words(figure)[-1]
    for _ in range(2):  # a page saves it twice, in two inks
        figure.savefig(tmp_path / "a.png")
        assert figure.axes[0].get_position().bounds == (0, 0, 1, 1)
    plt.close(figure)


def test_gallery_of_pictures_says_whose_they_are(one_picture):
    use_style()
    figure = atlas.gallery([0, 1])
    assert len(figure.axes[0].get_images()) == 1
    assert "Imagenette" in words(figure)[-1]
    assert "owners" in words(figure)[-1]
    plt.close(figure)


def test_gallery_groups_equal_answers_and_marks_the_right_one(records):
    (right,) = records
    right = replace(right, predictions=[0] * 3925)
    wrong = replace(right, model="vit_small_8", predictions=[4] * 3925)
    figure = atlas.gallery([0], [right, wrong, wrong])
    answers = {t.get_text(): t.get_fontweight() for t in figure.axes[0].texts}
    assert (answers["tench"], answers["church"]) == ("bold", "normal")
    assert words(figure).count("church") == 1
    plt.close(figure)


def test_gallery_leaves_no_room_for_gaps_at_the_end():
    full, gaps = (
        atlas.gallery([0], columns=2),
        atlas.gallery([0] + [None] * 9, columns=2),
    )
    assert full.get_size_inches().tolist() == gaps.get_size_inches().tolist()
    plt.close("all")


def test_gallery_takes_tensors(records):
    plt.close(atlas.gallery(torch.tensor([1, 2]), records))


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([], "there are no pictures to draw"),
        ([None], "there are no pictures to draw"),
        ([3925], "numbered from 0 to 3924, got 3925"),
        ([-1], "got -1"),
    ],
)
def test_gallery_of_nothing(indices, message):
    with pytest.raises(ValueError, match=message):
        atlas.gallery(indices)


def test_gallery_takes_records_of_other_models(records):
    plt.close(atlas.gallery([1], [replace(records[0], model="convnext_tiny")]))
    with pytest.raises(ValueError, match="columns must be at least 1"):
        atlas.gallery([1], records, columns=0)


def test_gallery_of_other_pictures(example):
    with pytest.raises(ValueError, match="the record a is of 4 pictures"):
        atlas.gallery([0], [example])


def test_gallery_does_not_stand_pictures_on_their_head(one_picture):
    image = Image.new("RGB", (30, 30), "blue")
    image.paste("red", (0, 0, 30, 15))
    image.save(one_picture)
    figure = atlas.gallery([0])
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba()).astype(int)
    rows = {
        name: np.nonzero(drawn[..., this] - drawn[..., other] > 150)[0].mean()
        for name, this, other in (("red", 0, 2), ("blue", 2, 0))
    }
    assert rows["red"] < rows["blue"]
    plt.close(figure)


def test_gallery_begins_a_new_row_on_the_left():
    figure = atlas.gallery([0, 1, 2, 3, 4], columns=3)
    corners = [p.get_xy() for p in figure.axes[0].patches]
    (a, top), (b, _), (c, _), (d, below), (e, _) = corners
    assert a < b < c
    assert (d, e) == (a, b)
    assert top < below
    plt.close(figure)


def test_the_largest_picture_at_hand_is_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("VHIST_DATA", str(tmp_path))
    for name, colour in (("imagenette2", "blue"), ("imagenette2-160", "red")):
        path = tmp_path / name / atlas.val_files()[0]
        path.parent.mkdir(parents=True)
        (tmp_path / name / "train").mkdir()
        Image.new("RGB", (30, 20), colour).save(path)
    red, _, blue = atlas.picture(0, size=16).float().mean(dim=(1, 2))
    assert blue > 200 > 50 > red


def test_each_who_gave_an_answer_has_a_square_and_pictures_do_not_touch():
    (right,) = [runs.load("short-resnet_small-0")]
    right = replace(right, predictions=[0] * 3925)
    wrong = replace(right, model="vit_small_8", predictions=[4] * 3925)
    plain, named = atlas.gallery([0, 1]), atlas.gallery([0, 1], [right, wrong, wrong])
    one, two = plain.axes[0].patches
    assert one.get_x() + one.get_width() < two.get_x()
    # three below each of two tiles, and three in the line above
    assert len(named.axes[0].patches) == 2 + 2 * 3 + 3
    plt.close("all")
