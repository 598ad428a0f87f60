"""Makes rendered groups look like the photographs that people bring. Tensors in, tensors out; randomness from `rng`.

Colour, background, flip and placement are the same for the source and its targets where they must be (one person in one
place), or follow through to the flow where they differ. Blur, noise and JPEG blocks are for the source alone: the
target stays clean."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from posable.data.rendered_pairs import ViewGroup
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, PoseBatch

FACE = 13
"""LIP-20 id of the face."""
FACE_KEYPOINTS = [OPENPOSE_18.index(n) for n in ("nose", "right_eye", "left_eye", "right_ear", "left_ear")]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    flip: float = 0.5
    new_background: float = 0.5
    """Share of people laid over a procedural background; they are also moved and scaled."""
    scale: tuple[float, float] = (0.6, 1.1)
    shift: float = 0.12
    """Largest shift as a fraction of the frame."""
    colour: float = 0.15
    degrade: float = 0.5
    """Share of sources with blur, noise and JPEG-like blocks."""
    keypoint_jitter: float = 0.006
    """Standard deviation of keypoint noise as a fraction of the height."""
    drop_keypoint: float = 0.04
    drop_hidden_face: float = 0.6
    """Share of views whose self-occluded face keypoints are dropped, as detectors do in back views."""


NO_AUGMENTATION = Augmentation(
    flip=0, new_background=0, shift=0, colour=0, degrade=0, keypoint_jitter=0, drop_keypoint=0, drop_hidden_face=0
)


def augment(group: ViewGroup, how: Augmentation, rng: torch.Generator) -> ViewGroup:
    """Flips, recolours, moves and re-backgrounds whole people; the correspondence follows."""
    people = int(group.person.max()) + 1
    group = _flip(group, torch.rand(people, generator=rng) < how.flip)
    group = _move_over_new_background(group, torch.rand(people, generator=rng) < how.new_background, how, rng)
    return _recolour(group, how.colour, rng) if how.colour else group


def _flip(group: ViewGroup, chosen: Tensor) -> ViewGroup:
    views, pairs = chosen[group.person], chosen[group.person[group.source]]
    width = group.image.shape[-1]
    mirror = lambda x: torch.where(views.view(-1, *[1] * (x.ndim - 1)), x.flip(-1), x)  # noqa: E731
    keypoints = group.keypoints[:, list(OPENPOSE_18.mirror)].clone()
    keypoints[..., 0] = width - keypoints[..., 0]
    flow = group.flow.flip(-1)
    flow = torch.stack([width - flow[:, 0], flow[:, 1]], 1)
    return replace(
        group,
        image=mirror(group.image),
        background=mirror(group.background),
        alpha=mirror(group.alpha),
        parsing=mirror(group.parsing),
        keypoints=torch.where(views[:, None, None], keypoints, group.keypoints),
        flow=torch.where(pairs[:, None, None, None], flow, group.flow),
        state=torch.where(pairs[:, None, None], group.state.flip(-1), group.state),
    )


def _move_over_new_background(group: ViewGroup, chosen: Tensor, how: Augmentation, rng: torch.Generator) -> ViewGroup:
    """View by view the affine x' = scale * (x - centre) + centre + shift, over one background per person."""
    m, _, h, w = group.image.shape
    picked = chosen[group.person]
    if not picked.any():
        return group
    scale = torch.empty(m).uniform_(*how.scale, generator=rng)
    shift = torch.empty(m, 2).uniform_(-how.shift, how.shift, generator=rng) * torch.tensor([w, h])
    scale, shift = torch.where(picked, scale, 1.0), torch.where(picked[:, None], shift, 0.0)
    centre = torch.tensor([w / 2, h / 2])
    offset = centre * (1 - scale[:, None]) + shift  # x' = scale * x + offset, in px
    theta = torch.zeros(m, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / scale
    theta[:, :, 2] = -2 * shift / torch.tensor([w, h]) / scale[:, None]
    grid = functional.affine_grid(theta, [m, 1, h, w], align_corners=False)
    sample = lambda x: functional.grid_sample(x, grid, align_corners=False)  # noqa: E731
    person = sample(group.image - (1 - group.alpha) * group.background)
    alpha = sample(group.alpha)
    parsing = functional.grid_sample(group.parsing[:, None].float(), grid, mode="nearest", align_corners=False)
    fresh = procedural_backgrounds(len(chosen), Size(h, w), rng)[group.person]
    where = picked[:, None, None, None]
    keypoints = group.keypoints.clone()
    keypoints[..., :2] = keypoints[..., :2] * scale[:, None, None] + offset[:, None]
    inside = (keypoints[..., 0] > 0) & (keypoints[..., 0] < w) & (keypoints[..., 1] > 0) & (keypoints[..., 1] < h)
    keypoints[..., 2] *= inside
    half = grid.view(m, h // 2, 2, w // 2, 2, 2).mean((2, 4))[group.target]
    # The nearest cell's flow, carried on to the wanted point: a bilinear mean would mix surfaces at their borders.
    wanted = ((half + 1) / 2 * torch.tensor([w, h])).permute(0, 3, 1, 2)
    flow = functional.grid_sample(group.flow, half, mode="nearest", align_corners=False, padding_mode="border")
    flow = flow + wanted - 2 * torch.floor(wanted / 2) - 1
    flow = flow * scale[group.source].view(-1, 1, 1, 1) + offset[group.source].view(-1, 2, 1, 1)
    state = functional.grid_sample(group.state[:, None].float(), half, mode="nearest", align_corners=False)[:, 0]
    out = ((flow < 0) | (flow > torch.tensor([w, h]).view(1, 2, 1, 1))).any(1)
    state = torch.where(out & (state == 2), 1.0, state).to(torch.uint8)
    moved = picked[group.target]
    return replace(
        group,
        image=torch.where(where, person + (1 - alpha) * fresh, group.image),
        background=torch.where(where, fresh, group.background),
        alpha=torch.where(where, alpha, group.alpha),
        parsing=torch.where(picked[:, None, None], parsing[:, 0].to(torch.uint8), group.parsing),
        keypoints=torch.where(picked[:, None, None], keypoints, group.keypoints),
        flow=torch.where(moved[:, None, None, None], flow, group.flow),
        state=torch.where(moved[:, None, None], state, group.state),
    )


def procedural_backgrounds(n: int, size: Size, rng: torch.Generator) -> Float[Tensor, "n 3 h w"]:
    """Soft coloured noise at three scales with a few hard-edged rectangles: walls, doors, furniture, leaves."""
    uniform = lambda *shape: torch.empty(shape).uniform_(-1, 1, generator=rng)  # noqa: E731
    picture = uniform(n, 3, 1, 1) * 0.8 + torch.zeros(n, 3, *size)
    for cells, strength in (((4, 3), 0.5), ((12, 8), 0.25), ((48, 33), 0.25)):
        amount = torch.rand(n, 1, 1, 1, generator=rng) * strength
        noise = uniform(n, 1, *cells) + 0.4 * uniform(n, 3, *cells)
        picture = picture + amount * functional.interpolate(noise, tuple(size), mode="bicubic", align_corners=False)
    for i in range(n):
        for _ in range(int(torch.randint(0, 5, (), generator=rng))):
            y, x, dy, dx = (float(v) for v in torch.rand(4, generator=rng))
            rows = slice(int(y * size.height), int((y + dy * 0.7) * size.height))
            columns = slice(int(x * size.width), int((x + dx * 0.7) * size.width))
            picture[i, :, rows, columns] += uniform(3, 1, 1) * 0.5
    return picture.clamp(-1, 1)


def _recolour(group: ViewGroup, strength: float, rng: torch.Generator) -> ViewGroup:
    """One gain per channel, contrast, saturation and brightness per person, on the person and the background alike."""
    n = int(group.person.max()) + 1
    around = lambda *shape: 1 + strength * torch.randn(shape, generator=rng).clamp(-2, 2)  # noqa: E731
    gain, contrast, saturation = around(n, 3, 1, 1) ** 0.5, around(n, 1, 1, 1), around(n, 1, 1, 1)
    lift = strength * 0.5 * torch.randn(n, 1, 1, 1, generator=rng)
    gain, contrast, saturation, lift = (x[group.person] for x in (gain, contrast, saturation, lift))

    def recolour(image: Tensor) -> Tensor:
        x = (image + 1) * gain - 1
        grey = x.mean(1, keepdim=True)
        x = grey + (x - grey) * saturation
        return (x * contrast + lift).clamp(-1, 1)

    return replace(group, image=recolour(group.image), background=recolour(group.background))


def degrade(image: Float[Tensor, "m 3 h w"], share: float, rng: torch.Generator) -> Float[Tensor, "m 3 h w"]:
    """A `share` of the pictures gets blur, sensor noise and 8x8 quantisation as of a JPEG, in random strengths."""
    m = len(image)
    chosen = (torch.rand(m, generator=rng) < share).view(m, 1, 1, 1)
    amount = torch.rand(3, m, 1, 1, 1, generator=rng) ** 2
    blurred = functional.avg_pool2d(functional.pad(image, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = image + amount[0] * (blurred - image)
    x = x + 0.08 * amount[1] * torch.randn(image.shape, generator=rng)
    x = _quantise_blocks(x, 0.25 * amount[2].clamp_min(0.02))
    return torch.where(chosen, x.clamp(-1, 1), image)


def _quantise_blocks(image: Tensor, step: Tensor) -> Tensor:
    """Rounds the 8x8 DCT coefficients, high frequencies more coarsely: JPEG without its entropy coder."""
    m, c, h, w = image.shape
    k = torch.arange(8.0)
    basis = (
        torch.cos(math.pi / 8 * (k[None] + 0.5) * k[:, None])
        * torch.where(k == 0, 1.0, math.sqrt(2))[:, None]
        / math.sqrt(8)
    )
    blocks = image.view(m, c, h // 8, 8, w // 8, 8).transpose(3, 4)
    coefficients = basis @ blocks @ basis.T
    table = (1 + k[:, None] + k[None]) / 4
    q = step.view(m, 1, 1, 1, 1, 1) * table
    rounded = torch.round(coefficients / q) * q
    return (basis.T @ rounded @ basis).transpose(3, 4).reshape(m, c, h, w)


def noisy_poses(keypoints: Float[Tensor, "m 18 3"], size: Size, how: Augmentation, rng: torch.Generator) -> PoseBatch:
    """The poses as a detector might have found them: jittered, some keypoints missing."""
    m = len(keypoints)
    xy = keypoints[..., :2] + torch.randn(m, 18, 2, generator=rng) * how.keypoint_jitter * size.height
    known = (keypoints[..., 2] > 0) & (torch.rand(m, 18, generator=rng) >= how.drop_keypoint)
    lost = (torch.rand(m, 1, generator=rng) < how.drop_hidden_face) & (keypoints[..., 2] < 2)
    face = torch.zeros(18, dtype=torch.bool)
    face[FACE_KEYPOINTS] = True
    return PoseBatch(xy, known & ~(lost & face), size)
