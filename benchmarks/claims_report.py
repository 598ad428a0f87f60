"""The tables, the picture and the document that claims.py's runs end in."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont

from claim_variants import Claim, Variant
from posable.imaging.image import save_image
from posable.imaging.size import Size
from posable.models import FAMILIES
from posable.models.catn import CatnConfig
from posable.pose.pose import PoseBatch
from run_record import REPOSITORY, about_this_run

DOCUMENT = REPOSITORY / "docs" / "claims.md"
PICTURE = REPOSITORY / "docs" / "pictures" / "claims.png"
HIGHER_IS_BETTER = {"ssim_in_box": True, "pd_efflite0_in_box": False, "parsing_iou": True}
PUBLISHED_PATN_PARAMETERS = 41.36e6

Runs = list[dict[str, Any]]


@dataclass(frozen=True)
class Found:
    """A claim and its finished runs, those of each variant in the order of their seeds."""

    claim: Claim
    runs: dict[str, Runs]
    seeds: int

    @property
    def whole(self) -> Runs:
        return self.runs[self.claim.variants[0].name]


def changes(found: Found, variant: str, measure: str) -> list[float]:
    """The variant's number less the whole's, seed by seed, in % of the whole's mean."""
    whole = {run["seed"]: run["measures"][measure] for run in found.whole}
    scale = 100 / abs(statistics.fmean(whole.values())) if whole else 0.0
    return [
        scale * (run["measures"][measure] - whole[run["seed"]]) for run in found.runs[variant] if run["seed"] in whole
    ]


def worsening(found: Found, variant: Variant) -> list[float]:
    """By how many % the variant is worse than the whole in the measure that the claim on it is about, seed by seed."""
    sign = -1 if higher_is_better(variant.measure) else 1
    return [sign * one for one in changes(found, variant.name, variant.measure)]


def higher_is_better(measure: str) -> bool:
    return HIGHER_IS_BETTER[measure.partition(",")[0]]


# ---- tables


def table(found: Found) -> str:
    claim = found.claim
    done = [run for runs in found.runs.values() for run in runs]
    pairs = " to ".join(f"{n:,}" for n in sorted({run["pairs"] for run in done})) or "no"
    heads = [f"{name} {'↑' if higher_is_better(name) else '↓'}" for name in claim.measures]
    lines = [f"**{claim.family}.** {claim.says} {pairs} pairs a run, {found.seeds} seeds.", ""]
    lines += [f"| | {' | '.join(heads)} | parameters |", "|---" * (len(heads) + 2) + "|"]
    for name, runs in found.runs.items():
        if not runs:
            lines.append(f"| {name} |" + " not run |" * (len(heads) + 1))
            continue
        cells = [cell(found, name, measure) for measure in claim.measures]
        lines.append(f"| {name} | {' | '.join(cells)} | {runs[0]['parameters'] / 1e6:.2f} M |")
    return "\n".join(lines)


def cell(found: Found, variant: str, measure: str) -> str:
    values = [run["measures"][measure] for run in found.runs[variant]]
    text = f"{statistics.fmean(values):.4f}"
    if len(values) > 1:
        text += f" ± {statistics.stdev(values):.4f}"
    change = changes(found, variant, measure)
    if variant == found.claim.variants[0].name or not change:
        return text
    worse = sum((one < 0) == higher_is_better(measure) for one in change if one)
    return f"{text} ({statistics.fmean(change):+.1f} %; worse in {worse} of {len(change)})"


def sizes() -> str:
    """CATN's parameters and speed at its full size, with and without context, beside PATN's published size."""
    picture = torch.zeros(1, 3, 256, 176)
    lines = ["| 256x176, one picture | parameters | pictures/s here |", "|---|---|---|"]
    for name, config in (("with multi-scale context", CatnConfig()), ("without", CatnConfig(dilations=()))):
        generator = FAMILIES["catn"].generator(config).eval()
        pose = PoseBatch(torch.rand(1, 18, 2) * 176, torch.ones(1, 18, dtype=torch.bool), Size(256, 176))
        times: list[float] = []
        with torch.no_grad():
            for _ in range(6):
                start = time.perf_counter()
                generator.render(generator.encode(picture, pose), pose)
                times.append(time.perf_counter() - start)
        parameters = sum(p.numel() for p in generator.parameters())
        lines.append(f"| {name} | {parameters / 1e6:.2f} M | {1 / statistics.median(times[1:]):.2f} |")
    lines.append(f"| PATN, as published | {PUBLISHED_PATN_PARAMETERS / 1e6:.2f} M | not measured |")
    return "\n".join(lines)


