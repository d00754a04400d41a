"""Muon: what its step is, which parameters take it, and that it survives a kill."""

import copy
from dataclasses import replace

import pytest
import torch
from test_checkpoint import RECIPE, net, outcome, toy
from torch import nn

from vhist import checkpoint, create_model, estimate, fit
from vhist.muon import Muon, orthogonalize
from vhist.recipe import Recipe
from vhist.train import make_optimizer


@pytest.mark.parametrize(
    ("shape", "dtype", "error"),
    [
        ((20, 50), None, 1e-4),
        ((50, 20), None, 1e-4),
        ((3, 7, 7), None, 1e-4),
        ((20, 50), torch.bfloat16, 0.02),
    ],
)
def test_directions_stay_and_lengths_become_alike(shape, dtype, error):
    chance = torch.Generator().manual_seed(0)
    matrices = torch.randn(shape, generator=chance)
    found = orthogonalize(matrices, dtype=dtype)
    assert found.shape == matrices.shape
    assert found.dtype == (dtype or torch.float32)
    found = found.float()
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    turned = u.mT @ found @ v.mT  # diagonal, if the singular vectors are the same
    lengths = turned.diagonal(dim1=-2, dim2=-1)
    assert (turned - lengths.diag_embed()).abs().max() < error
    assert 0.6 < lengths.min() < lengths.max() < 1.3


def _steps(optimizer, *parameters):
    chance = torch.Generator().manual_seed(1)
    for _ in range(5):
        for p in parameters:
            p.grad = torch.randn(p.shape, generator=chance)
        optimizer.step()


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="PyTorch before 2.9")
@pytest.mark.parametrize("nesterov", [True, False])
def test_a_matrix_goes_where_pytorchs_muon_takes_it(nesterov):
    ours, theirs = (nn.Parameter(torch.full((30, 40), 0.1)) for _ in range(2))
    group = {"params": [ours], "matrices": True, "weight_decay": 0.1}
    _steps(Muon([group], 1e-2, 0.9, nesterov=nesterov), ours)
    reference = torch.optim.Muon(
        [theirs],
        lr=1e-2,
        weight_decay=0.1,
        momentum=0.9,
        nesterov=nesterov,
        adjust_lr_fn="match_rms_adamw",
    )
    _steps(reference, theirs)
    change = (theirs - 0.1).norm()
    assert change > 0.1
    assert (ours - theirs).norm() < 0.01 * change  # theirs has bfloat16 within


def test_a_filter_is_the_matrix_of_what_it_sees():
    filters = nn.Parameter(torch.zeros(8, 3, 5, 5))
    flat = nn.Parameter(torch.zeros(8, 75))
    moved = filters.data.to(memory_format=torch.channels_last)
    channels_last = nn.Parameter(moved)
    optimizer = Muon([{"params": [filters, channels_last], "matrices": True}], 0.1)
    other = Muon([{"params": [flat], "matrices": True}], 0.1)
    chance = torch.Generator().manual_seed(2)
    filters.grad = torch.randn(filters.shape, generator=chance)
    flat.grad = filters.grad.flatten(1)
    channels_last.grad = filters.grad.to(memory_format=torch.channels_last)
    optimizer.step(), other.step()
    torch.testing.assert_close(filters.detach().flatten(1), flat.detach())
    torch.testing.assert_close(channels_last, filters, check_stride=False)
    # 0.2 as AdamW's numbers, times a rate of 0.1
    assert filters.detach().square().mean().sqrt() == pytest.approx(0.02, rel=0.15)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")
@pytest.mark.parametrize("nesterov", [True, False])
def test_a_replayed_step_is_the_step(nesterov):
    ends = []
    for cuda_graph in (False, True):
        chance = torch.Generator("cuda").manual_seed(3)
        shapes = [(8, 3, 5, 5), (8, 3, 5, 5), (20, 10)]
        matrices = [nn.Parameter(torch.zeros(s, device="cuda")) for s in shapes]
        group = {"params": matrices, "matrices": True, "weight_decay": 0.1}
        optimizer = Muon([group], 0.1, nesterov=nesterov, cuda_graph=cuda_graph)
        for step in range(5):
            optimizer.param_groups[0]["lr"] = 0.1 / (step + 1)
            for p in matrices:
                p.grad = torch.randn(p.shape, generator=chance, device="cuda")
            optimizer.step()
        ends.append(matrices)
        if cuda_graph:
            matrices[0].grad = torch.zeros_like(matrices[0])
            with pytest.raises(RuntimeError, match="recorded for other parameters"):
                optimizer.step()
    torch.testing.assert_close(*ends)


def test_a_copy_goes_on_alike_and_a_cuda_graph_needs_a_gpu():
    p = nn.Parameter(torch.full((3, 4), 0.1))
    group = {"params": [p], "matrices": True}
    optimizer = Muon([group], 0.1, 0.8, nesterov=False)
    _steps(optimizer, p)
    other = copy.deepcopy(optimizer)
    (q,) = other.param_groups[0]["params"]
    _steps(optimizer, p), _steps(other, q)
    assert torch.equal(p, q)
    with pytest.raises(ValueError, match="on a GPU only"):
        Muon([group], 0.1, cuda_graph=True)


