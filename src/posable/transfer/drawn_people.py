"""A person drawn in a pose, and which garment or body part each pixel of the drawing shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from posable.detect.parser import LARGEST_SIDE_PX, ParsingResult, look, parse
from posable.imaging.image import Letterbox, size_of, to_pil
from posable.imaging.layers import fitted, into_frame, moved_by_flow, out_of_frame
from posable.imaging.size import Size
from posable.models.generator import Rendering
from posable.parsing.schemes import LIP_20, ParsingLabels
from posable.pose.pose import Pose, PoseBatch
from posable.transfer.encoded_source import EncodedSource, device_of

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


def rendered(source: EncodedSource, pose: Pose) -> tuple[Rendering, Image.Image]:
    """The source in a pose of its picture's frame, and that as a picture of its size."""
    rendering = source.draw(pose)
    return rendering, source.letterbox.undo(to_pil(rendering.image[0]))


def drawn_person(person: EncodedSource, pose: Pose, letterbox: Letterbox) -> DrawnPerson:
    """The person in `pose`, which lies in the frame of the picture that `letterbox` is for: the person's own, or that
    of somebody whose garment it is to be. The last drawing is kept."""

    def make() -> DrawnPerson:
        there = replace(letterbox, target=person.letterbox.target)
        batch = PoseBatch.from_poses([pose.letterboxed(letterbox).resize(there.target)])
        with torch.inference_mode():
            rendering = person.generator.render(person.encoded, batch.to(device_of(person.generator)))
        rendering = Rendering(
            rendering.image.cpu(), _on_cpu(rendering.mask), _on_cpu(rendering.visibility), _on_cpu(rendering.flow)
        )
        size = working_size(letterbox.source)
        image = out_of_frame(rendering.image, there, size)
        looked = look(to_pil(image[0]), pose.resize(size))
        return DrawnPerson(rendering, image, _carried(person, rendering, looked, there, size).half())

    return person.kept("drawn", (pose_key(pose), letterbox), make)


def moved_mask(person: EncodedSource, drawn: DrawnPerson, mask: Tensor, letterbox: Letterbox) -> Tensor:
    """Where a mask (1, 1, h, w) of the person's picture has moved to in the drawing, (h', w')."""
    rendering, there = drawn.rendering, replace(letterbox, target=person.letterbox.target)
    size = Size(drawn.image.shape[-2], drawn.image.shape[-1])
    if rendering.flow is None or rendering.visibility is None or rendering.mask is None:
        return torch.zeros(tuple(size))
    moved = moved_by_flow(into_frame(mask, person.letterbox), rendering.flow)
    return out_of_frame(moved * rendering.visibility * rendering.mask, there, size)[0, 0]


def target_parsing(source: EncodedSource, pose: Pose) -> ParsingResult:
    """Which garment or body part each pixel shows when the person takes `pose`: LIP-20, in the picture's frame.

    Families that predict it answer themselves. Else the source's parsing moves along with its pixels where they are
    copied, and the parser looks at the drawn picture elsewhere.
    """
    rendering, picture = rendered(source, pose)
    size = size_of(source.picture)
    own: ParsingLabels | None = getattr(source.generator, "parsing_labels", None)
    if rendering.parsing is not None and own is not None:
        shares = _in_lip(rendering.parsing, own)
        return _result(out_of_frame(shares.cpu(), source.letterbox, working_size(size)), size)
    found = parse(picture, pose)
    if rendering.flow is None or rendering.visibility is None or rendering.mask is None:
        return found
    looked = torch.from_numpy(found.shares())[None]
    return _result(_carried(source, rendering, looked, source.letterbox, working_size(size)), size)


def _carried(
    person: EncodedSource, rendering: Rendering, looked: Tensor, there: Letterbox, size: Size
) -> Float[Tensor, "1 20 h w"]:
    """Class shares of a drawing: the person's own, carried by the flow, where pixels are copied; `looked` where they
    are painted, and everywhere with families that do not tell. `there` fits the drawing into its picture, `size` is
    the result's."""
    looked = fitted(looked, size)
    if rendering.flow is None or rendering.visibility is None or rendering.mask is None:
        return looked
    classes, own = person.kept("framed parsing", None, lambda: _framed_parsing(person))
    copied, mask = (out_of_frame(part.cpu(), there, size) for part in (rendering.visibility, rendering.mask))
    moved = out_of_frame(moved_by_flow(own, rendering.flow.cpu()), there, size) * (copied * mask)
    painted = (1 - copied) * mask
    result = torch.zeros(1, len(LIP_20), *size)
    result[:, 0] = 1 - mask[:, 0]
    for index, label in enumerate(classes):
        result[:, label] += moved[:, index]
    for label in (looked.amax((0, 2, 3)) > _SHOWN).nonzero()[:, 0].tolist():
        result[:, label].addcmul_(painted[:, 0], looked[:, label])
    return result / result.sum(1, keepdim=True).clamp_min(1e-6)


def _framed_parsing(person: EncodedSource) -> tuple[list[int], Tensor]:
    """The classes that the person shows, and their shares in the generator's frame."""
    shares = torch.from_numpy(person.parsing.shares())[None]
    classes = (shares.amax((0, 2, 3)) > _SHOWN).nonzero()[:, 0].tolist()
    return classes, into_frame(shares[:, classes], person.letterbox)


def _on_cpu(part: Tensor | None) -> Tensor | None:
    return None if part is None else part.cpu()


def _result(shares: Tensor, size: Size) -> ParsingResult:
    labels = fitted(shares, size)[0]
    return ParsingResult(labels.argmax(0).to(torch.uint8).numpy(), probabilities=shares[0].float().numpy())


def _in_lip(shares: Tensor, labels: ParsingLabels) -> Tensor:
    """Shares of another scheme's classes as shares of the LIP-20 classes that are nearest in meaning."""
    result = shares.new_zeros(shares.shape[0], len(LIP_20), *shares.shape[-2:])
    return result.index_add(1, torch.tensor(labels.to_lip, device=shares.device), shares)
