"""A person drawn in a pose, and which garment or body part each pixel of the drawing shows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from posable.detect.parser import LARGEST_SIDE_PX, ParsingResult, look, parse
from posable.imaging.frame import Frame, resized, warped
from posable.imaging.image import to_pil
from posable.imaging.size import Size
from posable.models.generator import Rendering
from posable.parsing.schemes import LIP_20, ParsingLabels
from posable.pose.pose import Pose, PoseBatch
from posable.transfer.drawable import DrawablePerson

_SHOWN = 0.02
"""Share of a class from which on it is followed; most people show a few of the twenty."""


@dataclass(frozen=True, eq=False)
class DrawnPerson:
    """A drawing as a layer of a picture's frame, at no more than the size that edits work at."""

    rendering: Rendering
    image: Float[Tensor, "1 3 h w"]
    """RGB in [-1, 1]."""
    half_shares: Float[Tensor, "1 20 h w"]
    """LIP-20 classes, summing to 1; in half precision, to be kept."""

    @property
    def shares(self) -> Float[Tensor, "1 20 h w"]:
        return self.half_shares.float()


def pose_key(pose: Pose) -> tuple[bytes, bytes, Size]:
    """Equal for poses that draw the same picture."""
    return pose.keypoints[pose.visible].tobytes(), pose.visible.tobytes(), pose.size


def working_size(size: Size) -> Size:
    """The size that a picture of `size` is edited at."""
    shrink = min(1.0, LARGEST_SIDE_PX / max(size))
    return Size(max(1, round(size.height * shrink)), max(1, round(size.width * shrink)))


def drawn_person(person: DrawablePerson, pose: Pose, frame: Frame) -> DrawnPerson:
    """The person in `pose`, which lies in the picture that `frame` is for: the person's own, or that of somebody whose
    garment it is to be. The last drawing is kept."""

    def make() -> DrawnPerson:
        there = frame.with_size(person.frame.size)
        batch = PoseBatch.from_poses([there.pose(pose)])
        with torch.inference_mode():
            rendering = person.generator.render(person.encoded, batch.to(person.device))
        rendering = Rendering(
            rendering.image.cpu(), _on_cpu(rendering.mask), _on_cpu(rendering.visibility), _on_cpu(rendering.flow)
        )
        size = working_size(frame.picture_size)
        image = there.image_back(rendering.image, size)
        looked = look(to_pil(image[0]), pose.resize(size))
        return DrawnPerson(rendering, image, _carried(person, rendering, looked, there, size).half())

    return person.last_drawn.get((pose_key(pose), frame), make)


def moved_mask(person: DrawablePerson, drawn: DrawnPerson, mask: Tensor, frame: Frame) -> Tensor:
    """Where a mask (1, 1, h, w) of the person's picture has moved to in the drawing, (h', w')."""
    rendering, there = drawn.rendering, frame.with_size(person.frame.size)
    size = Size(drawn.image.shape[-2], drawn.image.shape[-1])
    if rendering.flow is None or rendering.visibility is None or rendering.mask is None:
        return torch.zeros(tuple(size))
    moved = warped(person.frame.mask(mask), rendering.flow)
    return there.mask_back(moved * rendering.visibility * rendering.mask, size)[0, 0]


def target_parsing(source: DrawablePerson, pose: Pose) -> ParsingResult:
    """Which garment or body part each pixel shows when the person takes `pose`: LIP-20, in the picture's frame.

    Families that predict it answer themselves. Else the source's parsing moves along with its pixels where they are
    copied, and the parser looks at the drawn picture elsewhere.
    """
    source = source.for_pose(pose)
    rendering, size = source.draw(pose), source.size
    picture = source.drawn_picture(rendering)
    own = source.generator.parsing_labels
    if rendering.parsing is not None and own is not None:
        shares = _in_lip(rendering.parsing, own)
        return _result(_with_background(source.frame.mask_back(shares.cpu(), working_size(size))), size)
    found = parse(picture, pose)
    if rendering.flow is None or rendering.visibility is None or rendering.mask is None:
        return found
    looked = torch.from_numpy(found.shares())[None]
    return _result(_carried(source, rendering, looked, source.frame, working_size(size)), size)


def _carried(
    person: DrawablePerson, rendering: Rendering, looked: Tensor, there: Frame, size: Size
) -> Float[Tensor, "1 20 h w"]:
    """Class shares of a drawing: the person's own, carried by the flow, where pixels are copied; `looked` where they
    are painted, and everywhere with families that do not tell. `there` fits the drawing into its picture, `size` is
    the result's."""
    looked = resized(looked, size)
    if rendering.flow is None or rendering.visibility is None or rendering.mask is None:
        return looked
    classes, own = person.last_framed.get(person.frame, lambda: _framed_parsing(person))
    copied, mask = (there.mask_back(part.cpu(), size) for part in (rendering.visibility, rendering.mask))
    moved = there.mask_back(warped(own, rendering.flow.cpu()), size) * (copied * mask)
    painted = (1 - copied) * mask
    result = torch.zeros(1, len(LIP_20), *size)
    result[:, 0] = 1 - mask[:, 0]
    for index, label in enumerate(classes):
        result[:, label] += moved[:, index]
    for label in (looked.amax((0, 2, 3)) > _SHOWN).nonzero()[:, 0].tolist():
        result[:, label].addcmul_(painted[:, 0], looked[:, label])
    return result / result.sum(1, keepdim=True).clamp_min(1e-6)


def _framed_parsing(person: DrawablePerson) -> tuple[list[int], Tensor]:
    """The classes that the person shows, and their shares in the generator's frame."""
    shares = torch.from_numpy(person.parsing.shares())[None]
    classes = (shares.amax((0, 2, 3)) > _SHOWN).nonzero()[:, 0].tolist()
    return classes, person.frame.mask(shares[:, classes])


def _with_background(shares: Tensor) -> Tensor:
    """What the frame does not show, where all shares are 0, is background."""
    shares = shares.clone()
    shares[:, 0] += (1 - shares.sum(1)).clamp_min(0)
    return shares


def _on_cpu(part: Tensor | None) -> Tensor | None:
    return None if part is None else part.cpu()


def _result(shares: Tensor, size: Size) -> ParsingResult:
    labels = resized(shares, size)[0]
    return ParsingResult(labels.argmax(0).to(torch.uint8).numpy(), probabilities=shares[0].float().numpy())


def _in_lip(shares: Tensor, scheme: ParsingLabels) -> Tensor:
    """Shares of another scheme's classes as shares of the LIP-20 classes that are nearest in meaning."""
    result = shares.new_zeros(shares.shape[0], len(LIP_20), *shares.shape[-2:])
    return result.index_add(1, torch.tensor(scheme.to_lip, device=shares.device), shares)
