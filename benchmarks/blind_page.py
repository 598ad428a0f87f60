"""A page on which two models are graded without saying which is which.

    python benchmarks/blind_page.py FOLDER -o page.html            page.html, and page.key.json with who is where
    python benchmarks/blind_page.py --tally verdicts.json --key page.key.json

Every photo of the folder is drawn in every pose by both models. The page is one file that asks the network for nothing;
it shows photo and the two results in an order that the seed draws for each, takes a verdict by button or by the keys
1, 2, 3, and saves the verdicts as JSON. `--sheets DIR` also writes them as contact sheets: a row is the photo, then A
and B for each pose.
"""

import argparse
import base64
import html
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from photographs import pictures_in
from posable import EncodedSource, PosableError, PoseTransfer, read_image
from run_record import about_this_run, progress_bars, step

POSES = ("wave", "three-quarter-left", "walk-right")
SHOWN_HEIGHT = 560
ROWS_A_SHEET = 4
CHOICES = ("A", "same", "B")


@dataclass(frozen=True)
class Trial:
    photo: str
    pose: str
    source: Image.Image
    pictures: tuple[Image.Image, Image.Image]
    """A and B."""
    models: tuple[str, str]
    """Who drew A and who B."""

    @property
    def name(self) -> str:
        return f"{self.photo} / {self.pose}"


def trials(folder: Path, models: Sequence[str], poses: Sequence[str], seed: int) -> list[Trial]:
    """All photos in all poses that both models draw, photo after photo; who is A is drawn for each."""
    rng, result = random.Random(seed), list[Trial]()
    transfers = {model: PoseTransfer.from_pretrained(model) for model in models}
    paths = pictures_in(folder)
    with progress_bars() as bars:
        told = step(bars, "photos")
        for done, path in enumerate(paths, start=1):
            source = shown(read_image(path))
            for pose, drawn in zip(poses, drawn_by(transfers, path, poses), strict=True):
                order = rng.sample(list(models), 2)
                if drawn is not None:
                    pair = drawn[order[0]], drawn[order[1]]
                    result.append(Trial(path.stem, pose, source, pair, (order[0], order[1])))
            told(done, len(paths))
    return result


def drawn_by(
    transfers: dict[str, PoseTransfer], path: Path, poses: Sequence[str]
) -> list[dict[str, Image.Image] | None]:
    """For each pose the models' pictures; None where one of them refuses."""
    try:
        sources = {model: transfer.encode(path) for model, transfer in transfers.items()}
    except PosableError as error:
        print(f"{path.name} is left out: {error}")
        return [None] * len(poses)
    return [_drawn_in(pose, sources, path) for pose in poses]


def _drawn_in(pose: str, sources: dict[str, EncodedSource], path: Path) -> dict[str, Image.Image] | None:
    try:
        return {model: shown(source.render(pose)) for model, source in sources.items()}
    except PosableError as error:
        print(f"{path.name} in {pose} is left out: {error}")
        return None


def shown(picture: Image.Image) -> Image.Image:
    width = max(1, round(picture.width * SHOWN_HEIGHT / picture.height))
    return picture.convert("RGB").resize((width, SHOWN_HEIGHT), Image.Resampling.LANCZOS)


# ---- the page


def page(tried: Sequence[Trial], seed: int) -> str:
    """Self-contained HTML."""
    order = list(range(len(tried)))
    random.Random(seed + 1).shuffle(order)
    sections = "\n".join(_section(place, index, tried[index]) for place, index in enumerate(order))
    return _PAGE.replace("{sections}", sections).replace("{count}", str(len(tried)))


def _section(place: int, index: int, trial: Trial) -> str:
    pictures = (trial.source, *trial.pictures)
    figures = "".join(
        f'<figure><img alt="{name}" src="{_data(picture)}"><figcaption>{name}</figcaption></figure>'
        for name, picture in zip(("photo", "A", "B"), pictures, strict=True)
    )
    buttons = "".join(
        f'<button data-choice="{choice}">{label}</button>'
        for choice, label in zip(CHOICES, ("1: A is better", "2: same", "3: A is worse"), strict=True)
    )
    hidden = "" if place == 0 else " hidden"
    pose = html.escape(trial.pose)
    return f'<section data-trial="{index}"{hidden}><p>{pose}</p><div>{figures}</div><nav>{buttons}</nav></section>'


