"""What Jupyter is given to show a result: a PNG of the size it should have, or a table."""

import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from figures import SIZE, Figures, grey_shadow, oracle
from PIL import Image

from posable.batch import PersonPair, PoseCondition
from posable.detect import Detection
from posable.detect.parser import ParsingResult
from posable.evaluation.benchmark import BenchmarkReport, Row
from posable.evaluation.cases import Case
from posable.evaluation.cost import Cost
from posable.evaluation.drawing import PictureFolder
from posable.evaluation.evaluate import Settings, evaluate_loaded, identity_of, metric_maker
from posable.evaluation.pairs import PairName
from posable.evaluation.protocol import EvaluationProtocol, Measure
from posable.evaluation.report import EvaluationReport
from posable.imaging.image import read_image, to_tensor
from posable.imaging.size import Size
from posable.models.generator import Rendering
from posable.parsing.schemes import LIP_20, palette
from posable.pose.drawing import draw_skeleton
from posable.pose.files import read_pose
from posable.pose.pose import Pose, PoseBatch
from posable.transfer.pipeline import PoseTransfer

GAP = 8


def decoded(data: bytes) -> Image.Image:
    """The picture, after every check that Pillow makes of the file."""
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "PNG"
        picture.verify()
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
    return picture


@pytest.fixture(scope="module")
def pose(examples: Path) -> Pose:
    return read_pose(examples / "person.json", Size(512, 352))


@pytest.fixture(scope="module")
def picture(examples: Path) -> Image.Image:
    return read_image(examples / "person.png")


def svg_size(svg: str) -> tuple[int, int]:
    root = ElementTree.fromstring(svg)
    return int(root.attrib["width"]), int(root.attrib["height"])


def test_a_pose_shows_its_skeleton_in_its_own_frame(pose: Pose) -> None:
    svg = pose._repr_svg_()
    assert svg_size(svg) == (352, 512)
    assert ElementTree.fromstring(svg).attrib["viewBox"] == "0 0 352 512"
    circles = [part for part in ElementTree.fromstring(svg).iter() if part.tag.endswith("circle")]
    centres = [(float(part.attrib["cx"]), float(part.attrib["cy"])) for part in circles]
    np.testing.assert_allclose(centres, pose.keypoints[pose.visible], atol=0.051)


@pytest.mark.parametrize(("height", "width"), [(6000, 4000), (4000, 6000), (3, 3000)])
def test_a_pose_of_a_large_picture_is_shown_small(pose: Pose, height: int, width: int) -> None:
    shown = svg_size(pose.resize(Size(height, width))._repr_svg_())
    assert max(shown) == 512
    assert min(shown) == max(1, round(512 * min(height, width) / max(height, width)))


def test_a_pose_without_keypoints_shows_its_empty_frame() -> None:
    svg = Pose.from_named({}, Size(64, 48))._repr_svg_()
    assert svg_size(svg) == (48, 64)
    assert "<circle" not in svg
    assert "<path" not in svg


def test_a_detection_shows_the_box_around_the_skeleton(pose: Pose) -> None:
    box = (100.0, 60.0, 250.0, 480.0)
    pixels = np.asarray(decoded(Detection(pose, box, 0.9, 1)._repr_png_()), int)
    changed = np.abs(pixels - np.asarray(draw_skeleton(pose), int)).sum(-1) > 60
    rows, columns = np.nonzero(changed)
    assert pixels.shape == (512, 352, 3)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == box


def test_the_box_of_a_detection_in_a_large_photo_shrinks_with_it(pose: Pose) -> None:
    large = Detection(pose.resize(Size(2048, 1408)), (400, 240, 1000, 1920), 0.9, 1)
    pixels = np.asarray(decoded(large._repr_png_()), int)
    assert pixels.shape == (512, 352, 3)
    assert np.ptp(pixels[60, 110:240], axis=0).max() < 30
    assert pixels[60, 110:240].min() > pixels[50, 110:240].max()


def test_an_encoded_source_shows_the_picture_and_beside_it_the_skeleton(
    tiny_model: Path, picture: Image.Image, pose: Pose
) -> None:
    source = PoseTransfer.from_pretrained(tiny_model, device="cpu").encode(picture, source_pose=pose)
    shown = decoded(source._repr_png_())
    assert shown.size == (2 * 352 + GAP, 512)
    left, right = (np.asarray(shown.crop((x, 0, x + 352, 512)), int) for x in (0, 352 + GAP))
    assert np.abs(left - np.asarray(picture, int)).max() == 0
    x, y = (round(value) for value in pose.named()["neck"])
    drawn = np.asarray(draw_skeleton(pose), int)
    assert np.abs(right[y, x] - drawn[y, x]).max() < 40
    assert right.mean() < left.mean()


def test_an_encoded_photo_is_shown_small(tiny_model: Path, picture: Image.Image, pose: Pose) -> None:
    photo, of_photo = picture.resize((1408, 2048)), pose.resize(Size(2048, 1408))
    source = PoseTransfer.from_pretrained(tiny_model, device="cpu").encode(photo, source_pose=of_photo)
    assert decoded(source._repr_png_()).size == (2 * 352 + GAP, 512)


