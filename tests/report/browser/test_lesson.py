"""The lesson in a real Chromium: every chapter's live picture, its buttons, its own arithmetic."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import glasscell
from glasscell.model import modelfile
from glasscell.report.lesson import lesson, write
from glasscell.report.lesson.pair import carried
from glasscell.report.lesson.story_words import CHAPTERS, WORDS
from glasscell.tasks.inspect_run import own_lesson
from report.browser import chromium

pytestmark = chromium.NEEDED


@pytest.fixture(scope="module")
def opened():
    with chromium.browser() as open_page:
        yield open_page


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The lesson's file; of the reader's own network where one is given."""

    def made(name="carried", *layers):
        folder = tmp_path_factory.mktemp("lesson")
        torch.manual_seed(2)
        shown = lesson()
        if layers:
            model = torch.nn.Sequential(*layers)
            shown = own_lesson(glasscell.save(model, folder / "model"))
        return write(shown, folder / f"{name}.html")

    return made


@pytest.fixture(scope="module")
def page_file(own):
    return own()


def lstm(*sizes, **more):
    return torch.nn.LSTM(*sizes, batch_first=True, **more)


OWN = {
    "deep": lambda: (lstm(4, 12, 3), torch.nn.Linear(12, 2)),
    "bidirectional": lambda: (lstm(3, 6, 2, bidirectional=True),),
    "projection": lambda: (lstm(3, 9, proj_size=4),),
    "letters": lambda: (torch.nn.Embedding(9, 3), lstm(3, 5), torch.nn.Linear(5, 9)),
    "one unit": lambda: (lstm(1, 1),),
}


def chapter(page, name):
    """Scroll to a chapter until all that is mounted in it is drawn."""
    page.view(f"ch-{name}")
    page.until(
        "GC.views.filter((v) => v.near && v.host.childElementCount).length > 0 &&"
        f"[...document.querySelectorAll('#ch-{name} .mounted .host')]"
        ".every((host) => host.childElementCount > 0)"
    )
    page.settle()


def press_all(page, name):
    buttons = page.page.locator(f"#ch-{name} button:visible")
    for k in range(buttons.count()):
        buttons.nth(k).click()
        page.settle()


def pull_all(page, name):
    for value in ("max", "min"):
        page.page.evaluate(
            f"document.querySelectorAll('#ch-{name} input[type=range]').forEach((s) => {{"
            f"s.value = s.{value}; s.dispatchEvent(new Event('input', {{bubbles: true}})); }})"
        )
        page.settle()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_chapter_draws_and_every_control_in_it_works(opened, page_file, lang):
    page = opened(page_file, theme="dark" if lang == "zh" else "light")
    page.set(f"{{lang: '{lang}'}}")
    for name in CHAPTERS:
        chapter(page, name)
        press_all(page, name)
        pull_all(page, name)
        assert page.problems == [], name
        labels = page.page.evaluate(
            f"[...document.querySelectorAll('#ch-{name} canvas:not([aria-hidden])')]"
            ".filter((c) => c.offsetParent)"
            ".map((c) => c.getAttribute('aria-label'))"
        )
        assert all(labels), (name, labels)
        said = page.text(f"#ch-{name}")
        for bad in ("NaN", "undefined", "Infinity", "lesson."):
            assert bad not in said, (name, bad)
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("name", OWN)
def test_ones_own_network_goes_through_all_chapters(opened, own, name):
    page = opened(own("own", *OWN[name]()), width=390)
    for one in CHAPTERS:
        chapter(page, one)
        press_all(page, one)
        pull_all(page, one)
        assert page.problems == [], one
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_answers_on_the_page_are_pythons(opened, page_file):
    page = opened(page_file)
    chapter(page, "task")
    found = page.page.evaluate("['lstm', 'rnn'].map((n) => Lesson.pair.of(n).answer)")
    pair = carried()
    x = pair.x[:1].swapaxes(0, 1).copy()
    assert found == [float(model.run(x).output[-1, 0, 0]) for model in (pair.lstm, pair.rnn)]
    # Another first number, as the slider sets it.
    slider = page.page.locator("#ch-task input[type=range]").nth(2)
    slider.evaluate("(s) => { s.value = 0.25; s.dispatchEvent(new Event('input')); }")
    page.settle()
    x[8, 0, 0] = 0.25
    answer = float(pair.lstm.run(x).output[-1, 0, 0])
    assert page.page.evaluate("Lesson.pair.of('lstm').answer") == answer
    assert f"The LSTM says {answer:.2f}" in page.text("#ch-task .reading")


