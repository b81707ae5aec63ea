"""Model cards in the RSNA ATLAS schema of November 2025, as models that check what they hold.

The field names and their order are the schema's (github.com/RSNA/ATLAS, `model.json`); what may
stand in a field is checked here as far as this project fills it.  The words of a card come from
`rin.report.model_card`.

Dumps were validated with `jsonschema` against the schema's fields, types, patterns and the
enumerated values in use; a test does so again with a copy of the schema, where one is at hand.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    UrlConstraints,
)

SCHEMA = "https://atlas.rsna.org/schemas/2025-11/model.json"


def _different(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError(f"values repeat: {', '.join(values)}")
    return values


_Set = (Field(min_length=1), AfterValidator(_different))
Text = Annotated[str, Field(min_length=1)]
Words = Annotated[tuple[Annotated[str, Field(min_length=2, max_length=64)], ...], *_Set]
Purposes = Annotated[tuple[Annotated[str, Field(min_length=4, max_length=64)], ...], *_Set]
Link = Annotated[AnyHttpUrl, UrlConstraints(max_length=256), PlainSerializer(str)]
#: RSNA content codes that these cards use.
Content = Literal["BR", "CH", "CT", "GI", "GU", "HN", "IN", "MK", "MR", "NR", "US"]
Modality = Literal[
    "Computed tomography (RID10321)",
    "Magnetic resonance imaging (RID10312)",
    "Projection radiography (RID10345)",
    "Ultrasound (RID10326)",
]
Metric = Literal["accuracy", "balanced accuracy", "top-5 accuracy"]


class _Part(BaseModel):
    """A part of a card; it knows its fields by the schema's names and takes no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Person(_Part):
    """An author."""

    name: Text = Field(alias="Name")


class Dates(_Part):
    """When the model was made, and when its card was last written."""

    created: date = Field(alias="Created")
    updated: date = Field(alias="Updated")


class License(_Part):
    """Terms of use."""

    text: Text = Field(alias="Text")
    url: Link | None = Field(None, alias="URL")


class Reference(_Part):
    """A publication that the model rests on."""

    authors: Text = Field(alias="Authors")
    title: Text = Field(alias="Title")
    source: Text = Field(alias="Source")
    date: int = Field(alias="Date")
    doi: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+/.+$")] = Field(alias="DOI")


class Descriptors(_Part):
    """Who made the model, when, and on what terms."""

    authors: tuple[Person, ...] = Field(alias="Authors")
    comments: Text = Field(alias="Comments")
    date: Dates = Field(alias="Date")
    ethical_review: Text = Field(alias="Ethical review")
    funding: Text | None = Field(None, alias="Funding")
    license: License = Field(alias="License")
    references: tuple[Reference, ...] = Field(alias="References")
    version: Text = Field(alias="Version")


class Indexing(_Part):
    """What the model is found by."""

    content: Annotated[tuple[Content, ...], *_Set] = Field(alias="Content")
    keywords: Words = Field(alias="Keywords")


class Imaging(_Part):
    """The images that the model was trained on."""

    modalities: Annotated[tuple[Modality, ...], *_Set] | None = Field(None, alias="Modalities")
    resolution: Text = Field(alias="Resolution")
    comments: Text = Field(alias="Comments")


class Output(_Part):
    """What comes out of the model."""

    description: Text = Field(alias="Description")


class Regulatory(_Part):
    """Standing with the authorities."""

    comment: Text = Field(alias="Comment")


class Scope(_Part):
    """What, or whom, the model is for, and what not."""

    intended: Purposes = Field(alias="Intended")
    out_of_scope: Purposes = Field(alias="Out-of-scope")
    excluded: Purposes = Field(alias="Excluded")


class Properties(_Part):
    """How the model is built and to be used."""

    architecture: Text = Field(alias="Architecture")
    availability: Text = Field(alias="Availability")
    clinical_benefit: Text = Field(alias="Clinical benefit")
    degree_of_automation: Text = Field(alias="Degree of automation")
    indications: Text = Field(alias="Indications for use")
    input: Text = Field(alias="Input")
    instructions: Text = Field(alias="Instructions")
    limitations: Text = Field(alias="Limitations")
    output: Output = Field(alias="Output")
    recommendation: Text = Field(alias="Recommendation")
    regulatory: Regulatory = Field(alias="Regulatory information")
    reproducibility: Text = Field(alias="Reproducibility")
    sustainability: Text = Field(alias="Sustainability")
    use: Scope = Field(alias="Use")
    user: Scope = Field(alias="User")


class Performance(_Part):
    """Test scores."""

    metrics: Annotated[tuple[Metric, ...], *_Set] = Field(alias="Metrics")
    comments: Text = Field(alias="Comments")


class Model(_Part):
    """The model that a card describes."""

    name: Annotated[str, Field(min_length=4, max_length=256)] = Field(alias="Name")
    link: Link = Field(alias="Link")
    indexing: Indexing = Field(alias="Indexing")
    descriptors: Descriptors = Field(alias="Descriptors")
    properties: Properties = Field(alias="Model properties")
    imaging: Imaging = Field(alias="Imaging")
    performance: Performance = Field(alias="Model performance")


class ModelCard(_Part):
    """A whole card."""

    version: Literal["https://atlas.rsna.org/schemas/2025-11/model.json"] = Field(
        SCHEMA, alias="$schema"
    )
    model: Model = Field(alias="Model")

    def document(self) -> dict[str, Any]:
        """Return the card as a document of the schema; fields without content are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
