"""Fréchet and kernel distances against SciPy's matrix square root, torchmetrics and brute force."""

from pathlib import Path

import numpy as np
import pytest
import torch
from judged_pictures import judged, levels
from numpy.typing import NDArray
from scipy import linalg
from torch import Tensor, nn

from posable.errors import InputError
from posable.metrics.frechet import FeatureStatistics, StatisticsOfFeatures, frechet_distance
from posable.metrics.judged import JudgedPictures, Metric
from posable.metrics.pooled_features import PooledFeatures, efflite0_features
from posable.metrics.set_metrics import FrechetMetric, KernelMetric, fd_efflite0_metric, fid_metric, kid_metric

D = 12


def correlated(seed: int, n: int, shift: float = 0.0) -> NDArray[np.float64]:
    """Features whose covariance is not diagonal, around a mean far from 0."""
    mixing = np.random.default_rng(99).normal(size=(D, D)) + seed * 0.1 * np.eye(D)
    return np.random.default_rng(seed).normal(size=(n, D)) @ mixing + 50 + shift


def statistics(features: NDArray[np.float64]) -> FeatureStatistics:
    """Taken in batches of seven."""
    sums = StatisticsOfFeatures("seeded")
    for start in range(0, len(features), 7):
        sums.add(torch.from_numpy(features[start : start + 7]))
    return sums.statistics()


def formula(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The published formula with SciPy's matrix square root."""
    root = linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False))
    difference = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return float(difference + np.trace(np.cov(a, rowvar=False) + np.cov(b, rowvar=False) - 2 * root.real))


def first_levels(d: int = D) -> PooledFeatures:
    """Stands in for a network: some pixels of a picture."""
    return PooledFeatures("pixels", nn.Identity(), lambda _, levels: levels.flatten(1)[:, ::37][:, :d].float())


def result_of(metric: Metric, *batches: JudgedPictures):
    for pictures in batches:
        metric.update(pictures)
    return metric.result()


def test_batches_give_numpy_s_mean_and_covariance() -> None:
    features = correlated(0, 40)
    found = statistics(features)
    np.testing.assert_allclose(found.mean, features.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(features, rowvar=False), rtol=1e-10, atol=1e-12)
    assert found.count == 40


def test_the_distance_equals_scipy_s_formula() -> None:
    a, b = correlated(0, 60), correlated(1, 45, shift=0.7)
    assert frechet_distance(statistics(a), statistics(b)) == pytest.approx(formula(a, b), rel=1e-9)


def test_with_fewer_pictures_than_features_it_equals_the_singular_values_of_the_data() -> None:
    """The matrix square root of a singular product is only near: this witness needs no covariance."""
    a, b = correlated(0, 6), correlated(1, 8)
    a_rest = (a - a.mean(axis=0)) / np.sqrt(len(a) - 1)
    b_rest = (b - b.mean(axis=0)) / np.sqrt(len(b) - 1)
    shared = linalg.svdvals(a_rest @ b_rest.T).sum()
    difference = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    expected = difference + np.square(a_rest).sum() + np.square(b_rest).sum() - 2 * shared
    assert frechet_distance(statistics(a), statistics(b)) == pytest.approx(expected, rel=1e-6)


def test_shifting_one_set_adds_the_square_of_the_shift_and_a_set_is_at_0_from_itself() -> None:
    a = correlated(0, 30)
    assert frechet_distance(statistics(a), statistics(a)) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(statistics(a), statistics(a + 2)) == pytest.approx(4 * D, rel=1e-9)


def test_the_metric_equals_torchmetrics() -> None:
    from torchmetrics.image.fid import FrechetInceptionDistance

    batches = [judged(n=9, seed=seed) for seed in (0, 10, 20)]
    features = first_levels()
    witness_network = nn.Identity()
    witness_network.num_features = D
    witness = FrechetInceptionDistance(feature=witness_network)
    for pictures in batches:
        witness.update(features.of(pictures.truth).double(), real=True)
        witness.update(features.of(pictures.generated).double(), real=False)
    result = result_of(FrechetMetric("fid", features), *batches)
    assert result.value == pytest.approx(float(witness.compute()), rel=1e-6)
    assert result.per_pair is None
    assert result.settings["generated"] == result.settings["reference_count"] == 27


