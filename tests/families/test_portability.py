"""Every family runs where PyTorch does: on any device, in half precision, compiled whole, and exported."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from posable.models import FAMILIES
from posable.models.editing import DrawsRegions
from posable.pose.pose import PoseBatch

PEOPLE = torch.export.Dim("people", min=2, max=64)
BATCHED = {"source": {0: PEOPLE}, "parsing": {0: PEOPLE}, "poses": {1: PEOPLE}, "visible": {1: PEOPLE}}

ONNX_DIFFERENCE = {"pise": 2e-3}
"""Where it is more than 1e-4: untrained weights and cosines sharpened a hundred times amplify rounding (measured:
4.5e-4)."""


class Drawing(nn.Module):
    """Tensors to a tensor, as an exporter wants it: `encode` and `render` of the two poses in `poses`."""

    def __init__(self, family: str) -> None:
        super().__init__()
        self.generator = tiny.network(tiny.CONFIGS[family], seed=3, noisier=0.02)

    def forward(self, source: Tensor, parsing: Tensor, poses: Tensor, visible: Tensor) -> Tensor:
        source_pose, target_pose = (PoseBatch(poses[i], visible[i], tiny.SIZE) for i in range(2))
        return self.generator.render(self.generator.encode(source, source_pose, parsing), target_pose).image


def given(n: int) -> dict[str, Tensor]:
    c = tiny.pair(n, hidden=0.2).condition
    return {
        "source": c.source_image,
        "parsing": c.source_parsing,
        "poses": torch.stack([c.source_pose.keypoints, c.target_pose.keypoints]),
        "visible": torch.stack([c.source_pose.visible, c.target_pose.visible]),
    }


@pytest.fixture(params=sorted(FAMILIES))
def drawing(request: pytest.FixtureRequest) -> Drawing:
    return Drawing(request.param)


@torch.inference_mode()
def test_bfloat16_draws_nearly_the_same_picture(drawing: Drawing) -> None:
    generator, c = drawing.generator, tiny.pair(3, hidden=0.2).condition

    def drawn() -> Tensor:
        source = tiny.encoded(generator, c)
        if isinstance(generator, DrawsRegions):  # untrained, classes tie, and rounding would move predicted regions
            return generator.render_regions(source, c.target_pose, tiny.parsing(3, 4)).image.float()
        return generator.render(source, c.target_pose).image.float()

    with torch.autocast("cpu", torch.bfloat16):
        rough = drawn()
    exact = drawn()
    assert not torch.equal(rough, exact)
    assert (rough - exact).abs().mean() < 0.05 * exact.abs().mean().clamp_min(0.2)


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"puppet"}))  # its geometry is NumPy, on the CPU
def test_all_is_made_on_the_device_that_is_given_and_python_never_looks_at_a_number(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fake tensors know their device and refuse to meet those of another one, and they have no numbers to branch on.
    # "meta" stands for a GPU, as it is the only other device that is there on every machine; autocast does not know it.
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        with torch.device("meta"):
            generator: Any = FAMILIES[family].generator(tiny.CONFIGS[family]).eval()
        condition = tiny.pair(2).condition.to("meta")
        source = tiny.encoded(generator, condition)
        drawn = generator.render(source, condition.target_pose)
        assert {value.device.type for value in vars(drawn).values() if value is not None} == {"meta"}
        pictures = generator.explain(source, condition.target_pose)
        assert {picture.device.type for picture in pictures.values()} == {"meta"}


@pytest.mark.slow
def test_the_graph_is_exported_for_any_number_of_people(drawing: Drawing) -> None:
    with torch.no_grad():
        program = torch.export.export(drawing, (), given(2), dynamic_shapes=BATCHED)
        three = given(3)
        torch.testing.assert_close(program.module()(**three), drawing(**three), atol=2e-5, rtol=0)


@pytest.mark.slow
def test_the_graph_is_compiled_whole(drawing: Drawing) -> None:
    torch.compiler.reset()
    with torch.no_grad():
        compiled = torch.compile(drawing, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(**given(2)), drawing(**given(2)), atol=1e-6, rtol=0)


@pytest.mark.slow
@pytest.mark.timeout(1200)  # up to 45 s of processor time for one family
def test_onnx_runtime_draws_the_same_people(drawing: Drawing, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    path, two, three = tmp_path / "drawing.onnx", given(2), given(3)
    with torch.no_grad():
        torch.onnx.export(drawing, (), path, kwargs=two, dynamo=True, dynamic_shapes=BATCHED, verbose=False)
        session = onnxruntime.InferenceSession(path)
        wanted = {node.name for node in session.get_inputs()}
        (image,) = session.run(None, {name: value.numpy() for name, value in three.items() if name in wanted})
        allowed = ONNX_DIFFERENCE.get(drawing.generator.family, 1e-4)
        torch.testing.assert_close(torch.from_numpy(image), drawing(**three), atol=allowed, rtol=0)
