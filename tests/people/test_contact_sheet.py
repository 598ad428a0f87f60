"""Contact sheets, and the progress bar of data sets."""

from __future__ import annotations

import numpy as np
import pytest

from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.people import contact_sheet, make_person, people_progress, render_views

SIZE = Size(64, 44)


def test_a_sheet_shows_each_person_in_a_row():
    people = [render_views(make_person(seed), count, SIZE) for seed, count in ((0, 3), (1, 2))]
    sheet = np.asarray(contact_sheet(people))
    assert sheet.shape == (2 * 64, 3 * 44, 3)
    assert np.array_equal(sheet[64:, 44:88], people[1][1].image)
    assert (sheet[64:, 88:] == 255).all()


def test_labels_add_parsing_and_skeleton_rows():
    views = render_views(make_person(0), 2, SIZE)
    sheet = np.asarray(contact_sheet([views], labels=True))
    assert sheet.shape == (3 * 64, 2 * 44, 3)
    assert (sheet[64:128, :44][views[0].parsing == 0] == 0).all()
    assert (sheet[64:128, :44][views[0].parsing > 0].max(-1) > 0).all()
    assert (sheet[128:] == 255).all(-1).any(), "visible keypoints are white dots"


def test_a_sheet_of_nobody_is_refused():
    with pytest.raises(ConfigError, match="no views to draw"):
        contact_sheet([])


def test_the_progress_bar_takes_what_make_dataset_tells_it(capsys):
    with people_progress() as show:
        show(3, 10)
        show(10, 10)
    assert "10/10" in capsys.readouterr().err
