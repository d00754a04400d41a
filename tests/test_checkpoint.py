"""Checkpoints: whole or not at all, and a killed run ends where it would have."""

import contextlib
import hashlib
import io
import multiprocessing
import os
import pickle
import random
import signal
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from vhist import Recipe, checkpoint, files, fit
from vhist.data import Dataset, Split
from vhist.parallel import Team
from vhist.pretrained import read_weights
from vhist.runs import Run

RECIPE = Recipe(
    epochs=4,
    batch_size=8,
    lr=1e-2,
    optimizer="sgd",
    warmup_epochs=0.5,
    image_size=32,
    start_size=16,
    augment="paper",
    accumulate=2,
    ema=0.9,
    clip_norm=1.0,
)


QUIET = {"model_name": "net", "verbose": False}


def toy() -> Dataset:
    chance = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (244, 3, 40, 40), generator=chance).byte()
    labels = torch.arange(244) % 3
    train = Split(images[:220], labels[:220], tuple(map(str, range(220))))
    val = Split(images[220:], labels[220:], tuple(map(str, range(24))))
    return Dataset("toy", ("a", "b", "c"), train, val, "f" * 16)


def net() -> nn.Module:
    """A network with everything that has a state: momentum, statistics, dropout."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Conv2d(8, 8, 3),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 8),
        nn.Linear(8, 3),
    )


def digest(model: nn.Module) -> str:
    whole = hashlib.sha256()
    for tensor in model.state_dict().values():
        whole.update(tensor.contiguous().numpy().tobytes())
    return whole.hexdigest()


def outcome(model: nn.Module, run: Run) -> str:
    """Everything that may not depend on interruptions, in one line."""
    log = [(e["train_loss"], e["val_loss"], e["val_accuracy"]) for e in run.log]
    return f"{digest(model)} {log} {run.predictions}"


def train(folder: str, every: float = 0.0) -> None:
    """Train, in a process of its own, and leave its outcome."""
    torch.set_num_threads(1)
    model = net()
    options = {"checkpoint": Path(folder, "run.ckpt"), "checkpoint_seconds": every}
    run = fit(model, toy(), RECIPE, **options, resume=True, **QUIET)
    partial = Path(folder, "partial")
    partial.write_text(outcome(model, run))
    partial.rename(Path(folder, "outcome"))


@pytest.fixture(scope="module")
def processes():
    """Processes that are new but need not import torch again."""
    context = multiprocessing.get_context("forkserver")
    # Every optimizer imports dynamo: kills shall hit the training, not an import.
    context.set_forkserver_preload(["vhist.train", "torch._dynamo", __name__])
    return context


def saved(folder: Path) -> int:
    """Return when the state was last saved, 0 if never."""
    path = folder / "run.ckpt"
    with contextlib.suppress(FileNotFoundError):  # between two renames
        return path.stat().st_mtime_ns
    return 0


def kill_and_resume(processes, folder: Path, kills: int) -> int:
    """Run the training, kill it so many times, let it end; return when it was hit."""
    chance, hit = random.Random(0), 0
    while not (folder / "outcome").exists():
        before = saved(folder)
        process = processes.Process(target=train, args=(str(folder),))
        process.start()
        if hit < kills:
            # A kill before anything new was saved would be none of the training.
            while process.is_alive() and saved(folder) == before:
                time.sleep(0.002)
            process.join(chance.uniform(0, 0.2))
            if process.exitcode is None:
                os.kill(process.pid, signal.SIGKILL)
                hit += 1
        process.join(120)
        assert process.exitcode in (0, -signal.SIGKILL)
    return hit


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_a_killed_run_ends_in_the_same_bits(processes, tmp_path, kills):
    straight = tmp_path / "straight"
    straight.mkdir()
    train(str(straight), every=1e9)
    expected = (straight / "outcome").read_text()
    hit, rounds = 0, 0
    while hit < kills:  # a round may end before it was killed often enough
        folder = tmp_path / f"round{rounds}"
        folder.mkdir()
        hit += kill_and_resume(processes, folder, kills - hit)
        rounds += 1
        assert (folder / "outcome").read_text() == expected
        assert rounds <= kills


@pytest.fixture
def _no_signal_is_ignored():
    """As after nohup, SIGHUP may be where the tests run."""
    before = {n: signal.getsignal(n) for n in checkpoint.ENDING}
    for number, handler in before.items():
        if handler == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_no_signal_is_ignored")
@pytest.mark.parametrize("number", checkpoint.ENDING)
def test_a_signal_finishes_the_step_saves_and_stops(tmp_path, number):
    path = tmp_path / "run.ckpt"
    handlers = [signal.getsignal(n) for n in checkpoint.ENDING]

    class Pressed(nn.Sequential):
        def forward(self, x):
            if self.training and len(seen) == 40:
                os.kill(os.getpid(), number)
            seen.append(len(x))
            return super().forward(x)

    seen: list[int] = []
    model = Pressed(*net())
    with pytest.raises(checkpoint.Interrupted, match="saved to") as stopped:
        fit(model, toy(), RECIPE, checkpoint=path, **QUIET)
    assert stopped.value.signal == number
    steps = checkpoint.load(path)["step"]
    assert f"stopped after step {steps}," in str(stopped.value)
    assert handlers == [signal.getsignal(n) for n in checkpoint.ENDING]
    resumed, straight = net(), net()
    again = fit(resumed, toy(), RECIPE, checkpoint=path, resume=True, **QUIET)
    whole = fit(straight, toy(), RECIPE, **QUIET)
    assert outcome(resumed, again) == outcome(straight, whole)
    assert again.seconds > 0


def test_without_a_checkpoint_ctrl_c_is_pythons():
    # A shell starts what it puts in the background with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with checkpoint.Signals(caught=False), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_catches_no_signals():
    def handler():
        with checkpoint.Signals():
            return signal.getsignal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(handler).result() == before


def test_a_signal_that_is_ignored_stays_so():
    """A shell starts what a script puts in the background with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with checkpoint.Signals() as signals:
            signal.raise_signal(signal.SIGINT)
            assert signals.number is None
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_ctrl_c_stops_at_once():
    with checkpoint.Signals() as signals:
        signal.raise_signal(signal.SIGINT)
        assert signals.number == signal.SIGINT
        with pytest.raises(checkpoint.Interrupted, match="at once") as stopped:
            signal.raise_signal(signal.SIGTERM)
        assert stopped.value.signal == signal.SIGTERM


