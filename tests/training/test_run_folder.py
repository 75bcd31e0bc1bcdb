"""Run folders: whole or not there, and never written over unasked."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from glasscell.errors import DataError
from glasscell.tasks.forecast.preprocessing import read_preprocessing
from glasscell.training.run_folder import CHECKPOINT, PREPROCESSING, RunFolder


def finished(path, text="{}"):
    with RunFolder(path, force=True) as folder:
        folder.write_text(PREPROCESSING, text)
        folder.commit()
    return path


def test_a_committed_run_is_there_and_nothing_else(tmp_path):
    finished(tmp_path / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_failed_run_leaves_nothing(tmp_path):
    with pytest.raises(TypeError), RunFolder(tmp_path / "run") as folder:
        folder.write_json("half.json", {"what": object()})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_replacement_keeps_the_old_run(tmp_path):
    run = finished(tmp_path / "run", '{"old": 1}')
    with pytest.raises(TypeError), RunFolder(run, force=True) as folder:
        folder.write_json(PREPROCESSING, {"new": object()})
    assert (run / PREPROCESSING).read_text() == '{"old": 1}'


def test_an_existing_run_is_replaced_only_with_force(tmp_path):
    run = finished(tmp_path / "run")
    with pytest.raises(DataError, match="exists; choose another --out"):
        RunFolder(run)
    (run / "old.txt").touch()
    finished(run)
    assert not (run / "old.txt").exists()


def test_force_does_not_replace_what_is_no_run(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").touch()
    with pytest.raises(DataError, match="is no run folder"):
        RunFolder(tmp_path / "thesis", force=True)


def test_a_killed_run_is_not_dropped_unasked(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.__enter__().write_bytes(CHECKPOINT, b"state")
    with pytest.raises(DataError, match="--resume, or drop it with --force"):
        RunFolder(tmp_path / "run")
    assert RunFolder(tmp_path / "run", resume=True).saved is not None


def test_resuming_nothing_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected a stopped run"):
        RunFolder(tmp_path / "run", resume=True)


def test_a_failed_resume_keeps_the_checkpoint(tmp_path):
    RunFolder(tmp_path / "run").__enter__().write_bytes(CHECKPOINT, b"state")
    with pytest.raises(ZeroDivisionError), RunFolder(tmp_path / "run", resume=True):
        raise ZeroDivisionError
    assert RunFolder(tmp_path / "run", resume=True).saved.read_bytes() == b"state"


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "damaged"), ("[]", "expected format"), ('{"format": "glasscell-forecast"}', "version")],
)
def test_a_damaged_description_is_refused(tmp_path, content, message):
    run = finished(tmp_path / "run", content)
    with pytest.raises(DataError, match=message):
        read_preprocessing(run)


def test_a_run_killed_before_its_first_checkpoint_is_no_obstacle(tmp_path):
    for resume in (False, True):
        (tmp_path / ".run.partial" / "half").mkdir(parents=True)
        with RunFolder(tmp_path / "run", resume=resume) as folder:
            assert not (folder.draft / "half").exists()
            folder.write_text(PREPROCESSING, "{}")
        assert list(tmp_path.iterdir()) == []


def test_two_processes_do_not_write_one_run(tmp_path):
    with RunFolder(tmp_path / "run") as first:
        for options in ({}, {"force": True}, {"resume": True}):
            with pytest.raises(DataError, match="at this moment"):
                RunFolder(tmp_path / "run", **options).__enter__()
        first.write_text(PREPROCESSING, "{}")
        first.commit()
    assert [p.name for p in (tmp_path / "run").iterdir()] == [PREPROCESSING]


def test_what_a_message_advises_is_not_refused_by_another(tmp_path):
    run = finished(tmp_path / "run")
    with pytest.raises(DataError, match=r"is finished.*--force"):
        RunFolder(run, resume=True)
    RunFolder(run, force=True)
    (run / CHECKPOINT).write_bytes(b"state")
    with pytest.raises(DataError, match=r"--resume.*--force"):
        RunFolder(run)
    RunFolder(run, resume=True)
    RunFolder(run, force=True)


@pytest.mark.parametrize(
    "out", ["", ".", "..", "/", "a\0b", "x" * 300, 3, b"run", "/dev/null/run", "/proc/none/run"]
)
def test_a_place_where_no_run_can_be_is_refused_in_words(out):
    with pytest.raises(DataError, match="--out"):
        RunFolder(out).__enter__()


KILLED = """
import os, pathlib, shutil, signal, sys
from glasscell.training import run_folder as runs

left = int(sys.argv[2])


def mortal(work):
    def do(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*arguments, **options)
    return do


with runs.RunFolder(sys.argv[1], force=True) as folder:
    folder.write_bytes(runs.CHECKPOINT, b"state")
    folder.write_text(runs.PREPROCESSING, "new")
    for name in ("rename", "unlink"):
        setattr(pathlib.Path, name, mortal(getattr(pathlib.Path, name)))
    shutil.rmtree = mortal(shutil.rmtree)
    folder.commit()
"""


def killed(run, at):
    """Commit a run in another process that is killed at its step number `at`; 0 if it has fewer."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(run), str(at)], check=False)
    return done.returncode


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_kill_while_a_run_is_committed_loses_nothing(tmp_path):
    for at in range(1, 20):
        run = tmp_path / str(at) / "run"
        run.parent.mkdir()
        finished(run, "old")
        if not killed(run, at):
            break
        # Either the new run is in its place, or its training is there to go on from.
        new = run.exists() and (run / PREPROCESSING).read_text() == "new"
        assert new or (run.parent / ".run.partial" / CHECKPOINT).read_bytes() == b"state"
        if (run / CHECKPOINT).exists() or not new:
            with RunFolder(run, resume=True) as folder:
                assert folder.saved.read_bytes() == b"state"
                folder.write_text(PREPROCESSING, "new")
                folder.commit()
        else:
            finished(run, "new")
        assert [p.name for p in run.parent.iterdir()] == ["run"]
        assert [p.name for p in run.iterdir()] == [PREPROCESSING]
    assert at > 4


def test_an_interrupt_between_the_two_renames_puts_the_old_run_back(tmp_path, monkeypatch):
    run = finished(tmp_path / "run", "old")

    work = type(run).rename

    def rename(self, place):
        if self.name.endswith(".partial"):
            raise KeyboardInterrupt
        return work(self, place)

    with RunFolder(run, force=True) as folder:
        folder.write_text(PREPROCESSING, "new")
        monkeypatch.setattr(type(run), "rename", rename)
        with pytest.raises(KeyboardInterrupt):
            folder.commit()
    assert (run / PREPROCESSING).read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("resume", [False, True])
def test_what_appears_at_the_place_of_a_run_is_not_replaced(tmp_path, resume):
    run = tmp_path / "run"
    if resume:
        RunFolder(run).__enter__().write_bytes(CHECKPOINT, b"state")
    with RunFolder(run, resume=resume) as folder:
        folder.write_bytes(CHECKPOINT, b"state")
        run.mkdir()
        (run / "thesis.txt").touch()
        with pytest.raises(DataError, match="--resume"):
            folder.commit()
    assert [p.name for p in run.iterdir()] == ["thesis.txt"]
    with pytest.raises(DataError, match="move it away"):
        RunFolder(run, resume=True)
    run.rename(tmp_path / "mine")
    with RunFolder(run, resume=True) as folder:
        assert folder.saved.read_bytes() == b"state"
        folder.commit()
