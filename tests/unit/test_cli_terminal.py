"""ProgressBars for people at a terminal and for log files."""

import io

import pytest
from rich.console import Console

from posable.cli.terminal import ProgressBars


class Clock:
    """Goes ten seconds further each time it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 10
        return self.now


def test_a_log_gets_a_line_every_half_minute_with_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars(Console(file=io.StringIO()), Clock()) as progress:
        for done in range(0, 70, 10):
            progress.show("pairs", done, 100, "loss 1.5")
    assert capsys.readouterr().err.splitlines() == [
        "posable: pairs 10/100, 1.0/s, 0:01:30 left, loss 1.5",
        "posable: pairs 40/100, 1.0/s, 0:01:00 left, loss 1.5",
    ]


def test_a_terminal_gets_a_bar_whose_words_fit_80_columns() -> None:
    screen = io.StringIO()
    with ProgressBars(Console(file=screen, force_terminal=True, width=80)) as progress:
        progress.show("half: people rendered", 10, 77_000)
        progress.show("half: pairs", 500, 77_000, "loss 1.234")
    *_, last, _cursor = screen.getvalue().splitlines()
    assert "half: pairs" in last
    assert "500/77000" in last
    assert "loss 1.234" in last


def test_what_finishes_at_once_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars(Console(file=io.StringIO())) as progress:
        progress.show("poses", 3, 3)
    assert capsys.readouterr().err == ""
