"""The training pictures as one set, which the published scripts compare generated pictures with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from posable.evaluation.pairs import EvaluationPairs, list_hash
from posable.metrics.frechet import FeatureStatistics
from posable.metrics.pooled_features import InceptionName, inception_features
from posable.nn.pretrained.published_weights import absence, find_weights, sha256_of
from posable.progress import StageProgressCallback


@dataclass(frozen=True, eq=False)
class TrainingReference:
    """Statistics of the training pictures of a corpus, computed once and kept in the cache folder."""

    pairs: EvaluationPairs
    size: tuple[int, int]
    cache: Path
    device: torch.device
    batch_size: int
    progress: StageProgressCallback

    def statistics(self, network: InceptionName, drop_partial_batch_of: int | None) -> FeatureStatistics | str:
        """Of all training pictures, or of those in whole batches; a sentence when they or the weights are not here."""
        names = self.pairs.training_pictures
        if not names:
            return (
                f"this {self.pairs.about.corpus} has no training pictures, which generated ones are compared with; "
                "add the split train."
            )
        path = find_weights(network)
        if path is None:
            return absence(network)
        features = inception_features(network, path, sha256_of(path))
        names = names[: self._used(drop_partial_batch_of)]
        text = "/".join((features.name, str(self.size), self.pairs.training_fingerprint(names)))
        stored = self.cache / "references" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"
        if stored.is_file():
            return FeatureStatistics.load(stored)
        found = features.statistics(self._batches(list(names)))
        stored.parent.mkdir(parents=True, exist_ok=True)
        found.save(stored)
        return found

    def about(self, drop_partial_batch_of: int | None) -> dict[str, Any]:
        """What the report says of the set."""
        names = self.pairs.training_pictures
        used = self._used(drop_partial_batch_of)
        return {
            "set": "training pictures",
            "pictures": used,
            "left_out": len(names) - used,
            "list_sha256": list_hash([name] for name in names),
        }

    def _used(self, drop_partial_batch_of: int | None) -> int:
        count, batch = len(self.pairs.training_pictures), drop_partial_batch_of
        return count if batch is None else count // batch * batch

    def _batches(self, names: list[str]) -> Iterator[Tensor]:
        for start in range(0, len(names), self.batch_size):
            batch = names[start : start + self.batch_size]
            yield torch.stack([self.pairs.training_picture(name) for name in batch]).to(self.device)
            self.progress("look at training pictures", start + len(batch), len(names))
