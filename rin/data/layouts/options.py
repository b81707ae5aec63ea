"""A reader's own options: what a manifest says under ``options``, checked by the reader."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rin.data.manifest import DatasetManifest
from rin.errors import InputError


class ReaderOptions(BaseModel):
    """Base of the options of one reader: frozen, and names that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Options = TypeVar("Options", bound=ReaderOptions)


def reader_options(model: type[Options], manifest: DatasetManifest) -> Options:
    """Return the manifest's options as the reader's model; raises InputError naming the field."""
    try:
        return model.model_validate(manifest.options)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'options'}: {one['msg']}" for one in error.errors()
        )
        raise InputError(
            f"options that the layout {manifest.layout!r} cannot use ({wrong})",
            where=f"manifest {manifest.name}",
            remedy=f"It knows: {', '.join(model.model_fields) or 'none'}.",
        ) from error
