"""Parameters and arithmetic of a family's network, by its parts: what encoding a source costs, and each of its poses.

    python benchmarks/flops.py dptn gfla             # the published settings, pictures of 256x176
    python benchmarks/flops.py gfla --set network_width=176

A FLOP is an addition or a multiplication (torch's flop counter: convolutions, matrix products and attention). Weights
are untrained, pictures are noise.
"""

import argparse
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from posable.models import FAMILIES
from posable.models.generator import Generator
from posable.pose.pose import PoseBatch


class _Encoding(nn.Module):
    def __init__(self, generator: Generator[Any]) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, source: Tensor, pose: PoseBatch, parsing: Tensor) -> Any:
        return self.generator.encode(source, pose, parsing)


class _Rendering(nn.Module):
    def __init__(self, generator: Generator[Any]) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, encoded: Any, pose: PoseBatch) -> Any:
        return self.generator.render(encoded, pose)


# Not inference_mode: there the counter cannot look into spectrally normed layers.
@torch.no_grad()
@sdpa_kernel(SDPBackend.MATH)  # torch counts no fused attention on the CPU
def counts(generator: Generator[Any]) -> list[tuple[str, int, int, int]]:
    """Name, parameters, FLOPs of encoding and FLOPs of rendering of each part; the whole comes last."""
    rng = torch.Generator().manual_seed(0)
    h, w = generator.size
    source = torch.rand(1, 3, h, w, generator=rng) * 2 - 1
    keypoints = torch.rand(1, 18, 2, generator=rng) * torch.tensor([w, h])
    pose = PoseBatch(keypoints, torch.ones(1, 18, dtype=torch.bool), generator.size)
    parsing = torch.randint(0, 20, (1, h, w), generator=rng, dtype=torch.uint8)
    with FlopCounterMode(display=False) as encoding:
        encoded = _Encoding(generator)(source, pose, parsing)
    with FlopCounterMode(display=False) as rendering:
        _Rendering(generator)(encoded, pose)
    rows: list[tuple[str, int, int, int]] = []
    for name, part in generator.named_children():
        flops = [
            sum(counter.get_flop_counts().get(f"{root}.generator.{name}", {}).values())
            for root, counter in (("_Encoding", encoding), ("_Rendering", rendering))
        ]
        # Parts of a list are called one by one, the list itself never.
        if isinstance(part, (nn.ModuleList, nn.ModuleDict)):
            flops = [
                sum(
                    sum(counter.get_flop_counts().get(f"{root}.generator.{name}.{child}", {}).values())
                    for child, _ in part.named_children()
                )
                for root, counter in (("_Encoding", encoding), ("_Rendering", rendering))
            ]
        rows.append((name, sum(p.numel() for p in part.parameters()), *flops))
    parameters = sum(p.numel() for p in generator.parameters())
    whole = encoding.get_total_flops(), rendering.get_total_flops()
    rest = [total - sum(row[2 + i] for row in rows) for i, total in enumerate(whole)]
    rows.append(("outside of these", parameters - sum(row[1] for row in rows), *rest))
    return [*rows, ("whole", parameters, *whole)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", default=sorted(FAMILIES), choices=sorted(FAMILIES))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=INTEGER", help="change a setting")
    given = parser.parse_args()
    changes = {name: int(value) for name, value in (text.split("=", 1) for text in given.set)}
    for family in given.families:
        entry = FAMILIES[family]
        torch.manual_seed(0)
        generator = entry.generator(replace(entry.config(), **changes)).eval()
        print(f"\n{family}, pictures of {generator.size}{''.join(f', {text}' for text in given.set)}\n")
        print("| part | parameters | GFLOPs to encode a source | GFLOPs for each pose |")
        print("|---|---|---|---|")
        for name, parameters, encode, render in counts(generator):
            print(f"| {name} | {parameters:,} | {encode / 1e9:.2f} | {render / 1e9:.2f} |")


if __name__ == "__main__":
    main()
