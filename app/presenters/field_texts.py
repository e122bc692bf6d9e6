"""Values of settings as the text of a field, and back; what is wrong with a text. No Qt, no napari."""

from __future__ import annotations

import re
from typing import Any

from segmend.core.errors import InputError
from segmend.core.pipeline.settings import PipelineSettings
from segmend.core.pipeline.settings_form import FormField, numbers_from_text, numbers_text

YES, NO = "yes", "no"
_REASON = re.compile(r"is not allowed: (.*); correct")


def text_of(field: FormField, value: Any) -> str:
    """Return a value as its field shows it."""
    if field.kind == "switch":
        return YES if value else NO
    if field.kind == "numbers":
        return numbers_text(value)
    if field.kind == "number":
        return f"{float(value):.10g}"
    return "" if value is None else str(value)


def parsed(field: FormField, text: str) -> Any:
    """Return the value of a text; raises `ValueError` or `InputError` where it is none."""
    words = text.strip()
    if field.kind == "switch":
        return words == YES
    if field.kind == "numbers":
        return numbers_from_text(words)
    if field.kind in ("number", "integer"):
        return float(words) if field.kind == "number" else int(words)
    return None if field.default is None and not words else words


def wrong(stage: str, field: FormField, text: str) -> str:
    """Say why a text cannot be taken; empty where it can."""
    try:
        value = parsed(field, text)
    except (ValueError, InputError):
        what = {"number": "a number", "integer": "a whole number"}.get(field.kind, "numbers")
        limits = hint(field)
        return f"Expected {what}, {limits}." if limits else f"Expected {what}."
    if _out_of_range(field, value):
        return f"Out of range: expected {hint(field)}."
    try:
        PipelineSettings.from_values({stage: {field.name: value}})
    except InputError as error:
        return _reason(field, str(error))
    return ""


def _reason(field: FormField, message: str) -> str:
    """Return what a refusal says about the value itself."""
    found = _REASON.search(message)
    reason = (found.group(1) if found else message).replace("Input should be", "Expected")
    if field.kind == "numbers" and ("required" in reason or "at most" in reason):
        return f"Expected {len(field.default)} numbers."
    if "valid array" in reason or "valid tuple" in reason:
        return "Expected groups of numbers, each with a semicolon after it: -1 0 0; 0 -1 0;"
    return f"{reason}."


def _out_of_range(field: FormField, value: Any) -> bool:
    if field.kind not in ("number", "integer", "numbers"):
        return False
    low, high = field.minimum, field.maximum
    rows = value if isinstance(value, tuple) else (value,)
    flat = [n for row in rows for n in (row if isinstance(row, tuple) else (row,))]
    return any((low is not None and n < low) or (high is not None and n > high) for n in flat)


def hint(field: FormField) -> str:
    """Say what may be typed: "0 to 1"."""
    low, high = field.minimum, field.maximum
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"{low:g} or more" if low is not None else ""


def empty(field: FormField) -> str:
    """Say what an empty field means, as its description does after "empty:"."""
    return field.description.partition("empty:")[2].strip()
