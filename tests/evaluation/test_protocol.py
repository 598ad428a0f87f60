"""Protocols are values: their hashes are stable, and every field counts."""

import re
from dataclasses import fields, replace

import pytest

from posable.errors import ConfigError
from posable.evaluation.formatting import name_of
from posable.evaluation.measures import METRICS
from posable.evaluation.protocol import PROTOCOLS, EvaluationProtocol, Measure, protocol_named
from posable.imaging.size import Size

HASHES = {
    "dptn-2022": "526a148a83c90fd8",
    "market-1501": "f560dfd90a93cf11",
    "nted-2022": "8d6f3b3ddac20903",
    "people-1": "acd920046f29f71b",
}
"""Frozen: a changed hash means that older reports no longer compare; give the protocol a new version on purpose."""

OTHER = {
    "name": "another",
    "version": 2,
    "corpora": ("folder",),
    "split": "val",
    "size": Size(64, 48),
    "fit": "stretch",
    "resize_kernel": "nearest",
    "model_resize_kernel": "nearest",
    "rounding": "floor",
    "file_format": "jpeg",
    "jpeg_quality": 50,
    "white_canvas": Size(512, 512),
    "measures": (Measure(column="psnr", metric="psnr"),),
    "pairs": 7,
    "subset_seed": 1,
}
"""Another value for each field of people-1."""


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_the_hash_of_a_protocol_is_frozen(name: str) -> None:
    assert PROTOCOLS[name].hash == HASHES[name]


@pytest.mark.parametrize("field", [field.name for field in fields(EvaluationProtocol)])
def test_every_field_changes_the_hash(field: str) -> None:
    people = PROTOCOLS["people-1"]
    change = {field: OTHER[field]}
    if field in ("file_format", "jpeg_quality"):
        people = replace(people, file_format="jpeg", jpeg_quality=75)
        change = {"file_format": "png", "jpeg_quality": None} if field == "file_format" else {"jpeg_quality": 50}
    assert replace(people, **change).hash != people.hash


@pytest.mark.parametrize("field", [field.name for field in fields(Measure)])
def test_every_field_of_a_measure_changes_the_hash(field: str) -> None:
    people = PROTOCOLS["people-1"]
    first, *rest = people.measures
    other = {
        "column": "x",
        "metric": "psnr",
        "region": "whole",
        "on_canvas": True,
        "reference": "train",
        "drop_partial_batch_of": 64,
    }
    canvas = Size(256, 256)
    before = replace(people, white_canvas=canvas)
    after = replace(before, measures=(replace(first, **{field: other[field]}), *rest))
    assert after.hash != before.hash


def test_a_subset_and_a_size_are_told_in_the_title_and_change_the_hash() -> None:
    people = PROTOCOLS["people-1"]
    small = people.at_size(Size(64, 48)).with_pairs(50)
    assert people.title == "people-1"
    assert small.title == "people-1, at 64x48, 50 pairs"
    assert people.with_pairs(50, seed=3).title == "people-1, 50 pairs (seed 3)"
    assert len({people.hash, small.hash, people.with_pairs(50).hash, people.with_pairs(50, seed=3).hash}) == 4


def test_a_protocol_that_is_otherwise_changed_says_so() -> None:
    assert replace(PROTOCOLS["people-1"], rounding="floor").title == "people-1, changed"


def test_a_white_canvas_grows_with_the_pictures() -> None:
    assert PROTOCOLS["dptn-2022"].at_size(Size(64, 44)).white_canvas == Size(64, 64)


def test_published_scripts_differ_in_the_ways_that_they_are_known_to() -> None:
    dptn, nted = PROTOCOLS["dptn-2022"], PROTOCOLS["nted-2022"]
    assert {m.column for m in dptn.measures if m.on_canvas} == {"ssim", "psnr"}
    assert (dptn.file_format, dptn.white_canvas) == ("jpeg", Size(256, 256))
    assert (nted.file_format, nted.white_canvas) == ("png", None)
    for protocol in (dptn, nted):
        (fid,) = [measure for measure in protocol.measures if measure.column == "fid"]
        assert (fid.reference, fid.drop_partial_batch_of) == ("train", 64)


def test_every_measure_names_a_metric_that_exists() -> None:
    assert {measure.metric for protocol in PROTOCOLS.values() for measure in protocol.measures} <= set(METRICS)


def test_people_1_looks_at_the_person_with_every_measure_of_pixels() -> None:
    measures = PROTOCOLS["people-1"].measures
    for metric in ("ssim", "psnr", "lpips", "pd_efflite0"):
        assert {measure.region for measure in measures if measure.metric == metric} == {"whole", "box", "mask"}


def test_what_needs_no_download_is_never_called_lpips_or_fid() -> None:
    for metric in ("pd_efflite0", "fd_efflite0"):
        measures = [m for protocol in PROTOCOLS.values() for m in protocol.measures if m.metric == metric]
        assert measures
        for measure in measures:
            assert not re.search("lpips|fid", f"{measure.column} {name_of(measure)}", re.IGNORECASE)


def test_an_unknown_protocol_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no protocol 'dptn'; choose one of dptn-2022, nted-2022, market-1501, peop"):
        protocol_named("dptn")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"jpeg_quality": 90}, "JPEG quality"),
        ({"pairs": 0}, "give 1 or more"),
        ({"white_canvas": Size(100, 100)}, "do not fit on a canvas"),
        ({"measures": (Measure(column="a", metric="ssim"), Measure(column="a", metric="psnr"))}, "same column"),
        ({"measures": (Measure(column="a", metric="ssim", on_canvas=True),)}, "set white_canvas"),
    ],
)
def test_a_contradiction_is_refused(change: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        replace(PROTOCOLS["people-1"], **change)
