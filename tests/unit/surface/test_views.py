"""Several photographs of one person drawn as one."""

import numpy as np
import pytest
from rendered import photograph

from posable.body.fit import fit_body
from posable.errors import InputError
from posable.surface.build import build_surface
from posable.surface.drawing import Drawing, draw
from posable.surface.views import joined_drawings

SEED = 4


def drawn_from(view: int, target: int) -> Drawing:
    p = photograph(SEED, view)
    made = build_surface(p.image, p.matte, p.labels, p.body)
    return draw(made, fit_body(photograph(SEED, target).pose, like=p.body))


def error(drawing: Drawing, target: int) -> float:
    p = photograph(SEED, target)
    inside = (p.matte > 0.9) & (drawing.alpha > 0.5)
    return float(np.abs(drawing.color - (p.image / 127.5 - 1))[inside].mean())


def turn(view: int) -> float:
    return photograph(SEED, view).body.facing_degrees


def test_a_photograph_from_behind_shows_what_the_one_from_the_front_hides() -> None:
    apart = {(a, b): abs((turn(a) - turn(b) + 180) % 360 - 180) for a in range(6) for b in range(6) if a != b}
    far, target = max(apart, key=lambda pair: apart[pair])
    near = min((view for view in range(6) if view not in (far, target)), key=lambda view: apart[view, target])
    alone, helped = drawn_from(far, target), joined_drawings([drawn_from(far, target), drawn_from(near, target)])[0]
    assert error(helped, target) < error(alone, target)


def test_one_drawing_stays_what_it_is() -> None:
    drawing = drawn_from(0, 1)
    joined, number = joined_drawings([drawing])
    assert joined is drawing
    assert not number.any()


def test_the_same_photograph_twice_changes_nothing() -> None:
    drawing = drawn_from(0, 1)
    joined, _ = joined_drawings([drawing, drawing])
    np.testing.assert_array_equal(joined.color, drawing.color)


def test_drawings_of_two_sizes_are_refused() -> None:
    drawing = drawn_from(0, 1)
    p = photograph(SEED, 0)
    made = build_surface(p.image, p.matte, p.labels, p.body)
    with pytest.raises(InputError, match="one size"):
        joined_drawings([drawing, draw(made, p.body.resized((128, 88)))])