def test_all_else_goes_where_adamw_takes_it():
    ours, theirs = (nn.Parameter(torch.full((7,), 0.1)) for _ in range(2))
    group = {"params": [ours], "weight_decay": 0.1, "matrices": False}
    _steps(Muon([group], 1e-2), ours)
    _steps(torch.optim.AdamW([theirs], 1e-2, weight_decay=0.1, fused=True), theirs)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("shape", "group", "message"),
    [
        ((2, 2), {}, "all would be trained by AdamW"),
        ((2,), {"matrices": True}, "a vector in it"),
    ],
)
def test_groups_that_muon_cannot_take(shape, group, message):
    with pytest.raises(ValueError, match=message):
        Muon([{"params": [nn.Parameter(torch.ones(shape))], **group}], 0.1)


def test_a_closure_is_called_once():
    p = nn.Parameter(torch.ones(2, 2))
    calls = []

    def closure():
        calls.append(p.square().sum())
        calls[-1].backward()
        return calls[-1]

    optimizer = Muon([{"params": [p], "matrices": True}], 0.1)
    assert optimizer.step(closure) == 4
    assert len(calls) == 1
    assert not torch.equal(p, torch.ones(2, 2))


@pytest.mark.parametrize(
    ("model", "options"),
    [("resnet_small", {"blocks": [1], "widths": [8]}), ("vit_small_8", {"depth": 1})],
)
def test_filters_and_matrices_between_the_first_and_the_last_layer(model, options):
    network = create_model(model, **options)
    recipe = Recipe(optimizer="muon", momentum=0.8, nesterov=False)
    optimizer = make_optimizer(network, recipe)
    assert isinstance(optimizer, Muon)
    assert (optimizer.momentum, optimizer.nesterov) == (0.8, False)
    assert optimizer.dtype is None  # on a CPU
    short = make_optimizer(network, replace(recipe, precision="bfloat16"))
    assert short.dtype == torch.bfloat16
    names = {id(p): name for name, p in network.named_parameters()}
    turned = {
        names[id(p)]
        for group in optimizer.param_groups
        if group.get("matrices")
        for p in group["params"]
    }
    expected = {
        "resnet_small": {"stages.layer1.0.conv1.weight"},
        "vit_small_8": {
            f"blocks.0.{name}.weight"
            for name in ("attention.qkv", "attention.out", "mlp.fc1", "mlp.fc2")
        },
    }[model]
    assert expected <= turned
    first, last = {
        "resnet_small": ("conv1.weight", "fc.weight"),
        "vit_small_8": ("patches.weight", "head.weight"),
    }[model]
    assert not {first, last, "token", "positions"} & turned
    assert all(network.get_parameter(name).ndim >= 2 for name in turned)
    shown = [p for group in optimizer.param_groups for p in group["params"]]
    assert len(shown) == len(names) == len({id(p) for p in shown})


def _interrupted(path, recipe, after):
    """Train until some steps are done, as a kill would leave it."""
    model = net()

    class Stop(Exception): ...

    def stop(_: nn.Module, inputs):
        nonlocal after
        after -= model.training
        if after < 0:
            raise Stop

    model.register_forward_pre_hook(stop)
    with pytest.raises(Stop):
        fit(model, toy(), recipe, checkpoint=path, checkpoint_seconds=0, verbose=False)


def test_a_killed_run_ends_in_the_same_bits(tmp_path):
    recipe = replace(RECIPE, optimizer="muon")
    whole = net()
    groups = make_optimizer(whole, recipe).param_groups
    assert [len(g["params"]) for g in groups if g.get("matrices")] == [2]
    expected = outcome(whole, fit(whole, toy(), recipe, verbose=False))
    path = tmp_path / "half.ckpt"
    _interrupted(path, recipe, after=91)  # of 2 * 27 * 4 parts
    assert checkpoint.exists(path)
    resumed = net()
    run = fit(resumed, toy(), recipe, checkpoint=path, resume=True, verbose=False)
    assert outcome(resumed, run) == expected


def test_memory_of_one_average_is_counted():
    network = estimate.hollow_model("resnet_small", Recipe(image_size=32))
    rows = [
        estimate.estimate_memory(
            network, Recipe(image_size=32, optimizer=name), (1, 3, 32, 32)
        )["optimizer"]
        for name in ("muon", "sgd", "adamw")
    ]
    assert rows[0] == rows[1] == rows[2] // 2


def test_an_infinite_gradient_is_skipped_by_a_scaler():
    layer = nn.Linear(3, 3)
    groups = [
        {"params": [layer.weight], "matrices": True},
        {"params": [layer.bias], "matrices": False},
    ]
    optimizer = Muon(groups, 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    before = copy.deepcopy(layer.state_dict())
    for factor in (float("inf"), 1.0):
        optimizer.zero_grad()
        scaler.scale(layer(torch.ones(1, 3)).sum() * factor).backward()
        scaler.step(optimizer)
        scaler.update()
        if factor > 1:
            assert layer.weight.equal(before["weight"])
            assert layer.bias.equal(before["bias"])
    (momentum,) = {
        p["momentum_buffer"].max().item()
        for p in optimizer.state.values()
        if "momentum_buffer" in p
    }
    assert momentum == pytest.approx(0.05)  # of a gradient of 1, not of 512
    assert not layer.weight.equal(before["weight"])


def test_a_gradient_of_zeros_turns_nothing():
    assert orthogonalize(torch.zeros(2, 4, 3)).eq(0).all()
