"""Edits as frozen values. An edit names supervoxels and a place for each, never only segments.

An edit says what a person wants. `resolve` (in `resolving`) turns it into a `Resolved` edit that holds every
choice the program made on the way (the sides of a cut, the names of new segments and files), so that
replaying a journal never has to choose again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from segmend.core.errors import InputError
from segmend.core.geometry import ZyxNm

VERDICTS = ("accept", "reject", "unsure")


@dataclass(frozen=True, slots=True)
class Spot:
    """A supervoxel and a place in it.

    Parameters
    ----------
    supervoxel : int
        Dense id, at least 1.
    place_nm : tuple of 3 float
        z, y, x.
    """

    supervoxel: int
    place_nm: ZyxNm

    def __post_init__(self) -> None:
        if self.supervoxel < 1:
            raise InputError(
                f"there is no segment at {_readable(self.place_nm)} nm: background cannot be edited; "
                "choose a place inside a segment"
            )


@dataclass(frozen=True, slots=True)
class Merge:
    """Join the segments of two or more spots into one; the largest keeps its id.

    Parameters
    ----------
    spots : tuple of Spot
    """

    spots: tuple[Spot, ...]

    def __post_init__(self) -> None:
        if len(self.spots) < 2:
            raise InputError("a merge needs at least two places: give --at Z Y X twice or more")

    @property
    def place_nm(self) -> ZyxNm:
        """The middle of the spots."""
        return _middle(self.spots)


@dataclass(frozen=True, slots=True)
class Split:
    """Cut one segment in two between seeds; the larger side keeps its id.

    Parameters
    ----------
    first, second : tuple of Spot
        Seeds of the two sides.
    """

    first: tuple[Spot, ...]
    second: tuple[Spot, ...]

    def __post_init__(self) -> None:
        if not self.first or not self.second:
            raise InputError("a split needs seeds on two sides: give --side Z Y X twice")

    @property
    def place_nm(self) -> ZyxNm:
        """The middle between the sides."""
        return _middle((self.first[0], self.second[0]))


@dataclass(frozen=True, slots=True)
class DivideSupervoxel:
    """Replace one supervoxel by its two parts on the sides of a plane.

    Parameters
    ----------
    spot : Spot
        The supervoxel; the plane passes through the place.
    normal_zyx : tuple of 3 float
        Normal of the plane, in nm space; any length but zero.
    """

    spot: Spot
    normal_zyx: ZyxNm

    def __post_init__(self) -> None:
        if not any(self.normal_zyx):
            raise InputError("the plane of a division needs a normal that is not zero")

    @property
    def place_nm(self) -> ZyxNm:
        """Where the plane passes."""
        return self.spot.place_nm


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision on a candidate that changes no segment.

    Parameters
    ----------
    candidate : str
    verdict : str
        "reject" or "unsure"; an accepted candidate is the edit itself.
    place_nm : tuple of 3 float
    """

    candidate: str
    verdict: str
    place_nm: ZyxNm

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise InputError(
                f"verdict {self.verdict!r} is unknown: expected one of {', '.join(VERDICTS)}"
            )


Edit = Merge | Split | DivideSupervoxel | Verdict


@dataclass(frozen=True, slots=True)
class Resolved:
    """An edit together with every choice that carrying it out needed.

    Parameters
    ----------
    edit : Edit
    sides : tuple of tuples of int
        Supervoxels that leave the segment, one tuple per new segment.
    new_segments : tuple of int
        Dense ids for these.
    children : tuple of int
        New supervoxel ids of a division.
    chunks : tuple of (level, z, y, x, file)
    tables : str
        Overlay file with the region graph of a division.
    """

    edit: Edit
    sides: tuple[tuple[int, ...], ...] = ()
    new_segments: tuple[int, ...] = ()
    children: tuple[int, ...] = ()
    chunks: tuple[tuple[int, int, int, int, str], ...] = field(default=())
    tables: str = ""


def _middle(spots: tuple[Spot, ...]) -> ZyxNm:
    z, y, x = (sum(axis) / len(spots) for axis in zip(*(s.place_nm for s in spots), strict=True))
    return z, y, x


def _readable(place_nm: ZyxNm) -> str:
    return " ".join(f"{value:g}" for value in place_nm)
