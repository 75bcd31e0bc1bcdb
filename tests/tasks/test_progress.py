"""What is shown while training, and Ctrl-C as a request."""

from __future__ import annotations

import io
import os
import signal
import threading

import pytest
from rich.console import Console

from glasscell.tasks.progress import Reporter, stop_on_interrupt
from glasscell.tasks.training import Epoch

DONE = Epoch(epoch=3, train=0.25, validation=0.5, seconds=1.5)


def shown(terminal, quiet=False, width=100, name="LSTM, seed 0"):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, quiet=quiet, width=width)
    with Reporter(quiet=quiet, console=console) as reporter:
        reporter.start(epochs=10)
        reporter.within(name, 5.0)
        reporter.epoch(name, DONE, 10, best=True)
    return stream.getvalue()


def test_a_terminal_shows_a_bar_and_no_lines():
    text = shown(terminal=True)
    assert "50 %" in text
    assert "left" in text
    assert "validation" not in text


@pytest.mark.parametrize("width", [28, 30, 40, 52, 53, 60, 80])
def test_the_bar_is_whole_on_a_terminal_of_any_width(width):
    text = shown(terminal=True, width=width, name="plain RNN, seed 999")
    assert "…" not in text
    assert "plain RNN, seed 999" in text
    assert "50 %" in text


def test_a_file_gets_one_line_per_epoch():
    text = shown(terminal=False)
    assert text == (
        "LSTM, seed 0  epoch 3/10  train 0.2500  validation 0.5000  1.5 s  best so far\n"
    )


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_shows_nothing(terminal):
    assert shown(terminal, quiet=True) == ""


def test_the_first_ctrl_c_asks_and_the_second_stops():
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.pressed
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_signals_alone():
    seen = []

    def enter():
        with stop_on_interrupt() as stop:
            seen.append(stop.pressed)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [False]
