"""Synthetic people: dressed bodies in random poses, rendered with exact labels, made from seeds alone.

    >>> from posable.imaging.size import Size
    >>> person = make_person(seed=2000)
    >>> views = render_views(person, count=2, size=Size(64, 44))
    >>> flow, state = correspondence(target=views[0], source=views[1])
    >>> flow.shape, state.shape
    ((32, 22, 2), (32, 22))

Frame of bodies and scenes: x to the person's left, -y to the front, z up, metres. Pictures: pixel (row i, column j)
has its centre at x = j + 0.5, y = i + 0.5.
"""

from posable.people.benchmark import GENERATOR_VERSION, PEOPLE_1
from posable.people.correspondence import correspondence, pairwise_correspondence
from posable.people.dataset import make_benchmark, make_dataset
from posable.people.io.contact_sheet import contact_sheet
from posable.people.io.progress import people_progress
from posable.people.person import Person, make_person
from posable.people.render import View, render_views
from posable.people.splits import FIRST_TRAINING_SEED, TEST_SEEDS, VALIDATION_SEEDS

__all__ = [
    "FIRST_TRAINING_SEED",
    "GENERATOR_VERSION",
    "PEOPLE_1",
    "TEST_SEEDS",
    "VALIDATION_SEEDS",
    "Person",
    "View",
    "contact_sheet",
    "correspondence",
    "make_benchmark",
    "make_dataset",
    "make_person",
    "pairwise_correspondence",
    "people_progress",
    "render_views",
]