def test_a_parsing_shows_the_colours_of_its_classes() -> None:
    labels = np.zeros((40, 30), np.uint8)
    labels[10:20, 5:25] = LIP_20.index("upper-clothes")
    shown = decoded(ParsingResult(labels)._repr_png_())
    assert shown.size == (30, 40)
    assert shown.convert("RGB").getpixel((10, 15)) == tuple(palette(LIP_20)[LIP_20.index("upper-clothes")].tolist())


def test_a_rendering_shows_its_images_side_by_side() -> None:
    images = torch.stack([torch.full((3, 64, 48), value) for value in (-1.0, 1.0, 0.0)])
    shown = decoded(Rendering(images)._repr_png_())
    assert shown.size == (3 * 48 + 2 * GAP, 64)
    assert shown.getpixel((10, 10)) == (0, 0, 0)
    assert shown.getpixel((48 + GAP + 10, 10)) == (255, 255, 255)


def test_a_pair_shows_source_target_pose_and_truth(picture: Image.Image, pose: Pose) -> None:
    image, poses = to_tensor(picture)[None], PoseBatch.from_poses([pose])
    pair = PersonPair(
        condition=PoseCondition(source_image=image, source_pose=poses, target_pose=poses), target_image=-image
    )
    shown = decoded(pair._repr_png_())
    assert shown.size == (3 * 352 + 2 * GAP, 512)
    truth = np.asarray(shown.crop((2 * (352 + GAP), 0, shown.width, 512)), int)
    assert np.abs(truth - (255 - np.asarray(picture, int))).max() <= 1


def test_a_case_shows_four_titled_pictures(picture: Image.Image, pose: Pose) -> None:
    shown = decoded(Case("best", PairName("a.png", "b.png"), picture, pose, picture, picture, {})._repr_png_())
    assert shown.width > 4 * 352
    assert shown.height > 512


def test_showing_changes_nothing(picture: Image.Image, pose: Pose) -> None:
    before = picture.tobytes()
    first = Case("best", PairName("a.png", "b.png"), picture, pose, picture, picture, {})
    assert first._repr_png_() == first._repr_png_()
    assert picture.tobytes() == before


PROTOCOL = EvaluationProtocol(
    name="tables",
    corpora=("people-1",),
    size=SIZE,
    rounding="nearest",
    file_format="png",
    measures=(
        Measure(column="ssim", metric="ssim"),
        Measure(column="psnr", metric="psnr"),
        Measure(column="fid", metric="fid_torchvision", reference="train"),
    ),
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[EvaluationReport]:
    folder, pairs, settings = tmp_path_factory.mktemp("tables"), Figures(4), Settings(torch.device("cpu"))
    return [
        evaluate_loaded(
            one,
            pairs,
            PROTOCOL,
            PictureFolder(folder / one.name, PROTOCOL, identity_of(one)),
            metric_maker(pairs, PROTOCOL, settings),
            settings,
        )
        for one in (oracle(pairs), grey_shadow(pairs))
    ]


def rows_of(html: str) -> list[list[str]]:
    """The text of each cell; raises when the HTML is not well formed."""
    tree = ElementTree.fromstring(f"<div>{html}</div>")
    return [["".join(cell.itertext()) for cell in row] for row in tree.iter("tr")]


def test_a_report_shows_a_table_with_a_row_for_each_measure_that_is_there(reports: list[EvaluationReport]) -> None:
    heading, *rows = rows_of(reports[0]._repr_html_())
    assert heading == ["measure", "mean", "95 % interval", "pairs"]
    assert [row[0] for row in rows] == ["SSIM, whole picture ↑", "PSNR, whole picture ↑"]
    assert rows[0][1] == "1.000"
    assert rows[1][1] == "∞"
    assert {row[3] for row in rows} == {"4"}


def test_a_report_says_what_is_absent_and_why(reports: list[EvaluationReport]) -> None:
    shown = reports[0]._repr_html_()
    absent = reports[0].measured_of("fid")
    assert absent is not None
    assert absent.absent is not None
    text = "".join(ElementTree.fromstring(f"<div>{shown}</div>").itertext())
    assert f"absent: FID (torchvision): {absent.absent}" in text
    assert "asked 4 of 7 listed pairs, drawn 4" in text


def test_a_name_is_text_and_no_markup(reports: list[EvaluationReport]) -> None:
    named = replace(reports[0], model=replace(reports[0].model, name="<img src=x onerror=alert(1)> & co"))
    assert "<img" not in named._repr_html_()
    assert ElementTree.fromstring(f"<div>{named._repr_html_()}</div>").findtext(".//b") == named.model.name


def test_a_benchmark_shows_a_column_for_each_contestant(reports: list[EvaluationReport]) -> None:
    cost = Cost(0, "64x48", None, None, 0.1, 0.1, 1, None, None, load_per_core=0.5)
    html = BenchmarkReport(PROTOCOL, tuple(Row(report, cost, ()) for report in reports), ())._repr_html_()
    heading, ssim, psnr = rows_of(html)
    assert heading == ["measure", "oracle", "grey-shadow"]
    assert ssim[1] == "1.000"
    assert float(ssim[2]) < 1
    assert psnr[1] == "∞"
