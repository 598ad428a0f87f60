"""Averages the weights of two models of the same family and config, as the shipped weave was made of two runs.

    python scripts/average_weights.py runs/weave-varied/checkpoint OTHER --share 0.75 -o DIR

DIR gets SHARE of the first model and the rest of the second; its card names both.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from posable.zoo.checkpoint import CARD_FILE, load_checkpoint, model_folder, save_checkpoint

PROVENANCE = ("recipe", "licence", "people", "stages", "training_seconds", "seed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", help="a model folder, or the name of a shipped model")
    parser.add_argument("second")
    parser.add_argument("--share", type=float, default=0.5, help="of the first model, 0 to 1")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    if not 0 <= options.share <= 1:
        parser.error(f"the share is {options.share}; give a number from 0 to 1")
    cards = [json.loads((model_folder(name) / CARD_FILE).read_text()) for name in (options.first, options.second)]
    if any(cards[0][key] != cards[1][key] for key in ("family", "config")):
        parser.error("the two models are of different families or configs; their weights cannot be averaged")
    generator, other = load_checkpoint(options.first), load_checkpoint(options.second).state_dict()
    mixed = {
        name: value.lerp(other[name], 1 - options.share) if value.is_floating_point() else value
        for name, value in generator.state_dict().items()
    }
    generator.load_state_dict(mixed)
    shares = (options.share, 1 - options.share)
    sources = [
        {
            "share": share,
            "weights_sha256": card["weights_sha256"],
            **{key: card[key] for key in PROVENANCE if key in card},
        }
        for share, card in zip(shares, cards, strict=True)
    ]
    folder = save_checkpoint(options.out, generator, {"licence": "Apache-2.0", "average_of": sources})
    print(f"written: {folder}")


if __name__ == "__main__":
    main()
