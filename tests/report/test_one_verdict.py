"""One gradient, one judgement: the same words and numbers wherever anything is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glasscell.cli import inspect_command as command
from glasscell.inspect.film.film import frame, stack
from glasscell.inspect.film.reel import Reel
from glasscell.inspect.gradients.extremes import extremes, size
from glasscell.inspect.gradients.flow import GradientFlow, LayerFlow
from glasscell.inspect.subjects.subject import Recording
from glasscell.inspect.verdict.findings import ORDER
from glasscell.inspect.verdict.sentences import KINDS
from glasscell.report.draw.markup import escape
from glasscell.report.page import Exploration, Finding, without_script
from glasscell.report.page import headline as sentences
from glasscell.report.page.collect import PageOptions, explore
from glasscell.report.page.frame_words import table
from glasscell.report.views.duel.data import Contest, contest
from glasscell.report.views.film.data import measure_film
from glasscell.report.views.results.data import Table
from glasscell.traces.layer import LayerTrace
from report.page.made import lstm_trace

T = 41
LAGS = np.arange(T, dtype=np.float64)[::-1]
ONES = np.ones(T)


def with_hole(value, place=12):
    return np.where(np.arange(T) == place, value, 0.9**LAGS)


PROFILES = {
    "a V down to 1e-18": 10.0 ** -(18 - 0.9 * abs(np.arange(T) - T // 2)),
    "a W": 10.0 ** (-4 * abs(np.sin(np.arange(T) / 3))),
    "halves": 0.5**LAGS,
    "stays": ONES,
    "grows 30 times": 30.0 ** (LAGS / (T - 1)),
    "grows 300 times": 300.0 ** (LAGS / (T - 1)),
    "grows a million times": 10.0 ** (6 * LAGS / (T - 1)),
    "grows, then vanishes": np.where(LAGS < 10, 3.0**LAGS, 1e-9),
    "overflows": np.where(LAGS > 30, np.inf, 2.0**LAGS),
    "is zero": np.zeros(T),
    "is zero in the middle": with_hole(0.0),
    "is zero but at the end": np.where(LAGS == 0, 1.0, 0.0),
    "is zero but at the start": np.where(LAGS == T - 1, 1.0, 0.0),
    "is not finite": np.full(T, np.nan),
    "has a hole": with_hole(np.nan),
    "has an infinity": with_hole(np.inf),
    "is hardly there": np.full(T, 5e-324),
    "is one step": np.array([2.0]),
    "is one step of zero": np.array([0.0]),
    "is one step of NaN": np.array([np.nan]),
    "is two steps": np.array([1e-7, 1.0]),
}


def flow_of(name, mode="LSTM", reverse=False):
    norms = PROFILES[name][::-1] if reverse else PROFILES[name]
    cell = None if mode != "LSTM" else norms
    return LayerFlow(norms, cell, cell, mode=mode, reverse=reverse)


FLOWS = {
    **{f"dc {name}": flow_of(name) for name in PROFILES},
    **{f"dh {name}": flow_of(name, "RNN_TANH") for name in PROFILES},
    **{f"dc backwards {name}": flow_of(name, reverse=True) for name in PROFILES},
    "dh falls while dc stays": LayerFlow(0.5**LAGS, ONES, ONES),
    "dc falls while dh stays": LayerFlow(ONES, 0.5**LAGS, ONES),
    "each step has its own, the last one's fades": LayerFlow(
        ONES, ONES, ONES, direct_by_lag=ONES, last_step_by_lag=0.5 ** np.arange(T)
    ),
    "each step has its own, the last one's grows": LayerFlow(
        ONES, ONES, ONES, direct_by_lag=ONES, last_step_by_lag=2.0 ** np.arange(T)
    ),
}


def trace_of(flow):
    made = lstm_trace(len(flow.hidden), 3, reverse=flow.reverse)
    if flow.cell is not None:
        return made
    return LayerTrace(
        *[None] * 5, hidden=made.hidden, layout="TH", mode=flow.mode, reverse=flow.reverse
    )


def shown_of(flow, lag=None) -> Exploration:
    """The page of one layer with these gradients."""
    run = Recording(traces={"l0": trace_of(flow)}, flow=GradientFlow({"l0": flow}))
    return explore(run, None, PageOptions(title="t", lag=lag, ways=False))


@pytest.mark.parametrize("lag", [None, 7])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", FLOWS)
def test_every_place_says_the_same(name, lang, lag, capsys):
    flow = FLOWS[name]
    column = int(lang == "zh")
    verdict, shown = flow.judge(lag), shown_of(flow, lag)
    said = sentences.judged(flow, lag, "l0", lang)
    assert verdict.said(lang)[0] in said

    # The river's caption, on the page and without script.
    caption = sentences.flows(shown)["0/0"][column]
    assert caption.startswith(said)
    assert escape(caption) in without_script.build(shown, lang)

    # The findings on the page are those of the command line.
    command.show(shown, lang)
    printed = capsys.readouterr().out
    headline = sentences.headline(shown)[column]
    assert headline in printed
    for one in shown.findings:
        assert one.text[column] in printed
        if one.kind == verdict.kind:
            assert one.text[column].startswith(said[:-1])

    # The headline is of the worst of them, and says so if the gradient arrives all the same.
    worst = min(
        (one for one in shown.findings if one.kind != "memory"),
        key=lambda one: ORDER.index(one.kind),
    )
    key = f"verdict.head.{worst.kind}.one"
    if not worst.good and key in table():
        fixed = table()[key][column].split("{")[0].rstrip("。.")
        assert fixed[1:] in headline
    arrives = ("all the same", "不过梯度仍能")[column]
    doubted = not worst.good and worst.kind != "not finite"
    assert (arrives in headline) is (doubted and verdict.kind == "healthy")

    # The film's word is that of the verdict over all the film's steps.
    film = frame(flow, trace_of(flow))
    assert film["kind"] == flow.judge().kind
    assert table()[f"kind.{film['kind']}"] == KINDS[film["kind"]]

    # What the command line prints as JSON.
    record = command.record(shown, None)
    assert record["layers"][0]["gradient"]["kind"] == verdict.kind
    assert record["layers"][0]["gradient"]["reach"] == verdict.reach


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", [name for name, flow in FLOWS.items() if not flow.reverse])
def test_the_contest_says_it_too_with_script_and_without(name, lang):
    flow = FLOWS[name]
    column = lang == "zh"
    verdict = flow.judge()
    river = contest_of(flow)["rivers"][0]
    assert river["kind"] == KINDS[verdict.kind]
    seen = verdict.said(lang)[0]
    assert river["said"][column][1:].startswith(seen[1:])
    # The static page prints both.
    shown = shown_of(flow).more({"duel/0/hidden": flow.hidden}, {"contest": contest_of(flow)})
    shown = shown.more({f"duel/0/{p}": getattr(flow, p) for p in river["parts"]}, {})
    html = without_script.build(shown, lang)
    assert f">{escape(river['kind'][column])}</span>" in html
    assert escape(river["said"][column]) in html


def contest_of(flow):
    table = Table(caption="c", columns=["a"], rows=[])
    given = Contest(said="s", table=table, flows={"net": flow})
    return contest(given).numbers["contest"]


@pytest.mark.parametrize("name", FLOWS)
def test_what_is_said_of_the_picture_is_in_its_array(name):
    """Strongest, weakest, their ratio and the missing steps, recounted step by step."""
    flow = FLOWS[name]
    norms = (flow.hidden if flow.cell is None else flow.cell).tolist()
    found = extremes(np.array(norms), flow.reverse)
    finite = [value for value in norms if np.isfinite(value)]
    assert found.missing == len(norms) - len(finite)
    text = found.text("|dL/dc_t|", "step {}".format)
    if not finite:
        assert "at none of the steps" in text
        return
    assert norms[found.most] == max(finite)
    assert norms[found.least] == min(finite)
    if found.missing:
        assert not np.isfinite(norms[found.first])
        assert all(np.isfinite(norms[: found.first]))
        assert f"first at step {found.first}" in text
    if max(finite) == 0:
        assert "is 0 at every step" in text
    elif min(finite) == 0:
        assert f"weakest at step {found.least}, with 0 of that" in text
    elif max(finite) == min(finite):
        assert "strongest" not in text
    else:
        with np.errstate(divide="ignore"):
            share = np.log10(min(finite)) - np.log10(max(finite))
        assert found.share == pytest.approx(share)
        assert f"strongest at step {found.most} and weakest at step {found.least}" in text
        assert size(found.share) in text


def test_no_caption_claims_that_a_v_arrives_everywhere():
    shown = shown_of(FLOWS["dc a V down to 1e-18"])
    caption = sentences.flows(shown)["0/0"][0]
    assert f"weakest at t\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{T // 2}" in caption
    assert "1.0·10⁻¹⁸" in caption
    assert "everywhere" not in caption.lower()


def test_growth_of_three_hundred_is_called_one_thing():
    flow = FLOWS["dc grows 300 times"]
    assert flow.judge().kind == "exploding"
    river = contest_of(flow)["rivers"][0]
    assert river["kind"][0] == "exploding gradient"
    assert river["said"][0].startswith("Explodes")
    assert "explodes" in sentences.flows(shown_of(flow))["0/0"][0]


def test_the_films_page_keeps_the_words_of_its_frames():
    flow = FLOWS["dc halves"]
    made = frame(flow, trace_of(flow))
    film = Reel(np.array([1]), np.array([1.0]), {"l0": stack({1: made}, [1])})
    assert measure_film(film, ["l0"]).numbers["film"]["kinds"] == {"0": ["vanishing"]}


def test_a_memory_that_no_gradient_shows_is_said_beside_the_gradient():
    """A layer that was found to remember, by other means, although its gradient vanishes."""
    shown = shown_of(FLOWS["dc halves"])
    remembers = Finding(text=("l0 remembers.", "l0 层能记住。"), layer=0)
    shown = replace(shown, findings=[remembers])
    assert sentences.headline(shown)[0] == (
        f"The network remembers over {T - 1} lags, although not every layer's gradient arrives."
    )
    caption = sentences.flows(shown)["0/0"][0]
    assert caption.startswith("l0 vanishes after 14 steps")
    assert " l0 remembers. " in caption
