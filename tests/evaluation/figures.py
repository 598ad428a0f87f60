"""Striped figures instead of people, and ways of drawing them whose numbers one knows beforehand."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from posable.batch import PersonPair, PoseCondition, collate
from posable.errors import ImageError
from posable.evaluation.evaluated_model import EvaluatedModel
from posable.evaluation.pairs import PairName, PairsAbout, list_hash
from posable.imaging.image import to_tensor
from posable.imaging.size import Size
from posable.models.generator import Rendering
from posable.pose.pose import OPENPOSE_18, Pose, PoseBatch
from posable.progress import StageProgressCallback

SIZE = Size(64, 48)
_BACKGROUND = "#90a0b0"


def figure(x: int, shade: int) -> tuple[Image.Image, Pose, np.ndarray, np.ndarray]:
    """A person at column x: the picture, its pose, coverage (h, w) and LIP-20 labels (h, w)."""
    picture = Image.new("RGB", (SIZE.width, SIZE.height), _BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for row in range(8, 56, 6):
        draw.rectangle([x - 8, row, x + 7, row + 5], fill=(200, shade, 30) if row % 12 == 8 else (30, 200, shade))
    points = np.stack([np.full(18, x), np.linspace(9, 54, 18)], axis=1).astype(np.float32)
    inside = np.zeros(SIZE, np.uint8)
    inside[8:56, x - 8 : x + 8] = 1
    return picture, Pose(points, np.ones(len(OPENPOSE_18.keypoints), np.bool_), SIZE), inside, inside * 5


class Figures:
    """Pairs of figures, two of each person; with a damaged picture where it is asked for."""

    has_parsing = True
    training_pictures: Sequence[str] = ()

    def __init__(self, count: int = 6, damaged: Sequence[int] = ()) -> None:
        self.names = [PairName(f"{i // 2}_a{i}.png", f"{i // 2}_b{i}.png") for i in range(count)]
        self.people = [str(i // 2) for i in range(count)]
        self.about = PairsAbout("figures", "test", count + 3, {}, list_hash(name.stems for name in self.names))
        self._damaged = damaged

    def prepare(self, workers: int, progress: StageProgressCallback) -> None:
        progress("draw figures", len(self.names), len(self.names))

    def __getitem__(self, index: int) -> PersonPair:
        if index in self._damaged:
            raise ImageError(f"'{self.names[index].source}' is damaged; get another.")
        shade = 20 + 30 * index
        source, source_pose, _, labels = figure(14 + index, shade)
        target, target_pose, inside, target_labels = figure(33 - index, shade)
        return PersonPair(
            condition=PoseCondition(
                source_image=to_tensor(source)[None],
                source_pose=PoseBatch.from_poses([source_pose]),
                target_pose=PoseBatch.from_poses([target_pose]),
                source_parsing=torch.from_numpy(labels)[None],
            ),
            target_image=to_tensor(target)[None],
            target_parsing=torch.from_numpy(target_labels)[None],
            target_alpha=torch.from_numpy(inside.astype(np.float32))[None, None],
        )

    def training_picture(self, name: str) -> Tensor:
        raise AssertionError(name)

    def training_fingerprint(self, names: Sequence[str]) -> str:
        return ""


def drawer(name: str, draw: Callable[[PersonPair], Rendering], pairs: Figures) -> EvaluatedModel:
    """A model that cheats: it looks the pair up by its target pose."""
    sound = [index for index in range(len(pairs.names)) if index not in pairs._damaged]

    def look_up(condition: PoseCondition) -> Rendering:
        wanted = [condition.target_pose[k] for k in range(len(condition.target_pose))]
        found = [next(i for i in sound if pairs[i].condition.target_pose[0] == pose) for pose in wanted]
        return draw(collate([pairs[i] for i in found]))

    return EvaluatedModel(name, look_up, None, None, "baseline", None, None, {})


def oracle(pairs: Figures) -> EvaluatedModel:
    """Draws the truth, its mask and its parsing map."""

    def draw(truth: PersonPair) -> Rendering:
        assert truth.target_parsing is not None
        shares = torch.nn.functional.one_hot(truth.target_parsing.long(), 20).permute(0, 3, 1, 2).float()
        return Rendering(truth.target_image, mask=truth.target_alpha, parsing=shares)

    return drawer("oracle", draw, pairs)


def grey_shadow(pairs: Figures) -> EvaluatedModel:
    """The true background, and a flat grey where the person is."""

    def draw(truth: PersonPair) -> Rendering:
        assert truth.target_alpha is not None
        return Rendering(torch.where(truth.target_alpha > 0.5, 0.0, truth.target_image), mask=truth.target_alpha)

    return drawer("grey-shadow", draw, pairs)
