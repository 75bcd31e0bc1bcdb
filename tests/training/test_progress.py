"""What is shown while training, and Ctrl-C as a request."""

from __future__ import annotations

import io
import os
import re
import signal
import threading

import pytest
from rich.console import Console

from glasscell.training.progress import Reporter, stop_on_interrupt
from glasscell.training.trainer import Epoch

DONE = Epoch(epoch=3, train=0.25, validation=0.5, seconds=1.5)


def shown(terminal, quiet=False, width=100, name="LSTM, seed 0", between=lambda reporter: None):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, quiet=quiet, width=width)
    with Reporter(quiet=quiet, console=console) as reporter:
        reporter.start(networks=3, epochs=10)
        reporter.within(name, 5.0)
        reporter.within("LSTM, seed 1", 2.0)
        reporter.epoch(name, DONE, 10, best=True)
        between(reporter)
    return stream.getvalue()


def test_a_terminal_shows_a_bar_for_all_and_one_for_each_in_training():
    text = shown(terminal=True)
    assert re.search(r"3 networks .* 23 %", text)
    assert re.search(r"LSTM, seed 0 .* 50 %", text)
    assert re.search(r"LSTM, seed 1 .* 20 %", text)
    assert "left" in text
    assert "validation" not in text


@pytest.mark.parametrize("width", [28, 30, 40, 52, 53, 60, 80])
def test_the_bar_is_whole_on_a_terminal_of_any_width(width):
    text = shown(terminal=True, width=width, name="plain RNN, seed 999")
    assert "…" not in text
    assert "plain RNN, seed 999" in text
    assert "50 %" in text


def test_a_network_that_stopped_early_counts_as_done_and_leaves():
    seen = []
    shown(terminal=True, between=lambda r: (r.finish("LSTM, seed 0"), seen.extend(bars(r))))
    assert seen == [("3 networks", 12.0), ("LSTM, seed 1", 2.0)]


def test_a_network_taken_up_from_a_finished_state_counts_too():
    seen = []
    shown(terminal=True, between=lambda r: (r.finish("LSTM, seed 2"), seen.extend(bars(r))))
    assert seen[0] == ("3 networks", 17.0)


def bars(reporter):
    return [(task.description, task.completed) for task in reporter._bar.tasks]


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
