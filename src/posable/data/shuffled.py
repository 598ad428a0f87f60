"""An endless, seeded order in which everything is seen once a round; read by position, so that a run can be resumed."""

import numpy as np


def shuffled_slice(total: int, seed: int, position: int, count: int) -> list[int]:
    """`count` of the numbers below `total`: the position-th slice of an endless series of shuffles. What is left at
    the end of a round is left out, so that no slice holds a number twice. Needs count <= total."""
    assert 1 <= count <= total
    per_round = total // count
    order = np.random.default_rng([seed, 7919, position // per_round]).permutation(total)
    start = position % per_round * count
    return [int(i) for i in order[start : start + count]]
