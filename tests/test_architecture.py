"""The shape of the package: who may import whom, what is public, and that importing does no work."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import posable

PACKAGE = Path(posable.__file__).parent
ROOT = PACKAGE.parent.parent

# Left may not import right (docs/concepts.md). Inside a layer everything may be imported, but not in circles.
LAYERS = [
    {"defaults", "errors", "version"},
    {"files", "memo", "memory", "progress", "running_code", "imaging", "pose", "parsing"},
    {"batch", "body"},
    {"surface"},
    {"nn"},
    {"metrics"},
    {"models", "data", "people", "detect", "baselines"},
    {"zoo"},
    {"transfer", "evaluation", "train"},
    {"recipes"},
    {"__main__", "cli", "studio"},
]
PEOPLE_MAY_IMPORT = {
    "posable.errors",
    "posable.files",
    "posable.progress",
    "posable.imaging.size",
    "posable.pose.skeleton",
    "posable.pose.pose",
    "posable.parsing.lip_labels",
    "posable.parsing.schemes",
    "posable.body",
    "posable.people",
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc"}
MAX_LINES, MAX_LINES_OF_A_FAMILY = 400, 640


def modules() -> list[str]:
    files = sorted(PACKAGE.rglob("*.py"))
    names = [".".join(("posable", *file.relative_to(PACKAGE).with_suffix("").parts)) for file in files]
    return [name.removesuffix(".__init__") for name in names]


def file_of(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def imports(module: str) -> tuple[str, ...]:
    """The modules that `module` imports when it runs; names are resolved to modules."""
    return tuple(imports_of(file_of(module)))


def imports_of(file: Path) -> list[str]:
    found: list[str] = []
    for node in runtime_nodes(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} uses a relative import"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.append(inner if inner in KNOWN else node.module)
    return found


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from runtime_nodes(node)


KNOWN = frozenset(modules())


def layer_of(module: str) -> int:
    part = module.split(".")[1]
    found = [index for index, layer in enumerate(LAYERS) if part in layer]
    assert found, f"{module} is in no layer; add it to LAYERS here and to docs/concepts.md"
    return found[0]


@pytest.mark.parametrize("module", sorted(KNOWN - {"posable"}))
def test_imports_go_one_way(module: str) -> None:
    for imported in imports(module):
        if imported.startswith("posable."):
            assert layer_of(imported) <= layer_of(module), f"{module} may not import {imported}"


def test_no_module_needs_itself() -> None:
    """Imports inside functions count: what is imported late is needed all the same."""
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for imported in imports(module):
                # A package and its own parts count as one.
                if imported in KNOWN and imported != "posable" and not module.startswith(f"{imported}."):
                    visit(imported, (*path, module))
            done.add(module)

    for module in sorted(KNOWN - {"posable"}):
        visit(module, ())


def test_the_documents_have_the_same_layers() -> None:
    text = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8").split("## Who may import whom", 1)[1]
    rows = text.split("\n## ", 1)[0].splitlines()
    assert [set(row.strip().split(", ")) for row in rows if row.startswith("    ")] == LAYERS


def test_every_module_is_reached_by_a_test_or_a_script() -> None:
    used: set[str] = set()
    files = sorted(file for folder in ("tests", "scripts", "benchmarks") for file in (ROOT / folder).rglob("*.py"))
    waiting = ["posable.__main__", *(name for file in files for name in imports_of(file))]
    while waiting:
        name = waiting.pop()
        if name in KNOWN and name not in used:
            used.add(name)
            waiting += imports(name)
            if name in ("posable", "posable.models", "posable.recipes"):  # they import by name, when asked
                waiting += [module for module in KNOWN if module.startswith(("posable.models.", "posable.recipes."))]
            waiting += [name.rpartition(".")[0]]
    assert not {name for name in KNOWN if name not in used}


@pytest.mark.parametrize("module", sorted(name for name in KNOWN if name.startswith("posable.people")))
def test_the_renderer_needs_neither_torch_nor_the_models(module: str) -> None:
    for imported in imports(module):
        assert imported.split(".")[0] not in ("torch", "jaxtyping", "safetensors"), f"{module} imports {imported}"
        if imported.startswith("posable."):
            allowed = any(imported == name or imported.startswith(f"{name}.") for name in PEOPLE_MAY_IMPORT)
            assert allowed, f"{module} imports {imported}"


@pytest.mark.parametrize("module", sorted(KNOWN))
def test_torchvision_is_never_imported(module: str) -> None:
    assert not [name for name in imports(module) if name.split(".")[0] in ("torchvision", "mediapipe", "timm", "lpips")]


def test_no_file_is_a_drawer_for_odds_and_ends() -> None:
    assert not [name for name in KNOWN if name.split(".")[-1] in FORBIDDEN_NAMES]


def test_files_stay_short() -> None:
    # A family is one file, so it may be longer than the rest.
    for name in KNOWN:
        limit = MAX_LINES_OF_A_FAMILY if name.startswith("posable.models.") else MAX_LINES
        count = len(file_of(name).read_text(encoding="utf-8").splitlines())
        assert count <= limit, f"{name} has {count} lines; split it by subject"


def test_every_public_name_can_be_fetched() -> None:
    assert list(posable.__all__) == sorted(posable.__all__, key=_ruff_order)
    for name in posable.__all__:
        assert getattr(posable, name) is not None


def _ruff_order(name: str) -> tuple[int, str]:
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name


def test_the_names_for_type_checkers_are_the_public_ones() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    (block,) = blocks
    declared = {
        alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert set(declared) | {"__version__"} == set(posable.__all__)
    assert all(f"posable.{posable._HOME_OF[name]}" == module for name, module in declared.items())


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = posable.nonsense


def in_fresh_python(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_importing_posable_is_quick_and_leaves_torch_alone() -> None:
    code = "import sys, time; t = time.process_time(); import posable; d = time.process_time() - t; "
    seconds, torch_is_there = in_fresh_python(code + "print(d, 'torch' in sys.modules)").split()
    assert float(seconds) < 0.3
    assert torch_is_there == "False"


def test_importing_all_modules_writes_nothing_connects_nowhere_starts_no_thread_and_seeds_nothing() -> None:
    # Third-party packages come first: what they do when imported is not ours.
    code = f"""
