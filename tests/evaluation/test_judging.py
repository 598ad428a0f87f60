"""Numbers of drawings whose quality one knows: the truth itself, and a grey shadow in the right place."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from figures import SIZE, Figures, drawer, grey_shadow, oracle

from posable.errors import ConfigError, InputError
from posable.evaluation.drawing import PictureFolder
from posable.evaluation.evaluate import (
    Settings,
    check_parsing,
    evaluate_loaded,
    identity_of,
    metric_maker,
)
from posable.evaluation.evaluated_model import EvaluatedModel
from posable.evaluation.intervals import mean_over_people
from posable.evaluation.judging import on_canvas
from posable.evaluation.protocol import PROTOCOLS, EvaluationProtocol, Measure
from posable.evaluation.report import EvaluationReport
from posable.imaging.size import Size
from posable.metrics.judged import JudgedPictures
from posable.models.generator import Rendering
from posable.pose.pose import PoseBatch

PIXELS = replace(
    PROTOCOLS["people-1"].at_size(SIZE),
    measures=tuple(
        measure
        for measure in PROTOCOLS["people-1"].measures
        if measure.metric in ("ssim", "psnr", "mask_iou", "parsing_iou")
    ),
)
WITH_FEATURES = replace(PIXELS, measures=tuple(m for m in PROTOCOLS["people-1"].measures if m.metric == "pd_efflite0"))


def evaluate(one: EvaluatedModel, pairs: Figures, protocol: EvaluationProtocol, folder: Path) -> EvaluationReport:
    pictures = PictureFolder(folder, protocol, identity_of(one))
    settings = Settings(torch.device("cpu"), batch_size=4)
    return evaluate_loaded(one, pairs, protocol, pictures, metric_maker(pairs, protocol, settings), settings)


def value(report: EvaluationReport, column: str) -> float:
    measured = report.measured_of(column)
    assert measured is not None
    assert measured.value is not None, measured.absent
    return measured.value


def test_the_truth_itself_gets_full_marks(tmp_path: Path) -> None:
    pairs = Figures()
    report = evaluate(oracle(pairs), pairs, PIXELS, tmp_path)
    for column in ("ssim", "ssim_in_box", "ssim_in_mask", "mask_iou", "parsing_iou"):
        assert value(report, column) == pytest.approx(1, abs=1e-6), column
    assert value(report, "psnr") == math.inf


def test_the_truth_itself_is_at_no_perceptual_distance(tmp_path: Path) -> None:
    pairs = Figures(2)
    report = evaluate(oracle(pairs), pairs, WITH_FEATURES, tmp_path)
    assert [value(report, column) for column in ("pd", "pd_in_box", "pd_in_mask")] == pytest.approx([0, 0, 0], abs=1e-6)


def test_an_infinite_psnr_becomes_words_that_json_can_hold(tmp_path: Path) -> None:
    pairs = Figures(2)
    told = evaluate(oracle(pairs), pairs, PIXELS, tmp_path).to_json()
    assert told["measures"]["psnr"]["value"] == "inf"
    assert told["measures"]["psnr"]["low"] is None
    assert told["per_pair"]["values"]["psnr"] == ["inf", "inf"]


def test_a_grey_shadow_scores_low_inside_the_mask_whatever_it_gets_over_the_whole_picture(tmp_path: Path) -> None:
    pairs = Figures()
    report = evaluate(grey_shadow(pairs), pairs, PIXELS, tmp_path)
    assert value(report, "ssim") > 0.5
    assert value(report, "ssim_in_mask") < 0.25
    assert value(report, "psnr") > value(report, "psnr_in_mask") + 4
    assert value(report, "mask_iou") == pytest.approx(1)


def test_a_last_batch_that_is_left_out_is_counted_and_told(tmp_path: Path) -> None:
    pairs = Figures(7)
    protocol = replace(PIXELS, measures=(Measure(column="psnr", metric="psnr", drop_partial_batch_of=4),))
    (measured,) = evaluate(grey_shadow(pairs), pairs, protocol, tmp_path).measured
    assert measured.judged == 4
    assert measured.left_out == {"last batch of 4 not full, left out as in the published script": 3}
    assert measured.per_pair is not None
    assert [math.isnan(value) for value in measured.per_pair] == [False] * 4 + [True] * 3


def test_a_damaged_pair_and_a_drawing_that_is_no_number_are_named_not_dropped(tmp_path: Path) -> None:
    pairs = Figures(6, damaged=[2])

    def draw(truth):
        image = truth.target_image.clone()
        image[truth.condition.target_pose.keypoints[:, 0, 0] == 33] = math.nan
        return Rendering(image)

    report = evaluate(drawer("faulty", draw, pairs), pairs, PIXELS, tmp_path)
    assert (report.counts.asked, report.counts.drawn) == (6, 4)
    assert not report.is_complete
    assert [(source, reason) for source, _, reason in report.counts.failed] == [
        ("0_a0.png", "the model drew values that are NaN or infinite."),
        ("1_a2.png", "'1_a2.png' is damaged; get another."),
    ]
    assert report.counts.listed == report.counts.asked + report.counts.not_asked
    assert [name.source for name in report.names] == ["0_a1.png", "1_a3.png", "2_a4.png", "2_a5.png"]


def test_a_mask_that_is_no_number_is_no_drawing(tmp_path: Path) -> None:
    pairs = Figures(2)
    nowhere = drawer("nowhere", lambda t: Rendering(t.target_image, mask=t.target_alpha * math.nan), pairs)
    report = evaluate(nowhere, pairs, PIXELS, tmp_path)
    assert [reason for _, _, reason in report.counts.failed] == ["the model drew values that are NaN or infinite."] * 2
    assert {one.absent for one in report.measured} == {"no pictures were given."}


def test_pictures_go_through_the_files_that_the_protocol_names(tmp_path: Path) -> None:
    pairs = Figures(2)
    lossy = replace(PIXELS, file_format="jpeg", jpeg_quality=75)
    assert value(evaluate(oracle(pairs), pairs, lossy, tmp_path), "psnr") < 50
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [".jpg", ".jpg", ".json"]


def test_floor_and_nearest_rounding_differ_by_half_a_level(tmp_path: Path) -> None:
    pairs = Figures(2)
    off = drawer("off", lambda truth: Rendering(truth.target_image - 0.2 / 127.5), pairs)
    assert value(evaluate(off, pairs, PIXELS, tmp_path / "nearest"), "psnr") == math.inf
    floored = evaluate(off, pairs, replace(PIXELS, rounding="floor"), tmp_path / "floor")
    assert value(floored, "psnr") == pytest.approx(20 * math.log10(255), abs=0.5)


def test_what_was_drawn_is_not_drawn_again(tmp_path: Path) -> None:
    pairs = Figures(6)
    first = evaluate(grey_shadow(pairs), pairs, PIXELS, tmp_path)
    (tmp_path / f"{pairs.names[4].file_stem}.png").unlink()
    calls: list[int] = []

    def count(truth):
        calls.append(len(truth))
        return grey_shadow(pairs).draw(truth.condition)

    again = evaluate(replace(grey_shadow(pairs), draw=drawer("x", count, pairs).draw), pairs, PIXELS, tmp_path)
    assert calls == [1]
    assert [one.value for one in again.measured] == [one.value for one in first.measured]


def test_a_folder_of_other_pictures_is_refused(tmp_path: Path) -> None:
    pairs = Figures(2)
    evaluate(grey_shadow(pairs), pairs, PIXELS, tmp_path / "a")
    with pytest.raises(ConfigError, match="drawn with another model; give another folder"):
        evaluate(oracle(pairs), pairs, PIXELS, tmp_path / "a")
    with pytest.raises(ConfigError, match="drawn with another rounding"):
        evaluate(grey_shadow(pairs), pairs, replace(PIXELS, rounding="floor"), tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "diary.txt").write_text("dear")
    with pytest.raises(ConfigError, match="holds files that are no evaluation's"):
        evaluate(oracle(pairs), pairs, PIXELS, tmp_path / "b")


def test_a_white_canvas_raises_ssim_and_psnr_as_it_must(tmp_path: Path) -> None:
    """Equal white margins: the squared error stays and the pixels become more."""
    pairs = Figures(2)
    measures = (Measure(column="plain", metric="psnr"), Measure(column="padded", metric="psnr", on_canvas=True))
    protocol = replace(PIXELS, measures=measures, white_canvas=Size(64, 64))
    report = evaluate(grey_shadow(pairs), pairs, protocol, tmp_path)
    assert value(report, "padded") - value(report, "plain") == pytest.approx(10 * math.log10(64 / 48), abs=1e-6)


def test_a_canvas_moves_poses_and_masks_with_the_pictures() -> None:
    pair = Figures(1)[0]
    levels = torch.full((1, 3, *SIZE), 7, dtype=torch.uint8)
    judged = JudgedPictures(
        generated=levels, truth=levels, target_pose=pair.condition.target_pose, mask=pair.target_alpha
    )
    padded = on_canvas(judged, Size(70, 64))
    assert padded.truth[0, :, 0, 0].tolist() == [255] * 3
    assert padded.truth[0, :, 3, 8].tolist() == [7] * 3
    assert isinstance(padded.target_pose, PoseBatch)
    moved = padded.target_pose.keypoints - pair.condition.target_pose.keypoints
    assert moved[0, 0].tolist() == [8, 3]
    assert padded.mask is not None
    assert padded.mask.sum() == pair.target_alpha.sum()


def test_intervals_resample_people_so_copies_of_a_person_make_them_no_narrower() -> None:
    values, people = [0.1, 0.5, 0.9, 0.2], ["a", "b", "c", "d"]
    assert mean_over_people(values * 5, people * 5) == pytest.approx(mean_over_people(values, people))


def test_a_model_that_needs_parsing_is_refused_where_there_is_none() -> None:
    from posable.models.pise import PiseConfig, PiseGenerator

    pairs = Figures(2)
    pairs.has_parsing = False
    with torch.device("meta"):
        generator = PiseGenerator(PiseConfig())
    one = replace(oracle(pairs), name="mine", generator=generator, family="pise")
    with pytest.raises(InputError, match=r"mine \(pise\) needs the parsing map of each source.*add the maps"):
        check_parsing(one, pairs)
