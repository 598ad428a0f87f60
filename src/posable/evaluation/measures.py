"""The metrics that protocols name, each with how it is made."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cached_property

from PIL import Image

from posable.errors import ConfigError, MissingExtraError
from posable.evaluation.protocol import Measure
from posable.evaluation.reference import TrainingReference
from posable.metrics.judged import AbsentMetric, Metric
from posable.metrics.keypoint_metrics import SharedDetector, keypoints_found_metric, pck_metric
from posable.metrics.lpips import lpips_metric
from posable.metrics.mask_metrics import ParsingIou, mask_iou_metric
from posable.metrics.mask_ssim import mask_ssim_metric
from posable.metrics.ms_ssim import ms_ssim_metric
from posable.metrics.pd_efflite0 import pd_efflite0_metric
from posable.metrics.pixel_metrics import psnr_metric, ssim_metric
from posable.metrics.set_metrics import fd_efflite0_metric, fid_metric, kid_metric
from posable.metrics.ssim import GAUSSIAN, GAUSSIAN_OF_PREDICTION, UNIFORM_51
from posable.nn.pretrained.efficientnet_lite0 import StageFeatures
from posable.pose.pose import Pose


class MetricMaker:
    """Makes the metrics of one evaluation, which share their feature networks."""

    def __init__(self, reference: TrainingReference) -> None:
        self.reference = reference

    @cached_property
    def features(self) -> StageFeatures | None:
        """EfficientNet-Lite0; None when its weights are not installed."""
        try:
            return StageFeatures()
        except MissingExtraError:
            return None

    def make(self, measure: Measure) -> Metric:
        """A fresh metric; raises ConfigError for a name that is not known."""
        if measure.metric not in METRICS:
            raise ConfigError(f"there is no metric '{measure.metric}'; choose one of {', '.join(METRICS)}.")
        return METRICS[measure.metric](self, measure)

    @cached_property
    def detector(self) -> SharedDetector | str:
        """BlazePose, which looks at each picture once; or why it cannot."""
        if importlib.util.find_spec("ai_edge_litert") is None:
            return "BlazePose needs the package ai-edge-litert, which is not installed; install it."
        return SharedDetector(blazepose, "blazepose")

    def of_keypoints(self, make: Callable[[SharedDetector], Metric], name: str) -> Metric:
        if isinstance(self.detector, str):
            return AbsentMetric(name, self.detector, {"detector": "blazepose"}, higher_is_better=True)
        return make(self.detector)

    def fid_torchvision(self, measure: Measure) -> Metric:
        """On torchvision's Inception, against what the measure names."""
        if measure.reference != "train":
            return fid_metric("inception")
        statistics = self.reference.statistics("inception", measure.drop_partial_batch_of)
        if isinstance(statistics, str):
            return AbsentMetric("fid_torchvision", statistics, {"reference": "train"}, higher_is_better=False)
        return fid_metric("inception", statistics)


METRICS: dict[str, Callable[[MetricMaker, Measure], Metric]] = {
    "ssim": lambda _, measure: ssim_metric(form=GAUSSIAN, region=measure.region),
    "ssim_gaussian_of_prediction": lambda _, measure: ssim_metric(form=GAUSSIAN_OF_PREDICTION, region=measure.region),
    "ssim_uniform_51": lambda _, measure: ssim_metric(form=UNIFORM_51, region=measure.region),
    "ms_ssim": lambda _, __: ms_ssim_metric(),
    "psnr": lambda _, measure: psnr_metric(measure.region),
    "pd_efflite0": lambda maker, measure: pd_efflite0_metric(measure.region, maker.features),
    "lpips": lambda _, measure: lpips_metric("alexnet", measure.region),
    "lpips_vgg": lambda _, measure: lpips_metric("vgg16", measure.region),
    "mask_iou": lambda _, __: mask_iou_metric(),
    "parsing_iou": lambda _, __: ParsingIou(),
    "mask_ssim": lambda _, __: mask_ssim_metric(),
    "keypoints_found": lambda maker, _: maker.of_keypoints(keypoints_found_metric, "keypoints_found"),
    "pck": lambda maker, _: maker.of_keypoints(pck_metric, "pck"),
    "fd_efflite0": lambda maker, _: fd_efflite0_metric(features=maker.features),
    "fid": lambda _, __: fid_metric(),
    "fid_torchvision": lambda maker, measure: maker.fid_torchvision(measure),
    "kid": lambda _, __: kid_metric(),
}
"""By the names that protocols use."""


def blazepose(picture: Image.Image) -> Pose:
    """The pose that `posable.detect` finds with its default detector; raises NoPersonError."""
    from posable.detect import detect_pose

    return detect_pose(picture).pose