import sys, threading, random
import torch, numpy, scipy.ndimage, scipy.sparse, scipy.spatial, PIL.Image, safetensors.torch, rich.progress, typer
try:
    import numba
except ImportError:
    pass
sys.dont_write_bytecode = True
told = []
def hook(event, args):
    writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    if writes or event in ("socket.connect", "subprocess.Popen", "os.mkdir", "os.remove", "os.rename"):
        told.append((event, str(args[0])))
sys.addaudithook(hook)
before = threading.active_count(), torch.random.initial_seed(), torch.get_num_threads(), random.getstate()
import importlib
for name in {sorted(KNOWN)!r}:
    if not name.endswith("_compiled"):  # numba keeps what it compiled in a folder beside the module
        importlib.import_module(name)
assert before == (threading.active_count(), torch.random.initial_seed(), torch.get_num_threads(), random.getstate())
print(told)
"""
    assert in_fresh_python(code) == "[]"


def test_the_repository_holds_no_path_of_a_machine_and_no_large_file() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.split():
        path = ROOT / name
        if not path.is_file():
            continue
        assert path.stat().st_size <= 25 * 2**20, f"{name} is too large"
        if path.suffix in (".py", ".md", ".toml", ".json", ".yaml", ".sh", ""):
            text = path.read_text(encoding="utf-8", errors="ignore")
            for private in ("/wor" + "k/", "/ro" + "ot/", "/ho" + "me/"):
                assert private not in text, f"{name} has a path of one machine: {private}"
