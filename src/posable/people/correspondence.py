"""Where the surface that one view shows lies in another view of the same person, exact to the mesh."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posable.body.geometry import FloatArray
from posable.body.rasterize import Fragments, rasterize
from posable.errors import SizeError
from posable.imaging.size import Size
from posable.people.render import View

BACKGROUND, HIDDEN, SEEN = 0, 1, 2
_TOLERANCE_METRES = 0.012

Flow = FloatArray
States = npt.NDArray[np.uint8]


def correspondence(target: View, source: View, stride: int = 2) -> tuple[Flow, States]:
    """For each cell of stride x stride target pixels: the source position of the surface seen at the cell's centre.

    Returns the flow (h / stride, w / stride, 2), absolute x and y in pixels of the full-resolution source (the
    top-left pixel's centre is 0.5, 0.5; 0 on the background), and the state (h / stride, w / stride): 0 background,
    1 person but hidden or out of frame in the source, 2 seen in the source. Cell (i, j) has its centre at target
    position ((j + 0.5) * stride, (i + 0.5) * stride); the surface is sampled right there, by a z-buffer of its own.
    Raises SizeError when the stride does not divide the target's size.
    """
    return _look_up(cell_centres(target, stride), target, source)


def pairwise_correspondence(views: list[View], stride: int = 2) -> tuple[Flow, States]:
    """`correspondence` of all ordered pairs of n views: flow (n, n, h, w, 2) and state (n, n, h, w), target first."""
    flows: list[list[Flow]] = []
    states: list[list[States]] = []
    for target in views:
        cells = cell_centres(target, stride)
        looked_up = [_look_up(cells, target, source) for source in views]
        flows.append([flow for flow, _ in looked_up])
        states.append([state for _, state in looked_up])
    return np.array(flows), np.array(states)


def cell_centres(view: View, stride: int) -> Fragments:
    """What the view shows at the centres of its stride x stride cells."""
    height, width = view.size
    if stride < 1 or height % stride or width % stride:
        raise SizeError(f"stride {stride} does not divide the view's size {view.size}; choose one that does.")
    if stride == 1:
        return Fragments(view.face_ids, view.barycentrics, view.depth)
    shrunk = view.screen_vertices * np.array([1 / stride, 1 / stride, 1], np.float32)
    return rasterize(shrunk, view.faces, Size(height // stride, width // stride))


def _look_up(cells: Fragments, target: View, source: View) -> tuple[Flow, States]:
    on_person = cells.face_ids >= 0
    corners = target.faces[cells.face_ids[on_person]]
    in_source = source.screen_vertices[corners]
    points = np.einsum("nkc,nk->nc", in_source, cells.barycentrics[on_person])
    same_side = _orientation(in_source) * _orientation(target.screen_vertices[corners]) > 0
    flow = np.zeros((*on_person.shape, 2), np.float32)
    flow[on_person] = points[:, :2]
    state = np.full(on_person.shape, BACKGROUND, np.uint8)
    state[on_person] = np.where(same_side & _nearest_surface(points, source), SEEN, HIDDEN)
    return flow, state


def _orientation(corners: FloatArray) -> FloatArray:
    """Twice the signed area (n,) of screen triangles (n, 3, 3): its sign tells which side faces the camera."""
    first, second = corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2]
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]


def _nearest_surface(points: FloatArray, source: View) -> npt.NDArray[np.bool_]:
    """Whether points (n, 3) on the surface, x and y in pixels and depth, are in frame and behind nothing.

    A point counts as seen if it is not behind any one of the four nearest pixels' surfaces: slanted surfaces change
    their depth by more than a tolerance from pixel to pixel, and comparing with one pixel alone would speckle.
    """
    height, width = source.size
    x, y = points[:, 0], points[:, 1]
    in_frame = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    left = np.floor(np.clip(x, 0, width) - 0.5).astype(np.int32)
    top = np.floor(np.clip(y, 0, height) - 0.5).astype(np.int32)
    limit = points[:, 2] - np.float32(_TOLERANCE_METRES + 0.75 / source.camera.pixels_per_metre)
    seen = np.zeros(len(points), bool)
    for down in (0, 1):
        for across in (0, 1):
            row, column = np.clip(top + down, 0, height - 1), np.clip(left + across, 0, width - 1)
            depth = source.depth[row, column]
            # Nothing of the person is seen where a seat is in the way; elsewhere thin parts may fall between pixels.
            seen |= (depth > limit) & (np.isfinite(depth) | (source.pose.seat is None))
    return seen & in_frame
