"""Settings as a form: one field per setting, made from the settings class itself.

Whoever shows the settings of a stage, own or third party's, needs no list of its own: name, kind, limits, default and
what the setting means are those of the model that will check the values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from segmend.core.errors import InputError
from segmend.core.pipeline.settings import StageSettings

Kind = Literal["choice", "number", "integer", "text", "switch", "numbers"]


@dataclass(frozen=True)
class FormField:
    """One setting as a form shows it.

    Parameters
    ----------
    name, title : str
        As the settings class calls it, and as people read it.
    kind : {"choice", "number", "integer", "text", "switch", "numbers"}
        ``numbers``: several in a row, see `numbers_text`.
    default : object
        What the settings class takes where nothing is given.
    choices : tuple of str
        Of a choice.
    minimum, maximum : float, optional
        Of each number. Where a number must be larger than 0.0, the minimum is 0.0.
    description : str
    methods : tuple of str
        Values of the setting ``method`` that read this one; empty: all.
    """

    name: str
    title: str
    kind: Kind
    default: Any
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    description: str = ""
    methods: tuple[str, ...] = ()

    def applies_to(self, method: str) -> bool:
        """Whether a method reads this setting."""
        return not self.methods or method in self.methods


def form_fields(form: type[StageSettings]) -> tuple[FormField, ...]:
    """Describe every setting of a stage in the order of the class, the ``stage`` tag left out.

    Parameters
    ----------
    form : type of StageSettings
        Of one stage; fields are marked with `segmend.core.pipeline.settings.only_for`.
    """
    return tuple(
        _described(name, field) for name, field in form.model_fields.items() if name != "stage"
    )


def numbers_text(value: Sequence[Any]) -> str:
    """Return numbers as a line of text: ``80 128 128``, and a list of places as ``-1 0 0; 0 -1 0;``."""
    if any(isinstance(item, (tuple, list)) for item in value):
        return " ".join(" ".join(map(str, item)) + ";" for item in value)
    return " ".join(map(str, value))


def numbers_from_text(text: str) -> tuple[Any, ...]:
    """Read what `numbers_text` writes; commas may stand between numbers.

    Raises
    ------
    InputError
        If something is not a number.
    """
    parts = text.replace(",", " ").split(";")
    try:
        rows = [tuple(map(_number, part.split())) for part in parts]
    except ValueError:
        raise InputError(
            f"{text!r} is not a row of numbers: expected numbers with blanks between them"
        ) from None
    return tuple(row for row in rows if row) if len(rows) > 1 else rows[0]


def _number(word: str) -> int | float:
    try:
        return int(word)
    except ValueError:
        return float(word)


def _described(name: str, field: FieldInfo) -> FormField:
    kind, choices, limits = _kind(field.annotation, field.metadata)
    extra = field.json_schema_extra
    methods = extra.get("methods", ()) if isinstance(extra, dict) else ()
    return FormField(
        name,
        field.title or _title(name),
        kind,
        field.get_default(call_default_factory=True),
        choices,
        *_range(limits),
        field.description or "",
        tuple(str(method) for method in (methods if isinstance(methods, (list, tuple)) else ())),
    )


def _kind(annotation: Any, metadata: Iterable[Any]) -> tuple[Kind, tuple[str, ...], list[Any]]:
    """Return the kind of a type, its choices and the limits that stand in it or beside it."""
    limits = list(metadata)
    while hasattr(annotation, "__metadata__"):
        limits += annotation.__metadata__
        annotation = annotation.__origin__
    if get_origin(annotation) is Literal:
        return "choice", tuple(map(str, get_args(annotation))), limits
    if get_origin(annotation) is tuple:
        inner = get_args(annotation)[0]
        return "numbers", (), limits + _kind(inner, ())[2]
    kinds: dict[Any, Kind] = {bool: "switch", int: "integer", float: "number"}
    return kinds.get(annotation, "text"), (), limits


def _range(limits: Iterable[Any]) -> tuple[float | None, float | None]:
    low: float | None = None
    high: float | None = None
    flat = [part for limit in limits for part in getattr(limit, "metadata", None) or [limit]]
    for limit in flat:
        if isinstance(limit, annotated_types.Ge):
            low = limit.ge  # type: ignore[assignment]
        elif isinstance(limit, annotated_types.Gt):
            low = limit.gt + 1 if isinstance(limit.gt, int) else limit.gt  # type: ignore[assignment]
        elif isinstance(limit, annotated_types.Le):
            high = limit.le  # type: ignore[assignment]
        elif isinstance(limit, annotated_types.Lt):
            high = limit.lt - 1 if isinstance(limit.lt, int) else limit.lt  # type: ignore[assignment]
    return low, high


def _title(name: str) -> str:
    words = name.removesuffix("_zyx").removesuffix("_nm").replace("_", " ").capitalize()
    if name.endswith("_zyx"):
        return f"{words} (z y x)"
    return f"{words} (nm)" if name.endswith("_nm") else words
