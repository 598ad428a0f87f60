"""The families of generators, by name."""

from dataclasses import dataclass
from typing import Any

from posable.models.catn import CatnConfig, CatnGenerator
from posable.models.dptn import DptnConfig, DptnGenerator
from posable.models.generator import Generator
from posable.models.gfla import GflaConfig, GflaGenerator
from posable.models.nted import NtedConfig, NtedGenerator
from posable.models.pise import PiseConfig, PiseGenerator
from posable.models.rsagan import RsaganConfig, RsaganGenerator
from posable.models.tfjr import TfjrConfig, TfjrGenerator
from posable.models.weave import WeaveConfig, WeaveGenerator


@dataclass(frozen=True)
class FamilyEntry:
    """A family's frozen config class and its generator, which is built from the config alone."""

    config: type[Any]
    generator: type[Generator[Any]]


FAMILIES: dict[str, FamilyEntry] = {
    "catn": FamilyEntry(CatnConfig, CatnGenerator),
    "dptn": FamilyEntry(DptnConfig, DptnGenerator),
    "gfla": FamilyEntry(GflaConfig, GflaGenerator),
    "nted": FamilyEntry(NtedConfig, NtedGenerator),
    "pise": FamilyEntry(PiseConfig, PiseGenerator),
    "rsagan": FamilyEntry(RsaganConfig, RsaganGenerator),
    "tfjr": FamilyEntry(TfjrConfig, TfjrGenerator),
    "weave": FamilyEntry(WeaveConfig, WeaveGenerator),
}
