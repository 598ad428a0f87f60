"""The same words with the same defaults in Python, on the command line, over HTTP and on the page."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
import typer

from posable.cli.app import app as command_line
from posable.studio.app import PAGE_FOLDER, create_app
from posable.transfer.pipeline import PoseTransfer

METHODS: dict[str, Callable[..., Any]] = {
    "transfer": PoseTransfer.__call__,
    "garment": PoseTransfer.garment,
    "texture": PoseTransfer.texture,
    "paint": PoseTransfer.paint,
    "parse": PoseTransfer.parse,
    "explain": PoseTransfer.explain,
}
# What has another name or none, and why.
ON_THE_COMMAND_LINE = {
    "region": {"region", "mask"},  # a mask is a file there
    "retarget": {"no_retarget"},  # a switch
}
OF_THE_COMMAND_LINE = {
    "also",
    "turn",
    "out",
    "json",
    "model",
    "device",
    "legend",
    "overlay",
    "sequence",
    "seconds",
    "help",
}
"""Files and machines: in Python they are other objects."""
OVER_HTTP = {
    "source": {"picture"},
    "region": {"region", "mask"},
    "pattern": {"pattern", "pattern_name"},  # a name is never that of a file there
    "size": {"max_side"},  # of the answer: the working size is the server's business
    "dtd": set[str](),  # a folder of the server: `posable studio --dtd`
}
OF_HTTP = {"format", "model"}
"""Of the answer, and which of the service's models."""
OF_A_HELD_SOURCE = {"picture", "source_pose", "reference_pose"}
"""What was given when the source was."""


def python_options(edit: str) -> dict[str, Any]:
    """Each option with its default."""
    parameters = inspect.signature(METHODS[edit]).parameters.values()
    return {one.name: one.default for one in parameters if one.name != "self"}


def command_options(edit: str) -> dict[str, Any]:
    group: Any = typer.main.get_command(command_line)
    return {one.name: one.default for one in group.commands[edit].params}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return create_app().openapi()


def http_options(description: dict[str, Any], path: str) -> dict[str, Any]:
    (content,) = description["paths"][path]["post"]["requestBody"]["content"].values()
    schema = description["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    required = schema.get("required", [])
    return {
        name: inspect.Parameter.empty if name in required else one.get("default")
        for name, one in schema["properties"].items()
    }


def renamed(options: dict[str, Any], names: dict[str, set[str]]) -> set[str]:
    return set().union(*(names.get(name, {name}) for name in options))


@pytest.mark.parametrize("edit", METHODS)
def test_the_command_line_has_pythons_options_with_pythons_defaults(edit: str) -> None:
    python, given = python_options(edit), command_options(edit)
    assert renamed(python, ON_THE_COMMAND_LINE) == set(given) - OF_THE_COMMAND_LINE
    for name, default in python.items():
        if default is inspect.Parameter.empty:
            continue
        if name == "retarget":
            assert given["no_retarget"] is (not default)
        else:
            assert given[name] == default, name


@pytest.mark.parametrize("edit", METHODS)
def test_http_has_pythons_options_with_pythons_defaults(edit: str, description: dict[str, Any]) -> None:
    python, given = python_options(edit), http_options(description, f"/v1/{edit}")
    assert renamed(python, OVER_HTTP) == set(given) - OF_HTTP
    for name, default in python.items():
        if name in given and name != "pattern":
            assert given[name] == default, name


@pytest.mark.parametrize("edit", METHODS)
def test_a_held_source_takes_the_same_fields(edit: str, description: dict[str, Any]) -> None:
    once = http_options(description, f"/v1/{edit}")
    held = http_options(description, f"/v1/sources/{{source_id}}/{edit}")
    assert set(once) - OF_A_HELD_SOURCE == set(held)
    assert {name: held[name] for name in held if name != "reference"} == {
        name: once[name] for name in held if name != "reference"
    }


@pytest.mark.parametrize("edit", METHODS)
def test_the_page_offers_every_field(edit: str, description: dict[str, Any]) -> None:
    sent = (PAGE_FOLDER / "js" / "api.js").read_text(encoding="utf-8")
    of_edit = {"parse": {"format", "max_side"}, "explain": {"format", "max_side"}}.get(edit, set[str]())
    for name in set(http_options(description, f"/v1/sources/{{source_id}}/{edit}")) - of_edit:
        assert re.search(rf"\b{name}\b", sent), f"the page never sends '{name}'"
