"""The processes that train together: one, or as many as `torchrun` or `accelerate launch` started."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn

Precision = Literal["fp32", "bf16"]
"""Of the forward passes; weights, gradients and optimisers are always fp32."""


@dataclass(frozen=True, eq=False)
class Processes:
    """A thin face on accelerate: who this process is, and how it agrees with the others.

    Gradients are averaged by one flat reduction after the backward pass, not by hooks in wrappers: a family's objective
    may call any of its generator's methods, in any order, for the generator and for the discriminators.
    """

    accelerator: Accelerator
    device: torch.device
    precision: Precision

    @classmethod
    def joined(cls, device: torch.device | None = None, precision: Precision | None = None) -> Processes:
        """This process, in its group when it was started in one. `device` None takes the best there is; `precision`
        None is bf16 on GPUs that have it, else fp32."""
        accelerator = Accelerator(cpu=device is not None and device.type == "cpu")
        alone = accelerator.num_processes == 1
        chosen = device if device is not None and alone else accelerator.device
        best: Precision = "bf16" if chosen.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
        return cls(accelerator, chosen, precision or best)

    @property
    def count(self) -> int:
        return self.accelerator.num_processes

    @property
    def rank(self) -> int:
        return self.accelerator.process_index

    @property
    def first(self) -> bool:
        return self.accelerator.is_main_process

    def autocast(self) -> AbstractContextManager[object]:
        if self.precision == "bf16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def wait(self) -> None:
        self.accelerator.wait_for_everyone()

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Gives every process the mean of the processes' gradients; a missing gradient counts as zero."""
        if self.count == 1:
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = self._reduced(torch.cat([gradient.flatten() for gradient in gradients]))
        for p, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            p.grad = part.view_as(p).clone()

    def means(self, values: Sequence[Float[Tensor, ""]]) -> list[float]:
        """The mean over the processes of each scalar, as numbers."""
        stacked = torch.stack([value.float() for value in values])
        if self.count > 1:
            stacked = self._reduced(stacked)
        return stacked.tolist()

    def any(self, wish: bool) -> bool:
        """Whether a process wishes so: all get the same answer, and all have to ask."""
        if self.count == 1:
            return wish
        return float(self._reduced(torch.tensor(float(wish), device=self.device))) > 0

    def _reduced(self, tensor: Tensor) -> Tensor:
        reduced = self.accelerator.reduce(tensor, reduction="mean")
        assert isinstance(reduced, Tensor)
        return reduced
