"""YAML as far as settings need it: plain values by the core schema of YAML 1.2, and nothing that grows or surprises.

Anchors and aliases are refused, because a few bytes of them stand for gigabytes; so are tags, names given twice and
deep nesting. ``yes`` and ``no`` are words, ``1e-4`` is a number and ``010`` is ten, as in TOML and JSON.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from segmend.core.errors import InputError
from segmend.core.pipeline.settings_base import shortened

_DEEPEST = 16

_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_INT = re.compile(r"^[-+]?[0-9]+$")
_FLOAT = re.compile(
    r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_ANY = [*"-+.0123456789~ntfNTF", ""]


class _PlainLoader(yaml.SafeLoader):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        strange = next((name for name in names if not isinstance(name, str)), None)
        if strange is not None:
            raise yaml.YAMLError(f"{shortened(repr(strange))} is not a name")
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise yaml.YAMLError(f"{shortened(name)} is given twice")
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


for _tag, _pattern in (("null", _NULL), ("bool", _BOOL), ("int", _INT), ("float", _FLOAT)):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, _ANY)
_PlainLoader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))


def read_yaml(text: str) -> Any:
    """Return the plain values of one YAML document.

    Parameters
    ----------
    text : str
        Of bounded length: the caller has looked.

    Raises
    ------
    InputError
        If the text is no YAML, or uses what is refused here.
    """
    try:
        _look_over(text)
        return yaml.load(text, Loader=_PlainLoader)
    except (yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split())
        raise InputError(
            f"it is not the YAML that settings are made of: {shortened(said, 300)}"
        ) from None


def _look_over(text: str) -> None:
    """Refuse before anything is built: the parser goes through events without recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.YAMLError("anchors and aliases are not taken; write the values out")
        if getattr(event, "tag", None):
            raise yaml.YAMLError(
                f"the tag {shortened(event.tag)} is not taken; write a plain value"
            )
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise yaml.YAMLError(f"more than {_DEEPEST} levels")