def _data(picture: Image.Image) -> str:
    file = BytesIO()
    picture.save(file, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Which is better?</title>
<style>
body { font: 16px/1.4 system-ui, sans-serif; margin: 1rem; color: #222; background: #fff }
section > div { display: flex; gap: 1rem } figure { margin: 0; flex: 0 1 auto; text-align: center }
img { max-width: 100%; max-height: 72vh } nav { margin: .6rem 0; display: flex; gap: .6rem }
button { font: inherit; padding: .5rem 1.1rem; cursor: pointer }
</style>
<p><b id="done" aria-live="polite">0</b> of {count} graded. <button id="back">back</button>
<button id="save">save verdicts</button></p>
{sections}
<p id="end" hidden>All are graded; save the verdicts.</p>
<script>
const sections = [...document.querySelectorAll("section")], verdicts = {}, choices = ["A", "same", "B"];
let at = 0;
function show(place) {
  at = Math.max(0, Math.min(place, sections.length));
  sections.forEach((section, index) => section.hidden = index !== at);
  document.getElementById("end").hidden = at < sections.length;
  document.getElementById("done").textContent = Object.keys(verdicts).length;
}
function judge(choice) {
  if (at >= sections.length) return;
  verdicts[sections[at].dataset.trial] = choice;
  show(at + 1);
}
document.addEventListener("click", event => {
  if (event.target.dataset.choice) judge(event.target.dataset.choice);
});
document.addEventListener("keydown", event => {
  if (event.key >= "1" && event.key <= "3" && event.key.length === 1) judge(choices[event.key - 1]);
  if (event.key === "Backspace") show(at - 1);
});
document.getElementById("back").onclick = () => show(at - 1);
document.getElementById("save").onclick = () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(verdicts, null, 1)], {type: "application/json"}));
  link.download = "verdicts.json";
  link.click();
};
</script>
</html>
"""


def write_sheets(tried: Sequence[Trial], folder: Path) -> None:
    """Contact sheets NN.png of four photos each; pictures say which trial they are, and A or B."""
    folder.mkdir(parents=True, exist_ok=True)
    photos = list(dict.fromkeys(trial.photo for trial in tried))
    for start in range(0, len(photos), ROWS_A_SHEET):
        rows = [
            _row([(index, trial) for index, trial in enumerate(tried) if trial.photo == photo])
            for photo in photos[start : start + ROWS_A_SHEET]
        ]
        sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), "white")
        for place, row in enumerate(rows):
            sheet.paste(row, (0, sum(other.height for other in rows[:place])))
        sheet.save(folder / f"{start // ROWS_A_SHEET:02}.png")


def _row(tried: Sequence[tuple[int, Trial]]) -> Image.Image:
    cells = [("photo", tried[0][1].source)]
    cells += [
        (f"{index} {ab}", picture) for index, trial in tried for ab, picture in zip("AB", trial.pictures, strict=True)
    ]
    row = Image.new("RGB", (sum(picture.width + 6 for _, picture in cells), SHOWN_HEIGHT + 20), "white")
    left = 0
    for label, picture in cells:
        row.paste(picture, (left, 20))
        ImageDraw.Draw(row).text((left + 4, 4), label, fill="black")
        left += picture.width + 6
    return row


# ---- the tally


def tally(verdicts: dict[str, str], key: dict[str, Any]) -> str:
    """How often each model was better, and what was said of each photo."""
    counts: Counter[str] = Counter()
    lines: list[str] = []
    for index, trial in enumerate(key["trials"]):
        said = verdicts.get(str(index))
        if said is None:
            continue
        better = "same" if said == "same" else trial["models"][CHOICES.index(said) // 2]
        counts[better] += 1
        lines.append(f"{trial['name']:64}{better}")
    total = ", ".join(f"{name} {counts[name]}" for name in (*key["models"], "same"))
    return "\n".join([*lines, f"better of {sum(counts.values())}: {total}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("-o", "--out", type=Path, default=Path("page.html"))
    parser.add_argument("--models", nargs=2, default=["puppet", "weave"])
    parser.add_argument("--poses", nargs="+", default=list(POSES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    parser.add_argument("--tally", type=Path, metavar="VERDICTS", help="count verdicts that the page saved")
    parser.add_argument("--key", type=Path, help="the page's key, for --tally")
    options = parser.parse_args()
    if options.tally:
        key_file = options.key or options.out.with_suffix(".key.json")
        print(tally(json.loads(options.tally.read_text()), json.loads(key_file.read_text())))
        return
    if options.folder is None:
        parser.error("give the folder of photographs")
    tried = trials(options.folder, options.models, options.poses, options.seed)
    options.out.write_text(page(tried, options.seed), encoding="utf-8")
    key = {
        "run": about_this_run(),
        "models": options.models,
        "trials": [{"name": trial.name, "models": trial.models} for trial in tried],
    }
    options.out.with_suffix(".key.json").write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")
    if options.sheets:
        write_sheets(tried, options.sheets)
    print(f"{len(tried)} trials in {options.out}; the key is in {options.out.with_suffix('.key.json')}")


if __name__ == "__main__":
    main()
