"""Which of two drawings is better, which pairs are shown, and what the page says about it."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from figures import Figures, grey_shadow, oracle
from test_judging import PIXELS, evaluate

from posable.evaluation.benchmark import BenchmarkReport, Row, gains
from posable.evaluation.benchmark_page import benchmark_page, best_of, gain_sentences, strongest_of
from posable.evaluation.cases import chosen, pick_cases, ranking
from posable.evaluation.cost import Cost
from posable.evaluation.drawing import PictureFolder
from posable.evaluation.evaluate import identity_of
from posable.evaluation.formatting import absences_of_rows, name_of, omissions_of_rows
from posable.evaluation.judging import Measured
from posable.evaluation.page import page
from posable.evaluation.protocol import Measure

COST = Cost(5, "64x48", 1.0, 0.5, 0.02, 0.01, 15, 80.0, 20.0, load_per_core=0.5)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    folder, pairs = tmp_path_factory.mktemp("rows"), Figures(6)
    reports = [evaluate(one, pairs, PIXELS, folder / one.name) for one in (oracle(pairs), grey_shadow(pairs))]
    learned = replace(reports[0], model=replace(reports[0].model, family="weave"))
    pictures = PictureFolder(folder / "oracle", PIXELS, identity_of(oracle(pairs)))
    cases = tuple(pick_cases(learned, pairs, pictures, 1))
    return [Row(learned, COST, cases), Row(reports[1], COST, ())]


def measured(values: list[float], higher_is_better: bool) -> Measured:
    measure = Measure(column="x", metric="ssim")
    return Measured(measure, higher_is_better, 0.5, None, None, len(values), {}, None, {}, tuple(values), {})


def test_gains_are_positive_for_the_better_one_in_every_measure_and_opposite_the_other_way(rows: list[Row]) -> None:
    forth, back = gains(*rows), gains(*reversed(rows))
    for column in ("ssim", "ssim_in_box", "ssim_in_mask"):
        assert forth[column].low > 0
        assert back[column].mean == pytest.approx(-forth[column].mean)


def test_pairs_that_only_one_of_them_drew_do_not_count_for_gains(rows: list[Row]) -> None:
    one, other = rows
    fewer = replace(
        other.report,
        names=other.report.names[:4],
        people=other.report.people[:4],
        measured=tuple(replace(m, per_pair=m.per_pair and m.per_pair[:4]) for m in other.report.measured),
    )
    ours, theirs = one.report.measured_of("ssim"), other.report.measured_of("ssim")
    assert ours is not None
    assert theirs is not None
    expected = sum(a - b for a, b in zip(ours.per_pair[:4], theirs.per_pair[:4], strict=True)) / 4
    assert gains(one, replace(other, report=fewer))["ssim"].mean == pytest.approx(expected)


def test_the_strongest_and_the_best_follow_the_direction_of_the_measure(rows: list[Row]) -> None:
    assert strongest_of(rows, "ssim") is rows[0]
    assert strongest_of(rows, "nothing of the kind") is None
    assert best_of([replace(measured([1.0], higher), value=v) for higher, v in ((False, 0.2), (False, 0.1))]) == 0.1


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_shown_pairs_are_the_extremes_and_the_middle_and_none_twice(higher_is_better: bool) -> None:
    values = [0.5, 0.1, math.nan, 0.9, 0.3, 0.7, 0.2]
    found = chosen(measured(values, higher_is_better), 2)
    high, low = found["best"], found["worst"]
    if not higher_is_better:
        high, low = low, high
    assert (high, low) == ([3, 5], [1, 6])
    assert sorted(found["middling"]) == [0, 4]


def test_few_pairs_are_shared_out_without_repeating_any() -> None:
    for count in (1, 2, 3, 4, 5):
        shown = [i for places in chosen(measured([i / 10 for i in range(count)], True), 4).values() for i in places]
        assert len(shown) == len(set(shown))
        assert len(shown) <= count


def test_a_page_without_any_measure_of_pairs_still_tells_the_rest(rows: list[Row]) -> None:
    report = replace(rows[0].report, measured=())
    assert ranking(report.measured) is None
    assert "How it was measured" in page(report, [])


def test_the_benchmarks_page_shows_absences_gains_and_the_load(rows: list[Row]) -> None:
    busy = replace(rows[0], cost=replace(COST, load_per_core=4.25))
    text = benchmark_page(BenchmarkReport(PIXELS, (busy, rows[1]), ()))
    assert "Other programs were busy meanwhile (up to 4.2 for each core)" in text
    assert "over grey-shadow" in text
    assert "absent" in text
    assert text.count("data:image/jpeg") == 3 * 2
    assert "Other programs" not in benchmark_page(BenchmarkReport(PIXELS, tuple(rows), ()))


def test_what_only_some_lack_is_told_with_their_names() -> None:
    def lacks(value: float | None, reason: str | None, left_out: dict[str, int]) -> Measured:
        return replace(measured([1.0], True), value=value, absent=reason, left_out=left_out)

    rows = {
        "a": [lacks(None, "no maps.", {}), lacks(0.5, None, {"no value for the pair": 3})],
        "b": [lacks(0.5, None, {}), lacks(0.5, None, {"no value for the pair": 3})],
    }
    name = name_of(Measure(column="x", metric="ssim"))
    assert absences_of_rows(rows) == {"no maps.": [f"{name} of a"]}
    assert absences_of_rows({"a": rows["a"]}) == {"no maps.": [name]}
    assert omissions_of_rows(rows) == [f"{name} of a, b is not of 3 drawn pairs: no value for the pair"]


def test_gains_are_told_over_the_strongest_baseline(rows: list[Row]) -> None:
    told = gain_sentences(BenchmarkReport(PIXELS, tuple(rows), ()))
    in_box = r"oracle over grey-shadow, SSIM, person's box: \+0\.\d+ \(0\.\d+ to 0\.\d+\), better"
    assert any(re.fullmatch(in_box, line) for line in told)
    assert all(line.startswith("oracle over grey-shadow, ") for line in told)


def test_names_are_escaped_on_pages(rows: list[Row], tmp_path: Path) -> None:
    evil = replace(rows[0].report, model=replace(rows[0].report.model, name="<script>alert(1)</script>"))
    assert "<script>" not in page(evil, [])
    assert "<script>" not in benchmark_page(BenchmarkReport(PIXELS, (replace(rows[0], report=evil), rows[1]), ()))
