"""What the settings of every stage have in common: strict models, and one line about a value that does not fit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from segmend.core.errors import InputError


class StageSettings(BaseModel):
    """Base of all stage settings: strict, frozen, no unknown names."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


Form = TypeVar("Form", bound=StageSettings)


def only_for(*methods: str) -> dict[str, Any]:
    """Return the mark of a setting that only some methods of its stage read; see `settings_form.form_fields`."""
    return {"methods": list(methods)}


def validated(form: type[Form], values: dict[str, Any]) -> Form:
    """Check plain values against a settings class, with one line about what does not fit.

    Through JSON, because a list is what TOML and JSON have for a triple.
    """
    try:
        return form.model_validate_json(json.dumps(values))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or form.__name__
        if first["type"] == "extra_forbidden":
            raise InputError(_unknown(form, first["loc"]), details=str(error)) from None
        raise InputError(
            f"setting {shortened(place)} = {shortened(repr(first['input']))} is not allowed: "
            f"{first['msg'].removeprefix('Value error, ')}; correct this setting",
            details=str(error),
        ) from None
    except (TypeError, ValueError) as error:
        raise InputError(f"these settings are not plain values: {error}; correct them") from None


def _unknown(form: type[BaseModel], place: Sequence[int | str]) -> str:
    """Say that there is no such setting, and which there are."""
    for name in place[:-1]:
        inner = form.model_fields[str(name)].annotation if str(name) in form.model_fields else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            form = inner
    known = [name for name in form.model_fields if name != "stage"]
    near = get_close_matches(str(place[-1]), known, 1)
    meant = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
    return f"there is no setting {shortened('.'.join(map(str, place)))}: {meant}"


def shortened(text: str, most: int = 60) -> str:
    """Return text on one line of bounded length, to be quoted in a message."""
    line = " ".join(text[: 4 * most].split())
    return text if text == line and len(text) <= most else f"{line[: most - 3]}..."
