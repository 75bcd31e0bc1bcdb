"""torch.func's transforms, dispatch modes and derivatives of any order, on layers of odd shapes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode
from torch.autograd import forward_ad
from torch.func import (
    functional_call,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    stack_module_state,
    vjp,
    vmap,
)
from torch.fx.experimental.proxy_tensor import make_fx

from glasscell.cells import Cell, Mask
from glasscell.errors import CellError, DtypeError, ShapeError
from glasscell.nn import LSTM, SlowPathWarning
from glasscell.nn.masks import draw
from glasscell.nn.names import fetch
from glasscell.nn.operators.any_cell import _drawn, told
from glasscell.nn.operators.schema import Forward, text_of
from glasscell.nn.operators.torch_steps import layer_in_torch
from nn.cases import ANY_CELL, HIDDEN, INPUT, LAYERS, any_cell, flat, pair_of

pytestmark = [
    pytest.mark.filterwarnings("ignore::glasscell.nn.SlowPathWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.*` is deprecated"),
]

OPERATOR = torch.ops.glasscell.layer.default
BACKWARD = torch.ops.glasscell.layer_backward.default
EVERY_LAYER = pytest.mark.parametrize("name", LAYERS)

Weights = dict[str, Tensor]


def _steps(module: Any, x: Tensor, weights: Any) -> Any:
    """The same model as a Python loop of torch's cells: every transform of torch knows it."""
    y, h_n, c_n = x.transpose(0, 1) if module.batch_first else x, [], []
    sides = 2 if module.bidirectional else 1
    for index in range(module.num_layers):
        names = module._all_weights[index * sides : (index + 1) * sides]
        own = [weights[name] for direction in names for name in direction]
        y, *final = layer_in_torch(Forward(y, None, None, own, module.mode, sides))
        h_n.append(final[0])
        c_n += final[1:]
    y = y.transpose(0, 1) if module.batch_first else y
    return [y, torch.cat(h_n), *([torch.cat(c_n)] if c_n else [])]


class Problem:
    """A layer in double precision, and losses of it by the operators and by plain operations."""

    def __init__(self, name: str, batch: int = 4, steps: int = 6) -> None:
        _, self.module = (m.double() for m in pair_of(name))
        shape = (batch, steps) if self.module.batch_first else (steps, batch)
        self.x = torch.randn(*shape, INPUT, dtype=torch.float64)
        self.weights = {k: w.detach().clone() for k, w in self.module.named_parameters()}

    def ours(self, x: Tensor, weights: Weights) -> Tensor:
        return self._loss(flat(functional_call(self.module, weights, (x,))))

    def plain(self, x: Tensor, weights: Weights) -> Tensor:
        return self._loss(_steps(self.module, x, weights))

    def _loss(self, results: list[Tensor]) -> Tensor:
        return sum(((k + 1) * r.sin().sum() for k, r in enumerate(results)), torch.zeros(()))

    def many(self, count: int) -> Weights:
        return {
            k: torch.randn(count, *w.shape, dtype=w.dtype) * 0.4 for k, w in self.weights.items()
        }


def _same(found: Any, expected: Any) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


@EVERY_LAYER
def test_gradients_are_those_of_autograd(name: str) -> None:
    p = Problem(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SlowPathWarning)
        found = grad(p.ours, (0, 1))(p.x, p.weights)
    _same(found, grad(p.plain, (0, 1))(p.x, p.weights))
    x = p.x.clone().requires_grad_()
    loss = p._loss(flat(p.module(x)))
    by_autograd = torch.autograd.grad(loss, [x, *p.module.parameters()])
    _same([found[0], *found[1].values()], list(by_autograd))
    _, pull = vjp(lambda x: p.ours(x, p.weights), p.x)
    _same(pull(torch.ones((), dtype=torch.float64))[0], found[0])


@EVERY_LAYER
def test_vmap_over_inputs_is_a_loop_over_them(name: str) -> None:
    p, more = Problem(name), torch.randn(3, dtype=torch.float64)
    xs = p.x * more[:, None, None, None]
    with torch.no_grad():
        expected = [flat(p.module(x)) for x in xs]
        for axis in (0, 2):
            found = vmap(lambda x: flat(p.module(x)), axis)(xs.movedim(0, axis))
            for k, one in enumerate(found):
                assert torch.equal(one, torch.stack([each[k] for each in expected]))


