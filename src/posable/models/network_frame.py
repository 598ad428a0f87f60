"""Where a picture lies in the frame that a network works in: stretched to its proportions, padded to its grid."""

from posable.imaging.frame import Frame
from posable.imaging.size import Size


def stretching(picture: Size, trained: Size, network: Size, multiple: int) -> Frame:
    """The frame for a picture, when one of the size `trained` is stretched to `network`; other sizes are stretched in
    the same proportions. Sides that are no multiples of `multiple`, or just one, are padded: an instance norm over a
    single place is nothing."""
    height = max(1, round(picture.height * network.height / trained.height))
    width = max(1, round(picture.width * network.width / trained.width))
    padded = Size(*[max(2, -(-side // multiple)) * multiple for side in (height, width)])
    return Frame.centred(picture, Size(height, width), padded)


def shrinking(picture: Size, trained: Size, multiple: int) -> Frame:
    """The frame for a picture that keeps its proportions: one of k times the size `trained` and more is shrunk k times.
    Sides are padded as in `stretching`."""
    factor = max(1, min(picture.height // trained.height, picture.width // trained.width))
    return stretching(picture, Size(trained.height * factor, trained.width * factor), trained, multiple)


def at_least(frame: Frame, size: Size) -> Frame:
    """The frame padded further, where it is smaller than `size`."""
    padded = Size(max(frame.size.height, size.height), max(frame.size.width, size.width))
    return Frame.centred(frame.picture_size, frame.content, padded)