@pytest.fixture
def half(tmp_path) -> Path:
    """A run that was stopped in its second epoch."""
    path = tmp_path / "half.ckpt"
    with pytest.raises(checkpoint.Interrupted):
        fit(_Stopping(*net()), toy(), RECIPE, checkpoint=path, **QUIET)
    return path


class _Stopping(nn.Sequential):
    calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls == 90:
            signal.raise_signal(signal.SIGTERM)
        return super().forward(x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 2e-2}, "its recipe lr is 0.01, not 0.02"),
        ({"epochs": 5}, "its recipe epochs is 4, not 5"),
        ({"seed": 1}, "its recipe seed is 0, not 1"),
        ({"ema": 0.0}, "its recipe ema is 0.9, not 0.0"),
    ],
)
def test_a_changed_recipe_is_refused(half, change, message):
    recipe = replace(RECIPE, **change)
    with pytest.raises(ValueError, match=message):
        fit(net(), toy(), recipe, checkpoint=half, resume=True, **QUIET)


def test_a_resumed_run_trains_only_what_is_left(half):
    class Counting(nn.Sequential):
        calls = 0

        def forward(self, x):
            self.calls += self.training
            return super().forward(x)

    stored, model = checkpoint.load(half), Counting(*net())
    run = fit(model, toy(), RECIPE, checkpoint=half, resume=True, **QUIET)
    steps = RECIPE.epochs * (220 // RECIPE.batch_size)
    assert 0 < stored["step"] < steps
    assert model.calls == RECIPE.accumulate * (steps - stored["step"])
    assert len(stored["log"]) > 0
    assert run.log[: len(stored["log"])] == stored["log"]  # with its seconds


def test_other_first_weights_are_refused(half):
    options = {"checkpoint": half, "resume": True, "weights": "other 12ab", **QUIET}
    with pytest.raises(ValueError, match="its weights is"):
        fit(net(), toy(), RECIPE, **options)


def test_changed_data_are_refused(half):
    data = replace(toy(), fingerprint="0" * 16)
    with pytest.raises(ValueError, match="its data fingerprint is ffff"):
        fit(net(), data, RECIPE, checkpoint=half, resume=True, **QUIET)


@pytest.mark.parametrize("split", ["train", "val"])
def test_another_selection_of_the_data_is_refused(half, split):
    data = toy()
    turned = getattr(data, split)[torch.arange(len(getattr(data, split))).flip(0)]
    other = replace(data, **{split: turned})
    with pytest.raises(ValueError, match="its selection is"):
        fit(net(), other, RECIPE, checkpoint=half, resume=True, **QUIET)


def test_a_state_that_does_not_say_what_was_chosen_goes_on(half):
    state = torch.load(half, weights_only=True)
    del state["facts"]["selection"]
    checkpoint.save(state, half)
    run = fit(net(), toy(), RECIPE, checkpoint=half, resume=True, **QUIET)
    assert len(run.log) == RECIPE.epochs


def test_tensors_without_a_fingerprint_are_compared(tmp_path):
    path, data = tmp_path / "run.ckpt", replace(toy(), fingerprint="")
    with pytest.raises(checkpoint.Interrupted):
        fit(_Stopping(*net()), data, RECIPE, checkpoint=path, **QUIET)
    labels = (data.train.labels + 1) % 3
    for other in (
        replace(data, val=replace(data.val, images=255 - data.val.images)),
        replace(data, train=replace(data.train, labels=labels)),
    ):
        with pytest.raises(ValueError, match="its selection is"):
            fit(net(), other, RECIPE, checkpoint=path, resume=True, **QUIET)


def test_numbers_of_numpy_are_saved_as_pythons(tmp_path):
    path = tmp_path / "run.ckpt"
    recipe = replace(RECIPE, lr=np.float64(1e-2), crop_area=(np.float64(0.3), 1.0))
    data = replace(toy(), classes=tuple(np.unique(["a", "b", "c"])))
    options = {"p": np.float64(0.3)}
    facts = {"model_options": options, "weights": Path("x.pt"), "name": Path("y")}
    with pytest.raises(checkpoint.Interrupted):
        fit(_Stopping(*net()), data, recipe, checkpoint=path, **facts, **QUIET)
    run = fit(net(), data, recipe, checkpoint=path, resume=True, **facts, **QUIET)
    run.save(tmp_path / "run.json")
    kept = Run.read(tmp_path / "run.json")
    assert (kept.name, kept.weights, kept.recipe["lr"]) == ("y", "x.pt", 1e-2)
    for bad in (np.int64(3), float("nan"), nn.ReLU):
        with pytest.raises(TypeError, match="must be plain numbers, text and lists"):
            fit(net(), data, recipe, model_options={"p": bad}, **QUIET)


def test_data_that_only_moved_are_the_same(half):
    data = replace(toy(), name="elsewhere")
    run = fit(net(), data, RECIPE, checkpoint=half, resume=True, **QUIET)
    assert len(run.log) == RECIPE.epochs


def test_another_network_is_refused(half):
    wide = net()
    wide[0] = nn.Conv2d(3, 16, 3, stride=2)
    wide[1] = nn.BatchNorm2d(16)
    wide[4] = nn.Conv2d(16, 8, 3)
    with pytest.raises(ValueError, match="no checkpoint of this run") as error:
        fit(wide, toy(), RECIPE, checkpoint=half, resume=True, **QUIET)
    assert "\n" not in str(error.value)


def test_an_unfinished_run_is_not_overwritten(half):
    with pytest.raises(ValueError, match="continue it with resume"):
        fit(net(), toy(), RECIPE, checkpoint=half, **QUIET)


STATE = {"step": 3, "weights": torch.arange(4000.0)}


def test_a_torn_file_gives_way_to_the_one_before(tmp_path):
    path = tmp_path / "a.ckpt"
    checkpoint.save(STATE, path)
    checkpoint.save(STATE | {"step": 4}, path)
    whole = path.read_bytes()
    middle = bytearray(whole)
    middle[len(whole) // 2] ^= 1  # a single bit
    for torn in (whole[: len(whole) // 2], b"", bytes(middle), b"PK\x03\x04"):
        path.write_bytes(torn)
        with pytest.warns(UserWarning, match="damaged.*continuing from the state bef"):
            assert checkpoint.load(path)["step"] == 3
    path.unlink()  # killed between the two renames
    assert checkpoint.load(path)["step"] == 3
    path.with_name("a.ckpt.previous").write_bytes(b"torn")
    with pytest.raises(ValueError, match="damaged or no checkpoint; remove it"):
        checkpoint.load(path)
    checkpoint.remove(path)
    assert list(tmp_path.iterdir()) == []
    assert checkpoint.load(path) is None


class _Evil:
    def __reduce__(self):
        return os.mkdir, ("owned",)


def _as_zip(payload: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", compression) as archive:
        archive.writestr("archive/data.pkl", payload)
        archive.writestr("archive/version", "3")
        archive.writestr("../../outside", "x")
    return whole.getvalue()


def test_code_in_a_checkpoint_is_refused_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, evil = tmp_path / "a.ckpt", pickle.dumps(_Evil())
    torch.save({"step": _Evil()}, path)
    files = [
        path.read_bytes(),
        evil,
        _as_zip(evil),
        _as_zip(evil, zipfile.ZIP_DEFLATED),
    ]
    for content in files:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a.ckpt is (damaged|no checkpoint)"):
            checkpoint.load(path)
    assert {p.name for p in tmp_path.iterdir()} == {"a.ckpt"}


def _save_under_a_limit(path: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    import resource  # not there on Windows

    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        checkpoint.save(STATE | {"step": 5}, path)
    except OSError as error:
        os._exit(42 if str(error) == f"could not write {path} (File too large)" else 43)


def test_a_full_disk_leaves_what_was_there(processes, tmp_path):
    path = tmp_path / "a.ckpt"
    checkpoint.save(STATE, path)
    process = processes.Process(target=_save_under_a_limit, args=(str(path),))
    process.start()
    process.join(60)
    assert process.exitcode == 42
    assert checkpoint.load(path)["step"] == 3
    assert [p.name for p in tmp_path.iterdir()] == ["a.ckpt"]


def test_two_writers_and_one_that_stops_leave_whole_files(tmp_path, monkeypatch):
    path = tmp_path / "cache.pt"

    def write(file):
        file.write(b"first")
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: 7)
            files.write_whole(lambda inner: inner.write(b"second, longer"), path)
        assert path.read_bytes() == b"second, longer"

    files.write_whole(write, path)
    assert path.read_bytes() == b"first"

    def stop(file):
        raise KeyboardInterrupt

    old = tmp_path / "cache.pt.12.partial"
    old.write_bytes(b"of a process that was killed")
    os.utime(old, (0, 0))
    with pytest.raises(KeyboardInterrupt):
        files.write_whole(stop, path)
    assert [p.name for p in tmp_path.iterdir()] == ["cache.pt"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"could not write .*a\.ckpt \(") as error:
        checkpoint.save(STATE, tmp_path / "file" / "a.ckpt")
    assert "\n" not in str(error.value)


def test_a_loss_that_is_no_number_keeps_the_last_good_state(tmp_path):
    path = tmp_path / "run.ckpt"

    class Explodes(nn.Sequential):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return super().forward(x) * (float("inf") if self.calls > 20 else 1)

    recipe = replace(RECIPE, clip_norm=None)
    options = {"checkpoint": path, "checkpoint_seconds": 0, "verbose": False}
    with pytest.raises(FloatingPointError) as stopped:
        fit(Explodes(*net()), toy(), recipe, **options)
    text = str(stopped.value)
    state = checkpoint.load(path)
    assert text.startswith(f"the loss is nan in step {state['step']}, epoch 1 (learn")
    assert "gradient norm nan" in text
    named = [int(i) for i in text[text.index("[") + 1 : -1].split(",")]
    assert len(named) == len(set(named)) == 8
    assert all(t.isfinite().all() for t in state["model"].values())


def test_weights_that_are_no_numbers_are_not_saved(tmp_path):
    path = tmp_path / "run.ckpt"

    class Steep(nn.Sequential):
        calls = 0

        def forward(self, x):  # the loss of the third call is finite, its slope is not
            self.calls += self.training
            out = super().forward(x)
            return out + (0 * out).sqrt() if self.calls == 3 else out

    recipe = replace(RECIPE, clip_norm=None)
    options = {"checkpoint": path, "checkpoint_seconds": 0, "verbose": False}
    with pytest.raises(FloatingPointError) as stopped:
        fit(Steep(*net()), toy(), recipe, **options)
    state = checkpoint.load(path)
    assert state["step"] > 0
    bad = f"a weight is not finite after step {state['step']}, epoch 1 (learning rate"
    assert str(stopped.value).startswith(bad)
    assert all(t.isfinite().all() for t in state["model"].values())


@pytest.mark.parametrize("step", [0, 4, 26])  # of 27 in an epoch
@pytest.mark.parametrize("clip", [None, 1.0])
def test_a_bad_gradient_is_told_of_its_own_step(step, clip):
    class Steep(nn.Sequential):
        calls = -1

        def forward(self, x):  # two calls a step, which has two parts
            self.calls += self.training
            out = super().forward(x)
            return out + (0 * out).sqrt() if self.calls == 2 * step else out

    recipe = replace(RECIPE, clip_norm=clip)
    what = "the gradient is not finite in" if clip else "a weight is not finite after"
    with pytest.raises(FloatingPointError, match=f"{what} step {step}, epoch 1 "):
        fit(Steep(*net()), toy(), recipe, **QUIET)


def test_the_weights_of_a_checkpoint_can_be_read(tmp_path):
    model = net()
    path = tmp_path / "run.ckpt"
    fit(model, toy(), replace(RECIPE, epochs=1, ema=0.0), checkpoint=path, **QUIET)
    found = read_weights(path, "net")
    assert found.keys() == model.state_dict().keys()
    assert all(torch.equal(v, found[k]) for k, v in model.state_dict().items())


def test_a_validation_loss_that_is_no_number_keeps_the_last_good_state(tmp_path):
    path, recipe = tmp_path / "run.ckpt", replace(RECIPE, ema=0.0)

    class Explodes(nn.Sequential):
        steps = 0

        def forward(self, x):
            self.steps += self.training
            broken = not self.training and self.steps > 60  # in the second epoch
            return super().forward(x) * (float("nan") if broken else 1)

    options = {"checkpoint": path, "checkpoint_seconds": 0, "verbose": False}
    with pytest.raises(FloatingPointError, match="validation loss is nan after epoch"):
        fit(Explodes(*net()), toy(), recipe, **options)
    assert len(checkpoint.load(path)["log"]) == 1


def test_pictures_that_do_not_fit_the_device_are_named(monkeypatch):
    def full(self, device):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    monkeypatch.setattr(Dataset, "to", full)
    with pytest.raises(MemoryError, match=r"no room for .* pictures of 40 pixels"):
        fit(net(), toy(), RECIPE, verbose=False)


@pytest.mark.parametrize("shape", [(2**50,), None])
def test_out_of_memory_suggests_a_smaller_setting(shape):
    class Huge(nn.Sequential):
        def forward(self, x):
            if len(x) > 1 and shape:
                torch.empty(shape)
            if len(x) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
            return super().forward(x)

    expected = "batch_size=8, accumulate=2 and image_size=32: try accumulate=4"
    with pytest.raises(MemoryError, match=expected):
        fit(Huge(*net()), toy(), RECIPE, verbose=False)
    single = replace(RECIPE, batch_size=6)
    with pytest.raises(MemoryError, match="try batch_size=3"):
        fit(Huge(*net()), toy(), single, verbose=False)


def test_out_of_memory_with_one_picture_suggests_smaller_ones():
    class Huge(nn.Sequential):
        def forward(self, x):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    alone = replace(RECIPE, batch_size=1, accumulate=1)
    with pytest.raises(MemoryError, match=r"try smaller pictures \(image_size\)"):
        fit(Huge(*net()), toy(), alone, verbose=False)


def test_evaluation_takes_few_pictures_where_a_step_does():
    seen = []

    class Watched(nn.Sequential):
        def forward(self, x):
            seen.append((self.training, len(x)))
            return super().forward(x)

    fit(Watched(*net()), toy(), replace(RECIPE, epochs=1), verbose=False)
    largest = {mode: max(n for m, n in seen if m == mode) for mode in (True, False)}
    assert largest[False] <= 4 * largest[True]


def test_a_model_option_that_is_left_out_is_refused(half):
    state = checkpoint.load(half)
    state["facts"]["model_options"] = {"dropout": 0}
    checkpoint.save(state, half)
    with pytest.raises(ValueError, match="its model_options dropout is 0, not None"):
        fit(net(), toy(), RECIPE, checkpoint=half, resume=True, **QUIET)


def test_a_log_that_could_not_be_written_is_refused(half):
    state = checkpoint.load(half)
    state["log"][0]["note"] = torch.zeros(2)
    checkpoint.save(state, half)
    with pytest.raises(ValueError, match="'note' in its log is "):
        fit(net(), toy(), RECIPE, checkpoint=half, resume=True, **QUIET)


def test_a_resumed_run_counts_what_was_before(half):
    state = torch.load(half, weights_only=True)
    before = {"seconds": 1000.0, "cpu_seconds": 2000.0, "peak_memory": 2**50}
    torch.save(state | before | {"commit": "abc+"}, half)
    run = fit(net(), toy(), RECIPE, checkpoint=half, resume=True, **QUIET)
    assert 1000 < run.seconds < 1900
    assert 2000 < run.cpu_seconds < 2900
    assert (run.peak_memory, run.commit) == (2**50, "abc+")


def test_a_state_is_saved_once_in_the_time_between(tmp_path, monkeypatch):
    class Counting:
        team, saved = Team(), 0

        def save(self, path):
            self.saved += 1

    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    state = Counting()
    checkpointer = checkpoint.Checkpointer(
        state, tmp_path / "run.ckpt", 10.0, resume=False
    )
    for _ in range(35):
        now[0] += 1
        checkpointer.after_step()
    assert state.saved == 3


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, synced = tmp_path / "a.ckpt", []

    def sync(handle):
        synced.append((os.path.isdir(f"/proc/self/fd/{handle}"), path.exists()))

    monkeypatch.setattr(os, "fsync", sync)
    checkpoint.save({"a": 1}, path)
    assert synced == [(False, False), (True, True)]  # the file, then its folder


def test_what_is_being_written_is_not_taken_for_left_over(tmp_path):
    path = tmp_path / "cache.pt"
    for pid, hours in ((1, 0.5), (2, 2)):
        partial = tmp_path / f"cache.pt.{pid}.partial"
        partial.write_bytes(b"")
        os.utime(partial, (time.time() - 3600 * hours,) * 2)
    files.write_whole(lambda file: file.write(b"x"), path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "cache.pt",
        "cache.pt.1.partial",
    ]


def test_nothing_of_a_run_that_has_ended_is_left_over(tmp_path):
    for name in ("a.ckpt", "a.ckpt.previous", "a.ckpt.7.partial", "ab.ckpt"):
        (tmp_path / name).write_bytes(b"")
    checkpoint.remove(tmp_path / "a.ckpt")
    assert [p.name for p in tmp_path.iterdir()] == ["ab.ckpt"]


def test_the_step_of_a_bad_loss_is_counted_over_all_epochs():
    class Explodes(nn.Sequential):
        calls = 0

        def forward(self, x):
            self.calls += self.training
            return super().forward(x) * (float("inf") if self.calls > 70 else 1)

    recipe = replace(RECIPE, clip_norm=None)  # 27 steps an epoch, each in two parts
    with pytest.raises(
        FloatingPointError, match="the loss is nan in step 35, epoch 2 "
    ):
        fit(Explodes(*net()), toy(), recipe, verbose=False)


def test_two_processes_do_not_write_the_same_checkpoint(processes, tmp_path):
    path = tmp_path / "run.ckpt"
    ready, go = processes.Event(), processes.Event()
    process = processes.Process(target=_hold, args=(str(path), ready, go))
    process.start()
    try:
        assert ready.wait(60)
        with pytest.raises(ValueError, match="another process is training run; wait"):
            fit(net(), toy(), RECIPE, checkpoint=path, **QUIET)
        assert not path.exists()
    finally:
        go.set()
        process.join(60)
    with files.locked(path), files.locked(path):  # this process may ask again
        fit(net(), toy(), RECIPE, checkpoint=path, **QUIET)
    assert {p.name for p in tmp_path.iterdir()} <= {"run.ckpt", "run.ckpt.previous"}
    assert path.exists()


def _hold(path: str, ready, go) -> None:
    with files.locked(path):
        ready.set()
        go.wait(60)


def test_a_file_has_no_say_in_the_settings_of_the_optimizer(half, tmp_path):
    state, outcomes = torch.load(half, weights_only=True), []
    for group in state["optimizer"]["param_groups"]:
        group |= {"momentum": 0.0, "weight_decay": 1.0, "nesterov": False}
    checkpoint.save(state, tmp_path / "other.ckpt")
    for path in (half, tmp_path / "other.ckpt"):
        options = {"checkpoint": path, "resume": True, **QUIET}
        model = net()
        fit(model, toy(), RECIPE, **options)
        outcomes.append(digest(model))
    assert outcomes[0] == outcomes[1]


def test_a_state_of_which_only_the_one_before_is_left_is_not_overwritten(half):
    # as after a kill between two renames
    before = half.replace(half.with_name(f"{half.name}.previous"))
    options = {"checkpoint": half, **QUIET}
    with pytest.raises(ValueError, match="continue it with resume"):
        fit(
            net(),
            toy(),
            RECIPE,
            **options,
        )
    assert before.exists()
