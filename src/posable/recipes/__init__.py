"""Named training runs. Each is a function that returns a Recipe; `RECIPES` is what the command line offers."""

from collections.abc import Callable

from posable.recipes.catn import catn_people, catn_published, catn_small, catn_tiny
from posable.recipes.dptn import dptn_people, dptn_published, dptn_small, dptn_tiny
from posable.recipes.gfla import gfla_people, gfla_published, gfla_small, gfla_tiny
from posable.recipes.nted import nted_people, nted_published, nted_published512, nted_small, nted_tiny
from posable.recipes.pise import pise_people, pise_published, pise_small, pise_tiny
from posable.recipes.rsagan import rsagan_people, rsagan_published, rsagan_small, rsagan_tiny
from posable.recipes.tfjr import tfjr_people, tfjr_published, tfjr_small, tfjr_tiny
from posable.recipes.weave import weave, weave_first, weave_small, weave_tiny
from posable.train.recipe import Recipe

RECIPES: dict[str, Callable[[], Recipe]] = {
    "catn.people": catn_people,
    "catn.published": catn_published,
    "catn.small": catn_small,
    "catn.tiny": catn_tiny,
    "dptn.people": dptn_people,
    "dptn.published": dptn_published,
    "dptn.small": dptn_small,
    "dptn.tiny": dptn_tiny,
    "gfla.people": gfla_people,
    "gfla.published": gfla_published,
    "gfla.small": gfla_small,
    "gfla.tiny": gfla_tiny,
    "nted.people": nted_people,
    "nted.published": nted_published,
    "nted.published512": nted_published512,
    "nted.small": nted_small,
    "nted.tiny": nted_tiny,
    "pise.people": pise_people,
    "pise.published": pise_published,
    "pise.small": pise_small,
    "pise.tiny": pise_tiny,
    "rsagan.people": rsagan_people,
    "rsagan.published": rsagan_published,
    "rsagan.small": rsagan_small,
    "rsagan.tiny": rsagan_tiny,
    "tfjr.people": tfjr_people,
    "tfjr.published": tfjr_published,
    "tfjr.small": tfjr_small,
    "tfjr.tiny": tfjr_tiny,
    "weave": weave,
    "weave.first": weave_first,
    "weave.small": weave_small,
    "weave.tiny": weave_tiny,
}
