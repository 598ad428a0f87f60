"""The Fréchet distance between sets of pictures, by mean and covariance of their features (Heusel et al., 2017).

d^2 = |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2)). The last trace is the sum of the singular values of
C1^(1/2) C2^(1/2), which keeps its digits where there are fewer pictures than features and the usual matrix square
root does not.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posable.errors import InputError
from posable.files import write_atomically


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """What the distance needs to know of one set of pictures; float64."""

    mean: NDArray[np.float64]
    """(d,)."""
    covariance: NDArray[np.float64]
    """(d, d), with n - 1."""
    count: int
    features: str
    """Which features: their name and the hash of their weights. Distances across different ones mean nothing."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an .npz file, whole or not at all; for reference sets that are used again."""
        with write_atomically(path) as temporary, temporary.open("wb") as file:
            np.savez(file, mean=self.mean, covariance=self.covariance, count=self.count, features=self.features)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FeatureStatistics:
        """What `save` wrote; raises InputError for anything else."""
        try:
            with np.load(Path(path), allow_pickle=False) as stored:
                return cls(stored["mean"], stored["covariance"], int(stored["count"]), str(stored["features"]))
        except (OSError, ValueError, KeyError, EOFError):
            raise InputError(f"'{path}' is no file of feature statistics; make it again.") from None


class StatisticsOfFeatures:
    """Running sums over features that come batch by batch, in double precision around the first batch's mean."""

    def __init__(self, features: str) -> None:
        self._features = features
        self._count = 0
        self._centre: Tensor | None = None
        self._sum: Tensor | None = None
        self._products: Tensor | None = None

    def add(self, features: Tensor) -> None:
        """Takes in (n, d)."""
        features = features.detach().double().cpu()
        if not len(features):
            return
        if self._centre is None or self._sum is None or self._products is None:
            # Products of what is left beside a constant lose fewer digits, and covariances do not change by it.
            self._centre = features.mean(dim=0)
            self._sum = torch.zeros_like(self._centre)
            self._products = self._sum.new_zeros(features.shape[1], features.shape[1])
        rest = features - self._centre
        self._count += len(rest)
        self._sum += rest.sum(dim=0)
        self._products += rest.T @ rest

    @property
    def count(self) -> int:
        return self._count

    def statistics(self) -> FeatureStatistics:
        """Of all features so far; two pictures at least."""
        assert self._count > 1, "statistics need two pictures"
        assert self._centre is not None
        assert self._sum is not None
        assert self._products is not None
        mean = self._sum / self._count
        covariance = (self._products - self._count * torch.outer(mean, mean)) / (self._count - 1)
        return FeatureStatistics((self._centre + mean).numpy(), covariance.numpy(), self._count, self._features)


def frechet_distance(a: FeatureStatistics, b: FeatureStatistics) -> float:
    """The squared distance, not below 0; raises InputError when they are of different features."""
    if a.features != b.features:
        raise InputError(f"statistics of {a.features} and of {b.features} cannot be compared; make both with one.")
    difference = float(np.square(a.mean - b.mean).sum())
    shared = np.linalg.norm(_root(a.covariance) @ _root(b.covariance), "nuc")
    return max(float(difference + np.trace(a.covariance) + np.trace(b.covariance) - 2 * shared), 0.0)


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The symmetric square root; eigenvalues that rounding made negative count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