def test_a_broken_network_answers_as_python_does_with_changed_weights(opened, page_file, tmp_path):
    page = opened(page_file)
    chapter(page, "break")
    stage = "document.querySelector('#ch-break .stage').dataset.answer"
    page.until(f"{stage} !== undefined")
    pair = carried()
    x = pair.x[:1].swapaxes(0, 1).copy()
    untouched = float(pair.lstm.run(x).output[-1, 0, 0])
    assert float(page.page.evaluate(stage)) == untouched

    page.page.get_by_role("button", name="Let the belt leak").click()
    tree, tensors = modelfile.read(pair.folder / "lstm")
    leaking = {name: array.copy() for name, array in tensors.items()}
    leaking["lstm.bias_ih_l0"][8:16] -= 4
    changed = glasscell.load(modelfile.write(tmp_path / "m", tree, leaking)).run(x)
    expected = float(changed.output[-1, 0, 0])
    page.until(f"Math.abs({stage} - {expected}) < 1e-5")
    assert f"Changed: {expected:.2f}." in page.text("#ch-break .reading")

    page.page.get_by_role("button", name="Never forget").click()
    page.until(f"Math.abs({stage} - {expected}) > 1e-3")
    page.page.locator("#ch-break").get_by_role("button", name="As it was").click()
    page.until(f"Number({stage}) === {untouched}")
    assert page.text("#ch-break .reading").startswith("Nothing is changed yet.")
    assert page.problems == []


@pytest.mark.parametrize(("which", "k"), [("trained", 20), ("trained", 70), ("two", 10)])
def test_products_of_jacobians_are_those_of_numpy(opened, page_file, which, k):
    page = opened(page_file)
    chapter(page, "fading")
    if which == "two":
        page.page.get_by_role("button", name="Spectral radius 0").click()
        w = np.array([[8.0, 8.0], [-8.0, -8.0]])
        states = np.tile([0.0, 0.5], (k, 1))
    else:
        page.page.get_by_role("button", name=f"{k} steps back").click()
        pair = carried()
        w = modelfile.read(pair.folder / "rnn")[1]["rnn.weight_hh_l0"].astype(float)
        x = pair.x[:1].swapaxes(0, 1).copy()
        states = pair.rnn.run(x, trace=True).trace["rnn.l0"].hidden[-k:, 0].astype(float)
    page.settle()
    product = np.eye(len(w))
    for h in states[::-1]:
        product = product @ (np.diag(1 - h**2) @ w)
    found = json.loads(
        page.page.evaluate("document.querySelector('#ch-fading .stage').dataset.products")
    )
    assert found["sigma"] == pytest.approx(np.linalg.norm(product, 2), rel=1e-6)
    assert found["rho"] == pytest.approx(max(abs(np.linalg.eigvals(w))), rel=1e-6, abs=1e-7)
    if which == "two":
        assert found["rho"] == 0
        assert found["sigma"] == pytest.approx(7240.8, abs=0.1)


def test_the_gates_answers_are_found_by_the_buttons(opened, page_file):
    page = opened(page_file)
    chapter(page, "write")
    page.page.locator("#ch-write").get_by_role("button", name="Where the input gate opens").click()
    page.settle()
    assert page.page.evaluate("GC.state.t") in np.flatnonzero(carried().x[0, :, 1])
    assert page.page.evaluate("document.querySelector('#cell-write .host').dataset.lit") == "write"


def test_questions_open_with_their_answers_by_keyboard(opened, page_file):
    page = opened(page_file)
    chapter(page, "remember")
    summaries = page.page.locator("#ch-remember details.check summary")
    assert summaries.count() == sum(".ask" in key for key in WORDS)
    summaries.first.focus()
    page.page.keyboard.press("Enter")
    assert page.page.locator("#ch-remember details.check p").first.is_visible()
    page.page.locator("#ch-remember details.check a.seen").first.click()
    page.until("document.documentElement.dataset.chapter === 'task'")


def test_without_script_every_chapter_is_read(opened, page_file):
    page = opened(page_file).page.context.browser.new_page(java_script_enabled=False)
    page.goto(page_file.as_uri())
    assert page.locator("#static h2").count() >= len(CHAPTERS)
    assert page.get_by_text("Why does the cell state help").first.is_visible()
