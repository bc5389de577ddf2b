"""The base class of the sections of the settings."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of settings; the string below a field is its documentation."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )
