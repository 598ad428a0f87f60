"""Every tensor that goes in or out of the public interface says its shape, in its annotation or in a docstring."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "posable"
AXIS = r"[\w.*']+(?: ?[*/+-] ?[\w^]+)?"
SHAPE = re.compile(rf"\((?:\.\.\.|[1-9]\d*|[achkmnt]'?),(?: {AXIS},)*(?: {AXIS})?\)")
"""(n, 3, h, w), (n,), (..., 2), (1, c, h / 4, w / 4); not (x, y), (0, 1), or words and years."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Shapeless:
    """A public tensor without a shape: where, whose, and which."""

    line: int
    owner: str
    name: str


def holds_plain_tensor(annotation: ast.expr | None) -> bool:
    """Whether Tensor stands in the annotation outside of Float[Tensor, "..."] and of the arguments of a Callable."""
    match annotation:
        case ast.Name(id="Tensor") | ast.Attribute(attr="Tensor"):
            return True
        case ast.Constant(value=str() as quoted):
            return holds_plain_tensor(ast.parse(quoted, mode="eval").body)
        case ast.BinOp(left=left, right=right):
            return holds_plain_tensor(left) or holds_plain_tensor(right)
        case ast.Subscript(value=ast.Name(id="Callable")):
            return False
        case ast.Subscript(slice=ast.Tuple(elts=[_, ast.Constant(value=str())])):
            return False
        case ast.Subscript(slice=inner):
            return holds_plain_tensor(inner)
        case ast.Tuple(elts=elements):
            return any(holds_plain_tensor(element) for element in elements)
        case _:
            return False


def states_shape(docstring: str | None) -> bool:
    return docstring is not None and SHAPE.search(docstring) is not None


def shapeless_in_function(function: FunctionNode, owner: str) -> Iterator[Shapeless]:
    if states_shape(ast.get_docstring(function)):
        return
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
    for argument in every:
        if argument is not None and holds_plain_tensor(argument.annotation):
            yield Shapeless(argument.lineno, owner, argument.arg)
    if holds_plain_tensor(function.returns):
        yield Shapeless(function.lineno, owner, "what it returns")


def docstring_below(statement: ast.stmt | None) -> str | None:
    match statement:
        case ast.Expr(value=ast.Constant(value=str() as text)):
            return text
        case _:
            return None


def shapeless_in_class(definition: ast.ClassDef) -> Iterator[Shapeless]:
    following = [*definition.body[1:], None]
    for statement, after in zip(definition.body, following, strict=True):
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_"):
                if holds_plain_tensor(statement.annotation) and not states_shape(docstring_below(after)):
                    yield Shapeless(statement.lineno, definition.name, name)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not statement.name.startswith("_"):
                yield from shapeless_in_function(statement, f"{definition.name}.{statement.name}")
            case _:
                pass


def shapeless_in(source: str) -> list[Shapeless]:
    found: list[Shapeless] = []
    for statement in ast.parse(source).body:
        match statement:
            case ast.ClassDef() if not statement.name.startswith("_"):
                found.extend(shapeless_in_class(statement))
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not statement.name.startswith("_"):
                found.extend(shapeless_in_function(statement, statement.name))
            case _:
                pass
    return found


def public_modules() -> list[Path]:
    """The modules of posable without a private name on their way, but for __init__ and __main__."""
    return [
        path
        for path in sorted(SOURCE.rglob("*.py"))
        if not any(part.startswith("_") and not part.startswith("__") for part in path.relative_to(SOURCE).parts)
    ]


@pytest.mark.parametrize("path", public_modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_public_tensors_state_their_shape(path: Path) -> None:
    lines = [f"{path}:{at.line}: {at.owner}: {at.name}" for at in shapeless_in(path.read_text(encoding="utf-8"))]
    assert not lines, "\n".join(['no shape: annotate Float[Tensor, "n c h w"], or say (n, c, h, w):', *lines])


EXAMPLES_THAT_PASS = {
    "annotated": 'def f(a: Float[Tensor, "n 3"]) -> Bool[Tensor, "n"]: ...',
    "in the docstring": 'def f(a: Tensor) -> Tensor:\n    """Moves (n, 3, h, w)."""',
    "one axis": 'def f(a: Tensor) -> float:\n    """Sums (n,)."""',
    "below the field": 'class A:\n    a: Tensor | None\n    """(n, h, w)."""',
    "private function": "def _f(a: Tensor) -> None: ...",
    "private class": "class _A:\n    def forward(self, a: Tensor) -> Tensor: ...",
    "private method": "class A:\n    def _f(self, a: Tensor) -> Tensor: ...",
}

EXAMPLES_THAT_FAIL = {
    "parameter": ("def f(a: Tensor) -> None: ...", "a"),
    "keyword": ("def f(*, a: torch.Tensor | None = None) -> None: ...", "a"),
    "returned": ("def f() -> list[Tensor]: ...", "what it returns"),
    "method": ("class A:\n    def f(self) -> tuple[Tensor, int]: ...", "what it returns"),
    "field": ('class A:\n    """(n, h)."""\n    a: Tensor', "a"),
    "words in parentheses": ('def f(a: Tensor) -> None:\n    """A loss (Mao et al., 2017) in (0, 1)."""', "a"),
    "a point": ('def f(a: Tensor) -> None:\n    """At (x, y)."""', "a"),
    "quoted": ("def f(a: 'Tensor') -> None: ...", "a"),
}


@pytest.mark.parametrize("source", EXAMPLES_THAT_PASS.values(), ids=EXAMPLES_THAT_PASS.keys())
def test_a_stated_shape_is_found(source: str) -> None:
    assert not shapeless_in(source)


@pytest.mark.parametrize(("source", "name"), EXAMPLES_THAT_FAIL.values(), ids=EXAMPLES_THAT_FAIL.keys())
def test_a_missing_shape_is_found(source: str, name: str) -> None:
    assert [at.name for at in shapeless_in(source)] == [name]