@EVERY_LAYER
def test_gradients_of_each_sample(name: str) -> None:
    p = Problem(name, batch=1)
    xs = torch.randn(5, *p.x.shape, dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SlowPathWarning)
        found = vmap(grad(p.ours, (0, 1)), (0, None))(xs, p.weights)
    one_by_one = [grad(p.plain, (0, 1))(x, p.weights) for x in xs]
    _same(found[0], torch.stack([dx for dx, _ in one_by_one]))
    for key in p.weights:
        _same(found[1][key], torch.stack([dw[key] for _, dw in one_by_one]))


@EVERY_LAYER
def test_ensembles_are_a_loop_over_their_members(name: str) -> None:
    p = Problem(name)
    many = p.many(3)
    members = [{k: w[m] for k, w in many.items()} for m in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", SlowPathWarning)
        values = vmap(p.ours, (None, 0))(p.x, many)
        found = vmap(grad(p.ours, (0, 1)), (None, 0))(p.x, many)
    _same(values, torch.stack([p.plain(p.x, one) for one in members]))
    one_by_one = [grad(p.plain, (0, 1))(p.x, one) for one in members]
    _same(found[0], torch.stack([dx for dx, _ in one_by_one]))
    for key in p.weights:
        _same(found[1][key], torch.stack([dw[key] for _, dw in one_by_one]))


@pytest.mark.parametrize("name", ["lstm all at once", "rnn"])
def test_vmaps_nest(name: str) -> None:
    p = Problem(name, batch=2, steps=3)
    xs, many = torch.randn(4, *p.x.shape, dtype=torch.float64), p.many(3)
    for loss in (p.ours, grad(p.ours), grad(p.ours, 1)):
        inside = vmap(vmap(loss, (0, None)), (None, 0))(xs, many)
        outside = vmap(vmap(loss, (None, 0)), (0, None))(xs, many)
        swapped = torch.utils._pytree.tree_map(lambda t: t.transpose(0, 1), outside)
        _same(inside, swapped)
    both = vmap(vmap(p.ours, (0, None)), (None, 0))(xs, many)
    one = {k: w[2] for k, w in many.items()}
    _same(both[2, 3], p.plain(xs[3], one))


def test_members_of_an_ensemble_of_modules() -> None:
    models = [LSTM(INPUT, HIDDEN, num_layers=2) for _ in range(3)]
    weights, buffers = stack_module_state(models)  # type: ignore[arg-type]
    base, x = LSTM(INPUT, HIDDEN, num_layers=2), torch.randn(6, 4, INPUT)

    def run(weights: Weights, buffers: Weights) -> Tensor:
        output: Tensor = functional_call(base, (weights, buffers), (x,))[0]
        return output

    found = vmap(run)(weights, buffers)
    assert torch.equal(found, torch.stack([model(x)[0] for model in models]))


@EVERY_LAYER
def test_forward_derivatives_are_finite_differences(name: str) -> None:
    p = Problem(name)
    # Small, so that no relu changes sides.
    v = p.x * 0.01, {k: 0.01 * torch.randn_like(w) for k, w in p.weights.items()}
    value, found = jvp(p.ours, (p.x, p.weights), v)
    eps = 1e-6
    ends = [
        p.plain(p.x + s * v[0], {k: w + s * v[1][k] for k, w in p.weights.items()})
        for s in (eps, -eps)
    ]
    assert torch.allclose(found, (ends[0] - ends[1]) / (2 * eps), rtol=1e-4, atol=1e-5)
    _same(value, p.plain(p.x, p.weights))
    still = {k: torch.zeros_like(w) for k, w in p.weights.items()}
    _, expected = jvp(p.plain, (p.x, p.weights), (v[0], still))
    with forward_ad.dual_level():
        dual = p.ours(forward_ad.make_dual(p.x, v[0]), p.weights)
        _same(forward_ad.unpack_dual(dual).tangent, expected)


@pytest.mark.parametrize("name", ["lstm all at once", "gru", "rnn relu two layers both ways"])
def test_derivatives_of_derivatives(name: str) -> None:
    p = Problem(name, batch=1, steps=3)
    ours, plain = (lambda x, f=f: f(x, p.weights) for f in (p.ours, p.plain))
    _same(hessian(ours)(p.x), hessian(plain)(p.x))
    _same(jacrev(jacrev(ours))(p.x), hessian(plain)(p.x))
    _same(jacfwd(ours)(p.x), jacrev(ours)(p.x))
    v = torch.randn_like(p.x)
    _same(jvp(grad(ours), (p.x,), (v,)), jvp(grad(plain), (p.x,), (v,)))
    twice = [
        grad(lambda w, f=f: sum(g.sin().sum() for g in grad(f, 1)(p.x, w).values()))(p.weights)
        for f in (p.ours, p.plain)
    ]
    _same(*twice)


def test_the_slow_derivatives_are_said() -> None:
    p = Problem("lstm")
    with pytest.warns(SlowPathWarning, match="forward-mode"):
        jvp(lambda x: p.ours(x, p.weights), (p.x,), (p.x,))
    with pytest.warns(SlowPathWarning, match="derivative of a derivative"):
        grad(lambda x: grad(p.ours)(x, p.weights).sum())(p.x)


LENGTHS = torch.tensor([6, 0, 2, 4])


@EVERY_LAYER
def test_lengths_and_reset_under_transforms(name: str) -> None:
    p = Problem(name)
    first = p.module.batch_first
    reset = torch.rand(6, 4) < 0.4
    options = {"lengths": LENGTHS, "reset": reset.T if first else reset}

    def loss(x: Tensor, lengths: Tensor = LENGTHS) -> Tensor:
        return p._loss(flat(p.module(x, **(options | {"lengths": lengths}))))

    x = p.x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(x), x)
    _same(grad(loss)(p.x), expected)
    xs, many = torch.stack([p.x, 2 * p.x]), torch.stack([LENGTHS, LENGTHS.flip(0)])
    found = vmap(grad(loss))(xs, many)
    _same(found[1], grad(loss)(xs[1], many[1]))
    _, moved = jvp(loss, (p.x,), (p.x,))
    assert torch.allclose(moved, (expected * p.x).sum())
    twice = grad(lambda x: grad(loss)(x).sin().sum())(p.x)
    (loop,) = torch.autograd.grad(
        torch.autograd.grad(loss(x), x, create_graph=True)[0].sin().sum(), x
    )
    _same(twice, loop)


