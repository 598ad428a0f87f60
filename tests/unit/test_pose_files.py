"""Each format of the field lands on the same names and pixel centres; each broken file is named in one sentence."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posable.errors import PoseError
from posable.imaging.size import Size
from posable.pose.files import read_annotation_csv, read_pose, read_pose_sequence, write_pose
from posable.pose.pose import OPENPOSE_18, Pose

SIZE = Size(256, 176)

COCO_NAMES = (  # noqa: SIM905
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow "
    "left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split()
BODY_25_NAMES = (  # noqa: SIM905
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip right_hip "
    "right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear "
    "left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel"
).split()
MEDIAPIPE_NAMES = (  # noqa: SIM905
    "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear "
    "mouth_left mouth_right left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky "
    "right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle left_heel right_heel left_foot_index right_foot_index"
).split()


def known_points() -> dict[str, tuple[float, float]]:
    """Pixel indices by name; the neck midway between the shoulders, as every format has it."""
    rng = np.random.default_rng(4)
    points = {
        name: (float(x), float(y))
        for name, (x, y) in zip(OPENPOSE_18.keypoints, rng.integers(20, 150, (18, 2)), strict=True)
    }
    right, left = points["right_shoulder"], points["left_shoulder"]
    points["neck"] = ((right[0] + left[0]) / 2, (right[1] + left[1]) / 2)
    return points


POINTS = known_points()
AT_CENTRES = Pose.from_named({name: (x + 0.5, y + 0.5) for name, (x, y) in POINTS.items()}, SIZE)


def triples(names: list[str] | tuple[str, ...]) -> list[float]:
    return [value for name in names for value in (*POINTS.get(name, (1.0, 1.0)), 2.0 if name in POINTS else 0.9)]


def openpose(*people: list[float]) -> dict[str, Any]:
    return {"version": 1.3, "people": [{"pose_keypoints_2d": person} for person in people]}


def mediapipe(*, scale: tuple[float, float] = SIZE[::-1]) -> list[dict[str, float]]:
    shifted = {name: (x + 0.5, y + 0.5) for name, (x, y) in POINTS.items()}
    points = [shifted.get(name, (1.0, 1.0)) for name in MEDIAPIPE_NAMES]
    return [{"x": x / scale[0], "y": y / scale[1], "z": -0.1, "visibility": 0.98} for x, y in points]


FORMATS: dict[str, Any] = {
    "openpose_18": openpose(triples(OPENPOSE_18.keypoints)),
    "openpose_25": openpose(triples(BODY_25_NAMES)),
    "openpose_with_canvas": {**openpose(triples(OPENPOSE_18.keypoints)), "canvas_height": 256, "canvas_width": 176},
    "coco_annotation": {"image_id": 3, "category_id": 1, "keypoints": triples(COCO_NAMES)},
    "coco_results": [{"image_id": 3, "keypoints": triples(COCO_NAMES), "score": 0.9}],
    "coco_data_set": {
        "images": [{"id": 3, "height": 256, "width": 176}],
        "annotations": [{"image_id": 3, "keypoints": triples(COCO_NAMES)}],
    },
    "mediapipe_list": mediapipe(),
    "mediapipe_tasks": {"pose_landmarks": [mediapipe()]},
    "mediapipe_solutions": {"pose_landmarks": {"landmark": mediapipe()}, "width": 176, "height": 256},
    "mediapipe_pixels": {"landmarks": mediapipe(scale=(1, 1))},
}


def written(tmp_path: Path, data: Any, name: str = "pose.json") -> Path:
    path = tmp_path / name
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def assert_close(pose: Pose, expected: Pose) -> None:
    assert pose.size == expected.size
    assert pose.visible.tolist() == expected.visible.tolist()
    assert np.abs(pose.keypoints - expected.keypoints).max() < 1e-3


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_pose(tmp_path: Path, name: str):
    assert_close(read_pose(written(tmp_path, FORMATS[name]), SIZE), AT_CENTRES)


@pytest.mark.parametrize("name", ["openpose_with_canvas", "coco_data_set", "mediapipe_solutions"])
def test_a_frame_in_the_file_wins_over_the_given_one(tmp_path: Path, name: str):
    assert_close(read_pose(written(tmp_path, FORMATS[name]), Size(999, 999)), AT_CENTRES)


@pytest.mark.parametrize("name", ["openpose_18", "openpose_25", "coco_annotation", "mediapipe_pixels"])
def test_without_a_frame_one_is_drawn_around_the_person(tmp_path: Path, name: str):
    pose = read_pose(written(tmp_path, FORMATS[name]))
    extent = np.ptp(AT_CENTRES.keypoints, axis=0)
    margin = extent.max() / 10
    assert np.allclose(pose.keypoints.min(axis=0), margin, atol=0.01)
    assert np.allclose([pose.size.width, pose.size.height], extent + 2 * margin, atol=1)
    moved = pose.keypoints - pose.keypoints[0]
    assert np.allclose(moved, AT_CENTRES.keypoints - AT_CENTRES.keypoints[0], atol=1e-3)


def test_fractions_of_an_unknown_frame_are_refused(tmp_path: Path):
    with pytest.raises(PoseError, match='add "height" and "width"'):
        read_pose(written(tmp_path, FORMATS["mediapipe_list"]))


def test_of_several_people_the_largest_is_read(tmp_path: Path):
    large = triples(OPENPOSE_18.keypoints)
    small = [value if index % 3 == 2 else value / 4 for index, value in enumerate(large)]
    assert_close(read_pose(written(tmp_path, openpose(small, large, small)), SIZE), AT_CENTRES)


def test_uncertain_and_null_points_are_hidden(tmp_path: Path):
    values: list[Any] = triples(OPENPOSE_18.keypoints)
    values[2] = 0.01
    values[3:6] = [None, None, None]
    pose = read_pose(written(tmp_path, openpose(values)), SIZE)
    assert set(OPENPOSE_18.keypoints) - set(pose.named()) == {"nose", "neck"}


def test_a_neck_needs_both_shoulders(tmp_path: Path):
    values = triples(COCO_NAMES)
    values[3 * COCO_NAMES.index("left_shoulder") + 2] = 0
    pose = read_pose(written(tmp_path, {"keypoints": values}), SIZE)
    assert set(OPENPOSE_18.keypoints) - set(pose.named()) == {"neck", "left_shoulder"}


def test_our_own_json_comes_back(tmp_path: Path):
    hidden = Pose(AT_CENTRES.keypoints + 0.123, AT_CENTRES.visible & (np.arange(18) % 5 > 0), SIZE)
    write_pose(hidden, tmp_path / "mine.json")
    assert_close(read_pose(tmp_path / "mine.json"), hidden)
    assert json.loads((tmp_path / "mine.json").read_text())["keypoints"]["nose"] is None
    assert len(list(tmp_path.iterdir())) == 1


def test_nted_files_are_moved_into_the_narrow_frame(tmp_path: Path):
    rows = [f"{POINTS[name][0] + 40:g} {POINTS[name][1]:g}" for name in OPENPOSE_18.keypoints]
    rows[4] = "-1 -1"
    pose = read_pose(written(tmp_path, "\n".join(rows) + "\n", "pose.txt"))
    expected = {name: point for name, point in AT_CENTRES.named().items() if name != "right_wrist"}
    assert_close(pose, Pose.from_named(expected, SIZE))


def annotation_row(name: str, missing: int | None = None) -> str:
    points = [POINTS[keypoint] for keypoint in OPENPOSE_18.keypoints]
    xs, ys = ([round(point[axis]) for point in points] for axis in (0, 1))
    for index in range(18) if missing is None else [missing]:
        xs[index] = ys[index] = -1
    return f"{name}:{json.dumps(ys)}:{json.dumps(xs)}"


def test_the_annotation_table_gives_poses_by_name(tmp_path: Path):
    rows = ["name:keypoints_y:keypoints_x", annotation_row("a.jpg", 0), annotation_row("nobody.jpg"), ""]
    poses = read_annotation_csv(written(tmp_path, "\n".join(rows), "annotation.csv"), SIZE)
    assert list(poses) == ["a.jpg", "nobody.jpg"]
    assert not poses["nobody.jpg"].visible.any()
    assert "nose" not in poses["a.jpg"].named()
    x, y = POINTS["left_knee"]
    assert poses["a.jpg"].named()["left_knee"] == (x + 0.5, y + 0.5)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a.jpg:[1,2]:[1,2]", "two lists of 18"),
        ("a.jpg", "1 columns"),
        ("a.jpg:[1,:2]", "broken JSON"),
        (f"a.jpg:{['x'] * 18}:{[1] * 18}".replace("'", '"'), "other than numbers"),
        (f"a.jpg:{[9999] * 18}:{[1] * 18}", "far outside"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, row: str, says: str):
    path = written(tmp_path, "\n".join(["name:keypoints_y:keypoints_x", annotation_row("ok.jpg", 0), row]), "t.csv")
    with pytest.raises(PoseError, match=says) as caught:
        read_annotation_csv(path, SIZE)
    assert f"'{path}', line 3," in str(caught.value)


def test_a_sequence_is_a_list_or_a_folder(tmp_path: Path):
    frames = [FORMATS["openpose_18"], FORMATS["coco_annotation"]]
    from_list = read_pose_sequence(written(tmp_path, frames, "frames.json"), SIZE)
    folder = tmp_path / "frames"
    folder.mkdir()
    for index, frame in enumerate(frames):
        written(folder, frame, f"{index:03d}.json")
    from_folder = read_pose_sequence(folder, SIZE)
    assert len(from_list) == len(from_folder) == 2
    for pose in (*from_list, *from_folder):
        assert_close(pose, AT_CENTRES)


def test_an_empty_sequence_is_refused(tmp_path: Path):
    for path in (tmp_path, written(tmp_path.parent, "[]", "none.json")):
        with pytest.raises(PoseError, match="holds no poses"):
            read_pose_sequence(path)
    with pytest.raises(PoseError, match="pose 2,"):
        read_pose_sequence(written(tmp_path, [FORMATS["openpose_18"], {"people": []}]), SIZE)


def own(**changed: Any) -> dict[str, Any]:
    named = {name: list(point) for name, point in AT_CENTRES.named().items()}
    data = {"posable_pose": 1, "skeleton": "openpose-18", "size": [256, 176], "keypoints": named}
    return {**data, **changed}


def own_points(**changed: Any) -> dict[str, Any]:
    return own(keypoints={**own()["keypoints"], **changed})


BROKEN: dict[str, tuple[Any, str]] = {
    "empty": ("", "is empty"),
    "blank": ("  \n", "is empty"),
    "prose": ("hello", "no pose file"),
    "numbers alone": ("1 2 3", "no pose file"),
    "cut short": (json.dumps(own())[:100], "broken JSON in line 1"),
    "deep": ("[" * 100_000, "JSON"),
    "long number": ('{"people": ' + "9" * 5000 + "}", "JSON"),
    "a string": ('["nose"]', "holds a list that is no pose"),
    "another object": ({"name": "example", "version": 2}, "no known pose format"),
    "a table": (f"name:keypoints_y:keypoints_x\n{annotation_row('a', 0)}", "table of many poses"),
    "nobody": (openpose(), "nobody"),
    "wrong count": (openpose([1.0] * 60), "60 keypoint numbers; expected 54 (OpenPose 18) or 75 (OpenPose BODY_25)"),
    "no body": ({"people": [{"face_keypoints_2d": []}]}, '"pose_keypoints_2d"'),
    "people is no list": ({"people": 3}, "no list"),
    "not a number": (openpose([math.nan, *triples(OPENPOSE_18.keypoints)[1:]]), "keypoint 0, holds"),
    "infinite": (openpose([math.inf, *triples(OPENPOSE_18.keypoints)[1:]]), "finite"),
    "text for a number": (openpose(["x", *triples(OPENPOSE_18.keypoints)[1:]]), "3 numbers belong"),
    "huge number": (openpose([10**400, *triples(OPENPOSE_18.keypoints)[1:]]), "too large"),
    "all hidden": (openpose([0.0] * 54), "all its keypoints hidden"),
    "all outside": (openpose([-90.0, -90.0, 1.0] * 18), "all its points outside"),
    "far outside": (openpose([5000.0, *triples(OPENPOSE_18.keypoints)[1:]]), "far outside its frame of 256x176"),
    "coco count": ({"keypoints": [1.0] * 50}, "expected 51 (COCO 17)"),
    "coco without keypoints": ({"annotations": [{"bbox": [1, 2, 3, 4]}]}, '"keypoints"'),
    "mediapipe count": (mediapipe()[:20], "20 landmarks; MediaPipe's pose has 33"),
    "mediapipe nobody": ({"pose_landmarks": []}, "shows nobody"),
    "mediapipe text": ([{"x": "left", "y": 0.1}] * 33, "landmark 0, holds"),
    "mediapipe gap": ([*mediapipe()[:32], {"z": 1}], "holds a list that is no pose"),
    "own version": (own(posable_pose=2), "version 2"),
    "own skeleton": (own(skeleton="coco-17"), "skeleton 'coco-17'"),
    "own frame": (own(size=[0, 176]), "whole pixels"),
    "own frame kind": (own(size="256x176"), "2 numbers belong"),
    "own keypoints": (own(keypoints=[1, 2]), "must map"),
    "own missing name": (own(keypoints={"nose": [1, 2]}), "lacks the keypoint 'neck'; write null"),
    "own unknown name": (own_points(left_toe=[1, 2]), "unknown keypoint 'left_toe'"),
    "own point": (own_points(nose=[1, 2, 3]), "2 numbers belong"),
    "own NaN": (own_points(nose=[math.nan, 2]), "finite"),
    "own hidden": (own(keypoints=dict.fromkeys(OPENPOSE_18.keypoints)), "all its keypoints hidden"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_named_in_one_sentence(tmp_path: Path, name: str):
    data, says = BROKEN[name]
    path = written(tmp_path, data)
    with pytest.raises(PoseError) as caught:
        read_pose(path, SIZE)
    message = str(caught.value)
    assert says in message
    assert f"'{path}'" in message
    assert "\n" not in message
    assert len(message) < 600


def test_spread_beyond_any_picture_is_refused(tmp_path: Path):
    with pytest.raises(PoseError, match="more than any picture"):
        read_pose(written(tmp_path, openpose([1e12, *triples(OPENPOSE_18.keypoints)[1:]])))


def test_files_that_are_no_text_are_refused(tmp_path: Path):
    (tmp_path / "photo.json").write_bytes(bytes(range(256)))
    with pytest.raises(PoseError, match="is no text"):
        read_pose(tmp_path / "photo.json")
    with pytest.raises(PoseError, match="is a folder"):
        read_pose(tmp_path)
    with pytest.raises(PoseError, match="does not exist"):
        read_pose(tmp_path / "gone.json")


def test_huge_files_are_not_read(tmp_path: Path):
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(60_000_000)
    with pytest.raises(PoseError, match="60 MB"):
        read_pose(tmp_path / "huge.json")


@pytest.mark.parametrize(
    ("text", "says"), [("1 2\n" * 17, "17 rows"), ("1 x\n" * 18, "no pose"), ("1 2 3\n" * 18, "rows")]
)
def test_other_text_files_are_no_nted_pose(tmp_path: Path, text: str, says: str):
    with pytest.raises(PoseError, match=says):
        read_pose(written(tmp_path, text, "pose.txt"))
