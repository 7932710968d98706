"""Progress is a bar where it can be drawn, and lines where it can't."""

import io
import re
import sys
from types import SimpleNamespace

import pytest
from tqdm.asyncio import tqdm_asyncio

from xmodal_sklearn import _progress
from xmodal_sklearn._progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Notebook(tqdm_asyncio):
    """Stands for tqdm's widget, which draws on its own."""

    def display(self, *args, **kwargs):
        print(f"drawn: {self.n}")


def test_a_log_has_plain_lines_at_the_start_and_the_end(capsys):
    assert list(progress_bar(iter("abc"), "Fitting", 3)) == ["a", "b", "c"]
    printed = capsys.readouterr()
    assert printed.out == ""
    start, end, rest = printed.err.split("\n")
    assert start == "Fitting: 0/3, 00:00 so far, ? left"
    assert re.fullmatch(r"Fitting: 3/3, \d\d:\d\d so far, 00:00 left", end)
    assert rest == ""


def test_a_notebook_without_widgets_has_a_bar(monkeypatch, capsys):
    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel="python3"))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert list(progress_bar(iter("abc"), "Fitting", 3)) == ["a", "b", "c"]
    assert "100%|██████████| 3/3" in capsys.readouterr().err


def test_a_log_has_lines_at_intervals(monkeypatch, capsys):
    monkeypatch.setattr(_progress, "SECONDS_BETWEEN_LINES", 0)
    for _ in progress_bar(range(5), "Fitting"):
        pass
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == [f"Fitting: {n}/5" for n in range(6)]


def test_a_log_line_is_printed_during_the_work(monkeypatch, capsys):
    monkeypatch.setattr(_progress, "SECONDS_BETWEEN_LINES", 0)
    work = iter(progress_bar(range(5), "Fitting"))
    next(work)
    assert capsys.readouterr().err.startswith("Fitting: 0/5")
    next(work)
    assert capsys.readouterr().err.startswith("Fitting: 1/5")


def test_a_manually_updated_bar_shows_its_postfix(capsys):
    with progress_bar(desc="Training", total=2, unit="epoch") as bar:
        for _ in range(2):
            bar.set_postfix(loss="0.5", refresh=False)
            bar.update()
    end = capsys.readouterr().err.splitlines()[-1]
    assert end.startswith("Training: 2/2")
    assert end.endswith("loss=0.5")


def test_nothing_is_shown_by_default(capsys):
    assert list(progress_bar(iter("abc"), "Fitting", 3, disable=True)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_one_bar_that_grows(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(progress_bar(iter("abc"), "Fitting", 3)) == ["a", "b", "c"]
    shown = sys.stderr.getvalue()
    assert shown.count("\n") == 1
    assert "\rFitting:   0%|" in shown
    assert "| 3/3 [" in shown


def test_a_notebook_draws_its_own_bar(monkeypatch, capsys):
    monkeypatch.setattr(_progress, "tqdm", Notebook)
    assert list(progress_bar(iter("abc"), "Fitting", 3)) == ["a", "b", "c"]
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == "drawn: 0"
    assert printed.out.splitlines()[-1] == "drawn: 3"
    assert "so far" not in printed.err


def test_an_interrupted_run_shows_its_progress(capsys):
    bar = progress_bar(range(3), "Fitting")
    with pytest.raises(RuntimeError, match="broken"), bar:
        for index in bar:
            if index == 1:
                raise RuntimeError("broken")
    assert capsys.readouterr().err.splitlines()[-1].startswith("Fitting: 1/3")
