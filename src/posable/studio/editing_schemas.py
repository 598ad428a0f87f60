"""The JSON of requests and responses of garments, textures, parsing and explaining."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from posable.studio.pictures import PictureFormat
from posable.studio.schemas import Background, Format, GivenPose, MaxSide, ModelName, Retarget
from posable.transfer.regions import REGIONS
from posable.transfer.texture import LARGEST_SCALE, LEAST_SCALE

Region = Annotated[
    str,
    Field(description="What to change.", max_length=40, json_schema_extra={"enum": list(REGIONS)}, examples=["upper"]),
]
# Ranges are described here and checked by the library, whose sentence is the same everywhere.
Strength = Annotated[
    float, Field(description="0 changes nothing, 1 is all of it.", json_schema_extra={"minimum": 0, "maximum": 1})
]
Scale = Annotated[
    float,
    Field(
        description="Size of the pattern; at 1 a picture is as wide as 0.8 trunks.",
        json_schema_extra={"minimum": LEAST_SCALE, "maximum": LARGEST_SCALE},
    ),
]
PatternName = Annotated[
    str | None,
    Field(
        description="In place of a picture: one of `patterns` or `dtd_classes` of /v1/models.",
        max_length=40,
        examples=["plaid"],
    ),
]
Seed = Annotated[
    int, Field(description="Chooses the colours of a named pattern.", json_schema_extra={"minimum": 0}, lt=2**63)
]


class ShowAs(str, Enum):
    """As JSON with the pictures inside, or as one PNG."""

    json = "json"
    png = "png"


ShownAs = Annotated[ShowAs, Field(description="json holds pictures as data URLs; png is the picture alone.")]
OptionalPose = Annotated[GivenPose | None, Field(description="To draw the person in; else as photographed.")]


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid")
    retarget: Retarget = True
    max_side: MaxSide = None
    model: ModelName = None


class _DrawnEdit(_Edit):
    pose: OptionalPose = None
    region: Region = "upper"
    strength: Strength = 1.0
    background: Background = None
    format: Format = PictureFormat.png


class GarmentBody(_DrawnEdit):
    reference: str = Field(
        description="The id of the source whose garment is taken.", max_length=100, examples=["Pni6srFs7N9DCxjI"]
    )

    mask: str | None = Field(
        None,
        description="In place of a region: white on black, of the reference's size, as a data URL.",
        max_length=8_000_000,
    )


class ParseBody(_Edit):
    pose: OptionalPose = None
    format: ShownAs = ShowAs.json


class ExplainBody(_Edit):
    pose: GivenPose
    format: ShownAs = ShowAs.json


class LabelResponse(BaseModel):
    value: int = Field(description="The pixels' value in the picture.")
    name: str
    color: Annotated[list[int], Field(min_length=3, max_length=3, description="[red, green, blue]")]
    pixels: int
    share: float = Field(description="Of the picture, 0 to 1.")


class ParsingResponse(BaseModel):
    picture: str = Field(description="An indexed PNG with a palette, as a data URL.")
    scheme: str = Field(examples=["lip-20"])
    labels: list[LabelResponse]


class ExplainedPicture(BaseModel):
    name: str
    picture: str = Field(description="A JPEG as a data URL.")


class ExplainResponse(BaseModel):
    pictures: list[ExplainedPicture]


PARSING_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ParsingResponse,
        "description": "The parsing map.",
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    }
}
EXPLAIN_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ExplainResponse,
        "description": "The pictures, or one sheet of them.",
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    }
}
