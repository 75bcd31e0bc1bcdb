"""`torch.export`: the graph holds glasscell's operator, or torch's own after a decomposition."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram, export, load, save

from glasscell.nn import LSTM, decompositions
from nn.cases import ANY_CELL, HIDDEN, INPUT, LAYERS, any_cell, flat, pair_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LSTM with projections is not supported with oneDNN"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


class Model(torch.nn.Module):
    """A layer between two others."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.first, self.layer = torch.nn.Linear(INPUT, INPUT), layer
        sides = 2 if layer.bidirectional else 1
        self.last = torch.nn.Linear(sides * (layer.proj_size or HIDDEN), 2)

    def forward(self, x: Tensor, **options: Any) -> tuple[Tensor, ...]:
        output, *states = flat(self.layer(self.first(x).tanh(), **options))
        return self.last(output), *states


def _exported(model: Model, dynamic: bool = True, strict: bool = False) -> ExportedProgram:
    sizes = {0: Dim("one", min=1, max=512), 1: Dim("other", min=1, max=64)} if dynamic else None
    x = torch.randn(6, 4, INPUT)
    return export(model, (x,), dynamic_shapes=(sizes,), strict=strict)


def _targets(exported: ExportedProgram) -> set[str]:
    return {str(node.target) for node in exported.graph.nodes if node.op == "call_function"}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", [*LAYERS, *ANY_CELL])
def test_an_exported_model_runs_at_any_size_and_so_does_its_file(name: str, strict: bool) -> None:
    model = Model(any_cell(name) if name in ANY_CELL else pair_of(name)[1]).eval()
    file = io.BytesIO()
    save(_exported(model, strict=strict), file)
    file.seek(0)
    loaded = load(file)
    assert "glasscell.layer.default" in _targets(loaded)
    for shape in ((6, 4), (1, 1), (40, 3)):
        x = torch.randn(*shape, INPUT)
        torch.testing.assert_close(loaded.module()(x), model(x))


@pytest.mark.parametrize("name", LAYERS)
def test_without_glasscell_the_graph_holds_torchs_own_operation(name: str) -> None:
    model = Model(pair_of(name)[1])
    exported = _exported(model)
    plain = exported.run_decompositions(decompositions())
    targets = _targets(plain)
    assert not any("glasscell" in target for target in targets)
    assert targets & {f"aten.{op}.input" for op in ("lstm", "gru", "rnn_tanh", "rnn_relu")}
    first = model.layer.batch_first
    for batch in (4, 2):  # torch's operations fix T, or what they take for it
        x = torch.randn(batch, 4, INPUT) if first else torch.randn(6, batch, INPUT)
        torch.testing.assert_close(plain.module()(x), model(x), rtol=1e-4, atol=1e-5)


def test_an_exported_model_trains() -> None:
    model = Model(LSTM(INPUT, HIDDEN))
    module, x = _exported(model).module(), torch.randn(9, 2, INPUT)
    found = torch.autograd.grad(module(x)[0].sum(), list(module.parameters()))
    names = [name for name, _ in module.named_parameters()]
    own = dict(model.named_parameters())
    expected = torch.autograd.grad(model(x)[0].sum(), [own[name] for name in names])
    torch.testing.assert_close(found, expected)


def test_lengths_and_reset_are_inputs_of_the_graph() -> None:
    model = Model(LSTM(INPUT, HIDDEN, batch_first=True))
    x, lengths, reset = torch.randn(3, 7, INPUT), torch.tensor([7, 0, 4]), torch.rand(3, 7) < 0.3
    batch, steps = Dim("B", max=64), Dim("T", max=64)
    sizes = {"x": {0: batch, 1: steps}, "lengths": {0: batch}, "reset": {0: batch, 1: steps}}

    class Masked(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Tensor, lengths: Tensor, reset: Tensor) -> Any:
            return self.model(x, lengths=lengths, reset=reset)

    exported = export(Masked(), (x, lengths, reset), dynamic_shapes=sizes)
    other = torch.randn(2, 5, INPUT), torch.tensor([1, 5]), torch.rand(2, 5) < 0.3
    torch.testing.assert_close(
        exported.module()(*other), model(other[0], lengths=other[1], reset=other[2])
    )
    fixed = export(Masked(), (x, lengths, reset)).run_decompositions(decompositions())
    assert not any("glasscell" in target for target in _targets(fixed))
    lengths = torch.tensor([2, 6, 7])
    torch.testing.assert_close(
        fixed.module()(x, lengths, reset), model(x, lengths=lengths, reset=reset)
    )
    with pytest.raises(ValueError, match="expected lengths in 0 … T = 5"):
        exported.module()(other[0], torch.tensor([1, 6]), other[2])


@pytest.mark.filterwarnings("ignore")
def test_the_older_onnx_export_gives_the_same_nodes_as_torchs_layers(tmp_path: Any) -> None:
    import onnx

    found = []
    for k, layer in enumerate(pair_of("lstm three layers both ways")):
        file = tmp_path / f"{k}.onnx"
        model = torch.nn.Sequential(layer).eval()
        torch.onnx.export(model, (torch.randn(6, 4, INPUT),), str(file), dynamo=False)
        found.append([node.op_type for node in onnx.load(file).graph.node])
    assert found[0] == found[1]
    assert found[1].count("LSTM") == 3


@pytest.mark.parametrize("name", ANY_CELL)
def test_without_glasscell_any_cell_is_its_steps(name: str) -> None:
    model, x = Model(any_cell(name)).eval(), torch.randn(6, 4, INPUT)
    plain = _exported(model, dynamic=False).run_decompositions(decompositions())
    assert not any("glasscell" in target for target in _targets(plain))
    torch.testing.assert_close(plain.module()(x), model(x), rtol=1e-4, atol=1e-5)


def test_a_program_that_does_not_know_the_cell_runs_its_export(tmp_path: Any) -> None:
    model, x = Model(any_cell("own")), torch.randn(6, 4, INPUT)
    save(_exported(model), tmp_path / "model.pt2")
    torch.save([x, model(x)[0].detach()], tmp_path / "case.pt")
    program = (
        "import sys, torch, glasscell.nn; from pathlib import Path; folder = Path(sys.argv[1]); "
        "x, y = torch.load(folder / 'case.pt'); "
        "model = torch.export.load(folder / 'model.pt2').module(); found = model(x)[0]; "
        "found.sum().backward(); assert torch.equal(found, y); assert 'nn.cases' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_an_export_of_training_draws_masks() -> None:
    model, x = Model(any_cell("zoneout")), torch.randn(6, 4, INPUT)
    module = _exported(model).module()
    torch.manual_seed(3)
    found = module(x)[0]
    torch.manual_seed(3)
    assert torch.equal(found, model(x)[0])
    assert module(x[:2])[0].shape == (2, 4, 2)
