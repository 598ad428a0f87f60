"""Pictures of the inspection page, embedded in its text: samples and pairs under their skeletons and parsing maps."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TypeVar

import numpy as np
from PIL import Image

from posable.data.corpus_index import CorpusImage, CorpusIndex
from posable.data.doctor.html_charts import skeleton_around_svg, skeleton_svg
from posable.data.doctor.pictures import PictureFacts
from posable.data.pictures import read_parsing, read_picture
from posable.errors import PosableError
from posable.parsing.schemes import palette

_MAX_HEIGHT_PX = 384
_T = TypeVar("_T")


def embedded(picture: Image.Image, kind: str, max_height: int = _MAX_HEIGHT_PX) -> str:
    """The picture as a data URI, reduced to the height; `kind` is JPEG, or PNG for few colours and transparency."""
    if picture.height > max_height:
        width = max(1, round(picture.width * max_height / picture.height))
        resampling = Image.Resampling.LANCZOS if kind == "JPEG" else Image.Resampling.NEAREST
        picture = picture.resize((width, max_height), resampling)
    stream = io.BytesIO()
    picture.save(stream, kind, **({"quality": 84} if kind == "JPEG" else {"optimize": True}))
    return f"data:image/{kind.lower()};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def stack(image: CorpusImage, index: CorpusIndex, overlays: bool = True) -> str:
    """The picture, and over it the parsing map and the skeleton; a grey field when the picture cannot be opened."""
    try:
        picture = read_picture(image.picture)
    except (PosableError, OSError):
        return "<div class='stack'></div>"
    alternative = f"{image.name}, {image.split}"
    layers = [f"<img class='picture' src='{embedded(picture, 'JPEG')}' alt='{escape(alternative, quote=True)}'>"]
    if overlays and image.parsing is not None and index.parsing_labels is not None:
        layers += _parsing_layer(image, index)
    if overlays and image.keypoints is not None:
        layers.append(skeleton_svg(image.keypoints).replace("class='", "class='over ", 1))
    return f"<div class='stack'>{''.join(layers)}</div>"


def keypoints_outside(image: CorpusImage) -> str:
    """The picture, and around it the keypoints that lie outside of it; nothing when it cannot be shown."""
    try:
        picture = read_picture(image.picture)
    except (PosableError, OSError):
        return ""
    if image.keypoints is None or not image.keypoints.visible.any():
        return ""
    return f"<div class='stack'>{skeleton_around_svg(image.keypoints, embedded(picture, 'JPEG'))}</div>"


def _parsing_layer(image: CorpusImage, index: CorpusIndex) -> list[str]:
    assert index.parsing_labels is not None
    assert image.parsing is not None
    try:
        labels = read_parsing(image.parsing)
    except (PosableError, OSError):
        return []
    colors = np.zeros((256, 4), np.uint8)
    known = np.asarray(palette(index.parsing_labels), np.uint8)
    # The background, label 0, stays clear.
    colors[1 : len(known), :3] = known[1:]
    colors[1 : len(known), 3] = 255
    overlay = Image.fromarray(colors[labels]).quantize(len(known) + 1, method=Image.Quantize.FASTOCTREE)
    return [f"<img class='over parsing' src='{embedded(overlay, 'PNG')}' alt=''>"]


def sample_cards(index: CorpusIndex, facts: dict[str, PictureFacts], count: int) -> str:
    """A gallery of pictures of different people, spread over the corpus."""
    cards: list[str] = []
    of_each_person: dict[tuple[str, str], CorpusImage] = {}
    for name, image in index.images.items():
        if facts[name].fault is None:
            of_each_person.setdefault((image.split, image.person), image)
    for image in _spread(list(of_each_person.values()), count):
        size = facts[image.name].size
        note = f"{image.split} · {size}"
        cards.append(
            f"<figure>{stack(image, index)}<figcaption><span class='name'>{escape(image.name)}</span>"
            f"<small>{escape(note)}</small></figcaption></figure>"
        )
    return f"<div class='gallery'>{''.join(cards)}</div>"


def pair_cards(index: CorpusIndex, facts: dict[str, PictureFacts], count: int) -> str:
    """Source and target of some pairs of each split, spread over their lists."""
    sound = {name for name in index.images if facts[name].fault is None}
    cards: list[str] = []
    for split, pairs in index.pairs.items():
        usable = [pair for pair in pairs if sound.issuperset(pair)]
        for source, target in _spread(usable, count):
            one, other = index.images[source], index.images[target]
            cards.append(
                f"<figure><div class='pair'>{stack(one, index, overlays=False)}<span aria-label='to'>→</span>"
                f"{stack(other, index, overlays=False)}</div><figcaption><span class='name'>{escape(source)} → "
                f"{escape(target)}</span><small>{escape(split)}</small></figcaption></figure>"
            )
    return f"<div class='pairs'>{''.join(cards)}</div>" if cards else ""


def _spread(items: Sequence[_T], count: int) -> list[_T]:
    """Up to `count` of the items, evenly spaced."""
    if len(items) <= count:
        return list(items)
    return [items[step * len(items) // count] for step in range(count)]