def test_a_reference_set_takes_the_truth_s_place_and_survives_a_file(tmp_path: Path) -> None:
    features = first_levels()
    reference = features.statistics([levels(5, 20), levels(6, 20)])
    reference.save(tmp_path / "train.npz")
    kept = FeatureStatistics.load(tmp_path / "train.npz")
    pictures = judged(n=16)
    expected = formula(
        features.of(pictures.generated).double().numpy(),
        np.concatenate([features.of(levels(seed, 20)).double().numpy() for seed in (5, 6)]),
    )
    result = result_of(FrechetMetric("fid", features, kept), pictures)
    assert result.value == pytest.approx(expected, rel=1e-6)
    assert (result.settings["reference"], result.settings["reference_count"]) == ("given", 40)


def test_a_reference_of_other_features_or_a_broken_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the reference is of pixels"):
        fd_efflite0_metric(reference=first_levels().statistics([levels(0, 4)]))
    with pytest.raises(InputError, match="cannot be compared"):
        frechet_distance(statistics(correlated(0, 9)), first_levels().statistics([levels(0, 4)]))
    (tmp_path / "broken.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"broken\.npz"):
        FeatureStatistics.load(tmp_path / "broken.npz")


def brute_force_kid(truth: Tensor, generated: Tensor) -> float:
    """The unbiased estimate of MMD^2 by its definition, pair by pair."""

    def kernel(x: Tensor, y: Tensor) -> float:
        return (float(x @ y) / len(x) + 1) ** 3

    n = len(truth)
    inside = sum(kernel(s[i], s[j]) for s in (truth, generated) for i in range(n) for j in range(n) if i != j)
    across = sum(kernel(x, y) for x in truth for y in generated)
    return inside / (n * (n - 1)) - 2 * across / n**2


def test_kid_equals_brute_force() -> None:
    features = PooledFeatures("pixels", nn.Identity(), lambda _, levels: levels.flatten(1)[:, ::37][:, :D] / 255)
    batches = [judged(n=4, seed=0), judged(n=5, seed=10)]
    truth = torch.cat([features.of(pictures.truth) for pictures in batches]).double()
    generated = torch.cat([features.of(pictures.generated) for pictures in batches]).double()
    result = result_of(KernelMetric("kid", features), *batches)
    assert result.value == pytest.approx(brute_force_kid(truth, generated), rel=1e-6)
    assert result.settings["subset_size"] == 9


def test_kid_of_large_sets_is_the_same_every_time_and_leaves_the_global_generator_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("posable.metrics.set_metrics._KID_SUBSET", 6)
    pictures = judged(n=10)
    torch.manual_seed(1)
    first = result_of(KernelMetric("kid", first_levels()), pictures)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.rand(1) == after
    assert result_of(KernelMetric("kid", first_levels()), pictures).value == first.value
    assert first.settings["subsets"] == 100
    assert first.parts["deviation over subsets"] > 0


def test_fewer_than_two_pictures_have_no_distance() -> None:
    for metric in (FrechetMetric("fid", first_levels()), KernelMetric("kid", first_levels())):
        assert "two pictures" in result_of(metric, judged(n=1)).absent


def test_without_weights_fid_and_kid_are_absent_and_name_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    wanted = {"fid": "fid-inception", "kid": "fid-inception", "fid_torchvision": "inception"}
    for metric in (fid_metric(), kid_metric(), fid_metric("inception")):
        result = result_of(metric, judged())
        assert result.value is None
        assert result.absent.endswith(f"posable weights fetch {wanted[metric.name]}")


def test_fd_efflite0_grows_with_noise_and_with_blur() -> None:
    truth = levels(1, 24, 64, 44)
    rng = torch.Generator().manual_seed(3)
    noise = torch.randn(truth.shape, generator=rng)
    features = efflite0_features().network
    found = []
    for strength in (0, 10, 30, 60):
        generated = (truth + strength * noise).clamp(0, 255).round().to(torch.uint8)
        found.append(result_of(fd_efflite0_metric(features=features), judged(n=24, truth=truth, generated=generated)))
    values = [result.value for result in found]
    assert values[0] == pytest.approx(0, abs=1e-6)
    assert values == sorted(values)
    assert found[0].settings["features"].startswith("efficientnet-lite0-")