def test_fake_tensors_and_graphs_hold_the_operator() -> None:
    module = LSTM(INPUT, HIDDEN, num_layers=2, bidirectional=True, batch_first=True)
    x = torch.randn(4, 6, INPUT)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        y, (h_n, c_n) = module(mode.from_tensor(x))
    assert [tuple(t.shape) for t in (y, h_n, c_n)] == [
        (4, 6, 2 * HIDDEN), (4, 4, HIDDEN), (4, 4, HIDDEN),
    ]  # fmt: skip
    assert y.stride() == module(x)[0].stride()
    graph = make_fx(lambda x: module(x)[0])(x)
    assert [n.target for n in graph.graph.nodes].count(OPERATOR) == 2
    assert torch.equal(graph(x), module(x)[0])


@pytest.mark.parametrize("x", [torch.zeros(6, 4, 3), torch.zeros(4, 5).double()])
def test_what_torch_refuses_it_refuses_under_transforms(x: Tensor) -> None:
    for module in pair_of("lstm"):
        with pytest.raises((RuntimeError, ValueError)):
            grad(lambda x, module=module: module(x)[0].sum())(x)


def _operands(name: str, given: bool) -> tuple[Any, ...]:
    module: Any = Problem(name).module
    sides, width = 2 if module.bidirectional else 1, module.proj_size or HIDDEN
    names = module._all_weights[:sides]
    weights = [getattr(module, w) for direction in names for w in direction]
    x = torch.randn(6, 4, INPUT, dtype=torch.float64, requires_grad=True)
    h0 = torch.randn(sides, 4, width, dtype=torch.float64, requires_grad=True)
    c0 = torch.randn(sides, 4, HIDDEN, dtype=torch.float64) if module.mode == "LSTM" else None
    masks = (LENGTHS, torch.rand(6, 4) < 0.4) if given else (None, None)
    if not given:
        h0, c0 = None, None
    return (x, h0, c0, weights, module.mode, sides, *masks)


