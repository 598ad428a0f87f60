"""Where a picture lies in the frame that a network works in: stretched to its proportions, padded to its grid."""

from dataclasses import dataclass, replace

from torch import Tensor
from torch.nn import functional

from posable.imaging.size import Size
from posable.pose.pose import PoseBatch


@dataclass(frozen=True)
class NetworkFrame:
    """A picture's size, its size once stretched, and the size of the frame in whose middle it then lies."""

    picture: Size
    stretched: Size
    padded: Size

    @classmethod
    def stretching(cls, picture: Size, trained: Size, network: Size, multiple: int) -> "NetworkFrame":
        """The frame for a picture, when one of the size `trained` is stretched to `network`; other sizes are stretched
        in the same proportions. Sides that are no multiples of `multiple`, or just one, are padded: an instance norm
        over a single place is nothing."""
        height = max(1, round(picture.height * network.height / trained.height))
        width = max(1, round(picture.width * network.width / trained.width))
        padded = Size(*[max(2, -(-side // multiple)) * multiple for side in (height, width)])
        return cls(picture, Size(height, width), padded)

    @classmethod
    def shrinking(cls, picture: Size, trained: Size, multiple: int) -> "NetworkFrame":
        """The frame for a picture that keeps its proportions: one of k times the size `trained` and more is shrunk k
        times. Sides are padded as in `stretching`."""
        factor = max(1, min(picture.height // trained.height, picture.width // trained.width))
        return cls.stretching(picture, Size(trained.height * factor, trained.width * factor), trained, multiple)

    def at_least(self, size: Size) -> "NetworkFrame":
        """The frame padded further, where it is smaller than `size`."""
        return replace(self, padded=Size(max(self.padded.height, size.height), max(self.padded.width, size.width)))

    def place(self, image: Tensor) -> Tensor:
        """Pictures (n, c, *picture) in the frame (n, c, *padded); the padding repeats the border."""
        image = resized(image, self.stretched)
        left, top, right, bottom = self._margins()
        if left or top or right or bottom:
            image = functional.pad(image, (left, right, top, bottom), mode="replicate")
        return image

    def place_pose(self, pose: PoseBatch) -> PoseBatch:
        """Poses in the frame; they may come in any size of the same picture."""
        pose = pose.resize(self.stretched)
        left, top, _, _ = self._margins()
        return PoseBatch(pose.keypoints + pose.keypoints.new_tensor([left, top]), pose.visible, self.padded)

    def undo(self, image: Tensor) -> Tensor:
        """Pictures of the frame (n, c, *padded) as float32 pictures (n, c, *picture)."""
        # Antialiasing does not know bfloat16.
        return resized(self.cut(image).float(), self.picture)

    def cut(self, image: Tensor) -> Tensor:
        """Pictures of the frame (n, c, *padded) without the padding, still stretched."""
        left, top, _, _ = self._margins()
        return image[..., top : top + self.stretched.height, left : left + self.stretched.width]

    def _margins(self) -> tuple[int, int, int, int]:
        rows, columns = self.padded.height - self.stretched.height, self.padded.width - self.stretched.width
        return columns // 2, rows // 2, columns - columns // 2, rows - rows // 2


def resized(image: Tensor, size: Size) -> Tensor:
    """Pictures (n, c, h, w) at another size, bilinear; antialiased where a side shrinks."""
    height, width = image.shape[-2:]
    if (height, width) == size:
        return image
    smaller = height > size.height or width > size.width
    return functional.interpolate(image, size, mode="bilinear", align_corners=False, antialias=smaller)
