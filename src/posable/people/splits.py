"""Which seeds belong to which split of the synthetic people; a person of one split never appears in another."""

from __future__ import annotations

TEST_SEEDS = range(1000)
VALIDATION_SEEDS = range(1000, 2000)
FIRST_TRAINING_SEED = 2000