# ---- the document


def write_document(all_found: list[Found]) -> list[Path]:
    """Writes the picture, and each claim's table between its marks in the document; gives their paths."""
    save_image(picture(all_found), PICTURE)
    text = DOCUMENT.read_text(encoding="utf-8")
    run = about_this_run()
    parts = {found.claim.family: table(found) for found in all_found}
    parts["sizes"] = sizes()
    parts["machine"] = (
        f"Measured on {run['processor']}, {run['cores']} cores, torch {run['packages']['torch']}, {run['date'][:10]}."
    )
    for name, part in parts.items():
        begin, end = f"<!-- claims.py: {name} -->", "<!-- end -->"
        before, mark, rest = text.partition(begin)
        assert mark, f"{DOCUMENT} lacks the mark {begin}"
        text = f"{before}{begin}\n\n{part}\n\n{end}{rest.partition(end)[2]}"
    DOCUMENT.write_text(text, encoding="utf-8")
    return [DOCUMENT, PICTURE]


# ---- the picture

ROW, HEAD, LEFT, WIDTH, RIGHT, TOP = 30, 44, 330, 620, 30, 64
PAPER, INK, FAINT, GRID, DOT, BAND = "white", "#1d1f23", "#6b7078", "#d9dce1", "#b3261e", "#e8eaf6"


def picture(all_found: list[Found]) -> Image.Image:
    """Seed by seed, how much worse each variant is than the whole network, in % of what the claim is about."""
    rows = sum(HEAD + ROW * (len(found.runs) - 1) for found in all_found)
    sheet = Image.new("RGB", (LEFT + WIDTH + RIGHT, TOP + rows + 24), PAPER)
    pen = ImageDraw.Draw(sheet)
    font, small = ImageFont.load_default(size=16), ImageFont.load_default(size=13)
    values = [one for found in all_found for variant in found.claim.variants[1:] for one in worsening(found, variant)]
    reach = 1.1 * max([2.0, *(abs(one) for one in values)])

    def across(percent: float) -> float:
        return LEFT + WIDTH / 2 * (1 + percent / reach)

    pen.text((LEFT, 8), "better without it", fill=FAINT, font=font)
    pen.text((LEFT + WIDTH, 8), "worse without it", fill=FAINT, font=font, anchor="ra")
    for percent in ticks(reach):
        pen.line([(across(percent), TOP - 14), (across(percent), TOP + rows)], fill=INK if percent == 0 else GRID)
        pen.text(
            (across(percent), TOP - 18), f"{percent:+.0f} %" if percent else "0", fill=FAINT, font=small, anchor="ms"
        )
    y = TOP
    for found in all_found:
        pen.text(
            (12, y + 22), f"{found.claim.family}: {found.claim.variants[0].name}", fill=INK, font=font, anchor="lm"
        )
        y += HEAD
        for variant in found.claim.variants[1:]:
            spread = chance(found, variant.measure)
            pen.rectangle([(across(-spread), y), (across(spread), y + ROW)], fill=BAND)
            pen.line([(across(0), y), (across(0), y + ROW)], fill=INK)
            words = f"{variant.name} ({variant.measure.replace('efflite0_', '')})"
            pen.text((28, y + ROW / 2), words, fill=INK, font=small, anchor="lm")
            for one in worsening(found, variant):
                x = across(one)
                pen.ellipse([(x - 5, y + ROW / 2 - 5), (x + 5, y + ROW / 2 + 5)], fill=DOT)
            y += ROW
    return sheet


def ticks(reach: float) -> list[float]:
    """Round numbers from -reach to reach, seven or so."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200) if reach / step <= 6)
    return [step * i for i in range(-int(reach / step), int(reach / step) + 1)]


def chance(found: Found, measure: str) -> float:
    """How far apart seeds of the whole network are, in % of their mean: their standard deviation."""
    values = [run["measures"][measure] for run in found.whole]
    return 100 * statistics.stdev(values) / abs(statistics.fmean(values)) if len(values) > 1 else 0.0


if __name__ == "__main__":
    raise SystemExit("run benchmarks/claims.py --print")