@pytest.mark.parametrize("given", [False, True], ids=["plain", "states and masks"])
@pytest.mark.parametrize("name", ["lstm", "lstm all at once", "rnn", "gru", "rnn without bias"])
def test_opcheck(name: str, given: bool) -> None:
    operands = _operands(name, given)
    torch.library.opcheck(OPERATOR, operands)
    x, h0, c0, weights, cell, sides, *masks = operands
    with torch.no_grad():
        results = OPERATOR(*operands, True)
    shown = 3 if cell == "LSTM" else 2
    arriving = [*(torch.randn_like(r) for r in results[:shown]), None][:3]
    states = [None if s is None else s.detach() for s in (h0, c0)]
    needed = [True, h0 is not None, c0 is not None, True]
    # Aliases: what the operator is given is in no graph of its own.
    read = arriving, x.detach(), *states, results[0], results[shown:]
    flat_weights = [w.detach() for w in weights]
    torch.library.opcheck(
        BACKWARD, (*read[0], *read[1:], flat_weights, cell, sides, *masks, needed)
    )


def test_nothing_is_packed_twice_for_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    from glasscell.nn import packed_weights

    packs = []
    pack: Callable[..., Any] = packed_weights._pack
    monkeypatch.setattr(packed_weights, "_pack", lambda *given: packs.append(1) or pack(*given))
    p, xs = Problem("lstm"), torch.randn(3, 6, 1, INPUT, dtype=torch.float64)
    for _ in range(3):
        vmap(grad(p.ours, 1), (0, None))(xs, p.weights)
    assert len(packs) == 1
    many = p.many(4)
    for _ in range(3):
        vmap(grad(p.ours, 1), (None, 0))(p.x, many)
    assert len(packs) == 5


def _loss_of(module: Any, weights: Any, x: Tensor) -> Tensor:
    results = flat(functional_call(module, weights, (x,)))
    return sum(((k + 1) * r.sin().sum() for k, r in enumerate(results)), torch.zeros(()))


EVERY_CELL = pytest.mark.parametrize("name", ANY_CELL)


@EVERY_CELL
def test_any_cell_on_the_kernels_under_transforms(name: str) -> None:
    module = any_cell(name, dtype=torch.float64).eval()
    weights = {k: w.detach().clone() for k, w in module.named_parameters()}
    xs = torch.randn(3, 4, 4, INPUT, dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SlowPathWarning)
        by_x, by_weights = grad(lambda x, w: _loss_of(module, w, x), (0, 1))(xs[0], weights)
        batched = vmap(lambda x: flat(module(x)))(xs)
        each = vmap(grad(lambda w, x: _loss_of(module, w, x)), (None, 0))(weights, xs)
        many = {k: torch.stack([w, 2 * w]) for k, w in weights.items()}
        members = vmap(lambda w: _loss_of(module, w, xs[0]))(many)
    x = xs[0].clone().requires_grad_()
    loss = _loss_of(module, dict(module.named_parameters()), x)
    expected = torch.autograd.grad(loss, [x, *module.parameters()])
    _same([by_x, *by_weights.values()], list(expected))
    for k, one in enumerate(batched):
        assert torch.equal(one, torch.stack([flat(module(x))[k] for x in xs]))
    _same({k: d[0] for k, d in each.items()}, by_weights)
    _same(members[0], loss.detach())
    _same(members[1], _loss_of(module, {k: w[1] for k, w in many.items()}, xs[0]))
    moves = {k: torch.randn_like(w) for k, w in weights.items()}
    _, moved = jvp(lambda w: _loss_of(module, w, xs[0]), (weights,), (moves,))
    _same(moved, sum((by_weights[k] * moves[k]).sum() for k in weights))


