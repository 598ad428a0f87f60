"""The families of generators, by name. Each is a file whose `FAMILY` says all about it; imported when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping

from posable.models.family import Family

__all__ = ["FAMILIES", "Family"]


class Families(MutableMapping[str, Family]):
    """Records by name; a name may stand for the module that holds the record as `FAMILY`."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._records: dict[str, Family | str] = dict(modules)

    def __getitem__(self, name: str) -> Family:
        found = self._records[name]
        if isinstance(found, str):
            found = self._records[name] = importlib.import_module(found).FAMILY
            assert found.name == name, f"the record of {name} is called {found.name}"
        return found

    def __setitem__(self, name: str, record: Family | str) -> None:
        self._records[name] = record

    def __delitem__(self, name: str) -> None:
        del self._records[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


FAMILIES = Families(
    {
        "catn": "posable.models.catn",
        "dptn": "posable.models.dptn",
        "gfla": "posable.models.gfla",
        "nted": "posable.models.nted",
        "pise": "posable.models.pise",
        "puppet": "posable.models.puppet",
        "rsagan": "posable.models.rsagan",
        "tfjr": "posable.models.tfjr",
        "weave": "posable.models.weave",
    }
)
