"""Pictures of attention say what the weights say."""

import torch

from posable.imaging.size import Size
from posable.nn.attention_pictures import (
    attended_patches,
    enlarged,
    expected_positions,
    flow_colors,
    position_colors,
    position_grid,
    position_key,
)

CELLS = Size(4, 3)


def source() -> torch.Tensor:
    return torch.rand(2, 3, 32, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_looking_at_the_same_place_gives_the_source_itself() -> None:
    torch.testing.assert_close(attended_patches(torch.eye(12).expand(2, 12, 12), source(), CELLS), source())


def test_looking_at_one_patch_repeats_it_everywhere() -> None:
    weights = torch.zeros(2, 12, 12)
    weights[..., 4] = 1  # second row, second column
    drawn = attended_patches(weights, source(), CELLS)
    torch.testing.assert_close(drawn, source()[..., 8:16, 8:16].repeat(1, 1, 4, 3))


def test_the_expected_position_of_a_sure_look_is_its_cell_and_not_spread() -> None:
    positions, spread = expected_positions(torch.eye(12)[None], CELLS)
    torch.testing.assert_close(positions, position_grid(CELLS, positions))
    assert spread.max() < 1e-3


def test_looking_everywhere_has_the_middle_as_position_and_spread_one() -> None:
    positions, spread = expected_positions(torch.full((1, 12, 12), 1 / 12), CELLS)
    torch.testing.assert_close(positions, torch.full_like(positions, 0.5))
    torch.testing.assert_close(spread, torch.ones_like(spread))


def test_colours_are_in_range_differ_by_place_and_fade_to_white() -> None:
    places = position_grid(Size(8, 8), torch.zeros(()))
    colors = position_colors(places)
    assert colors.abs().max() <= 1
    assert len({tuple(c) for c in colors[0].flatten(1).T.round(decimals=3).tolist()}) == 64
    assert torch.equal(position_colors(places, torch.zeros(1, 1, 8, 8)), torch.ones(1, 3, 8, 8))
    assert position_key(source()).abs().max() <= 1


def test_no_flow_is_white_and_opposite_flows_have_opposite_colours() -> None:
    flow = torch.zeros(1, 2, 1, 3)
    flow[0, 0, 0] = torch.tensor([0.0, 5.0, -5.0])
    none, right, left = flow_colors(flow, largest=5.0)[0, :, 0].T
    assert none.tolist() == [1, 1, 1]
    torch.testing.assert_close(right + left, torch.zeros(3), atol=1e-5, rtol=0)
    grey = flow_colors(flow, 5.0, torch.zeros(1, 1, 1, 3))
    assert grey.abs().max() == 0


def test_cells_are_enlarged_to_blocks() -> None:
    assert torch.equal(enlarged(torch.eye(2)[None, None], Size(4, 4))[0, 0], torch.eye(2).kron(torch.ones(2, 2)))