def _own_operands(name: str, steps: int = 3) -> tuple[Any, ...]:
    module = any_cell(name, dtype=torch.float64)
    sides, extra = 2 if module.bidirectional else 1, module.cell.extra_states
    x = torch.randn(steps, 2, INPUT, dtype=torch.float64, requires_grad=True)
    h0 = torch.randn(sides, 2, HIDDEN, dtype=torch.float64, requires_grad=True)
    c0 = torch.randn(sides, 2, extra * HIDDEN, dtype=torch.float64, requires_grad=True)
    places = module._places()[0]
    weights = [
        w.detach().requires_grad_() for p in places for w in fetch(module, p) if w is not None
    ]
    drawn = [draw(module.cell, steps, 2, HIDDEN, x.detach()) for _ in range(sides)]
    masks = None if drawn[0] is None else torch.stack(drawn)
    text = text_of(module.mode)
    ends = torch.tensor([steps, steps - 1]), torch.rand(steps, 2) < 0.4
    return x, h0, c0 if extra else None, weights, text, sides, *ends, False, masks


@EVERY_CELL
def test_the_operator_of_any_cell(name: str) -> None:
    given = _own_operands(name)
    for masks in (None, given[-1]):
        operands = *given[:-1], masks
        torch.library.opcheck(OPERATOR, operands, atol=1e-9, rtol=1e-9)
        call = Forward(*operands)
        moving = [t for t in call.tensors if t is not None]

        def run(x: Tensor, h0: Tensor, *rest: Tensor, call: Forward = call) -> Any:
            c0 = None if call.c0 is None else rest[0]
            own = rest[len(rest) - len(call.weights) :]
            return tuple(OPERATOR(*call._replace(x=x, h0=h0, c0=c0, weights=own)))

        assert torch.autograd.gradcheck(run, moving, fast_mode=True)
        assert torch.autograd.gradgradcheck(run, moving, fast_mode=True)
        _same(OPERATOR(*operands), layer_in_torch(call))


@pytest.mark.parametrize("name", ["zoneout", "masked h"])
def test_masks_are_mapped_over_like_inputs(name: str) -> None:
    calls = [Forward(*_own_operands(name)) for _ in range(2)]
    xs, masks = (torch.stack([getattr(c, k) for c in calls]) for k in ("x", "masks"))

    def by_weights(x: Tensor, masks: Tensor, call: Forward = calls[0]) -> Any:
        def total(*own: Tensor) -> Tensor:
            return OPERATOR(*call._replace(x=x, weights=own, masks=masks))[0].sin().sum()

        return grad(total, tuple(range(len(call.weights))))(*call.weights)

    found = vmap(by_weights)(xs.detach(), masks)
    for k in range(2):
        _same([d[k] for d in found], list(by_weights(xs[k].detach(), masks[k])))


def test_what_does_not_fit_an_operator_is_refused() -> None:
    call = Forward(*_own_operands("zoneout"))
    with torch.no_grad():
        for name, bad in (
            ("h0", torch.zeros(1, 2, HIDDEN + 1)),
            ("c0", torch.zeros(1, 1, HIDDEN)),
            ("masks", torch.ones(1, 2, 2, 2, HIDDEN)),
        ):
            with pytest.raises(ShapeError, match=f"{name}: expected"):
                OPERATOR(*call._replace(**{name: bad.double()}))
        assert call.h0 is not None
        with pytest.raises(DtypeError, match=r"h0: expected torch\.float64 as x"):
            OPERATOR(*call._replace(h0=call.h0.float()))
        own = Forward(*_own_operands("peephole"))
        with pytest.raises(ShapeError, match="p_i of direction 0: expected"):
            OPERATOR(
                *own._replace(weights=[*own.weights[:2], own.weights[2][:-1], *own.weights[3:]])
            )
        for text in ("{", "Nobody"):
            with pytest.raises(CellError, match="expected"):
                OPERATOR(*call._replace(cell=text))


def test_masks_of_a_graph_are_those_of_a_plain_call() -> None:
    class Many(Cell):
        gates = {"g": "candidate"}  # noqa: RUF012
        masks = {  # noqa: RUF012
            "a": Mask(0.3, on=1.7, off=-0.25),
            "b": Mask(0.5, on=2.0, each="sequence"),
            "k": Mask(0.5),
        }

        def step(self, a: Any, h: Any) -> Any:
            return (a.g * self.a + h * self.b) * self.k

    for dtype in (torch.float32, torch.float64):
        x = torch.zeros(1, dtype=dtype)
        torch.manual_seed(4)
        expected = draw(Many(), 6, 3, 5, x)
        torch.manual_seed(4)
        assert torch.equal(_drawn(told("", Many()).masks, 6, 3, 5, x), expected)
