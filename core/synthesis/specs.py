"""What a synthetic sample is to look like."""

from __future__ import annotations

from dataclasses import dataclass

from segmend.core.errors import InputError
from segmend.core.geometry import Zyx, ZyxNm

MAX_VOXELS = 2**28  # about 8 GiB while a sample is made


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSpec:
    """Size, tissue and imaging of a synthetic electron microscopy volume.

    The same spec gives the same sample on every machine and in every process.

    Parameters
    ----------
    shape_zyx : tuple of 3 int
        Voxels.
    voxel_size_nm_zyx : tuple of 3 float
        Isotropic, or with sections thicker than a pixel is wide; z at least y, y equal to x.
    seed : int
        Not negative.
    calibre : float
        Factor on the radii of all neurites; 1 resembles an insect neuropil (most profiles 100 to 400 nm).
    density : float
        0..1, share of the volume that thick and medium neurites may take before thin ones fill the rest.
    tortuosity : float
        Factor on how much neurites wind and how irregular their outlines are.
    branching : float
        Factor on the number of branches and spines.
    membrane_gap : float
        0..1, share of the membrane area that is faint or missing: causes merge errors.
    smudges : float
        Internal membranes per cubic micrometre, and as many synaptic densities: cause split errors.
    membrane_nm : float
        From the middle of the membranes between two neurites to where their stain has faded.
    contrast : float
        Factor on the darkness of membranes.
    noise : float
        Standard deviation of the detector noise, in grey levels of 255.
    blur_nm : float
        Standard deviation of the microscope's point spread in the section plane.
    jitter_nm : float or None
        Standard deviation of the shift of each section; None: 0 for isotropic, one pixel for serial sections.
    brightness_jitter : float or None
        Standard deviation of each section's brightness, in grey levels; None: 2 isotropic, 10 for serial sections.
    missing_sections : tuple of int
        Indices of sections that are blank in the image; the labels go on.
    extracellular_nm : float
        Labels within this distance of a membrane's middle become 0; 0 keeps the truth dense.

    Raises
    ------
    InputError
        If a value is outside its range, or the volume is too large.
    """

    shape_zyx: Zyx = (128, 128, 128)
    voxel_size_nm_zyx: ZyxNm = (10.0, 10.0, 10.0)
    seed: int = 0
    calibre: float = 1.0
    density: float = 0.6
    tortuosity: float = 1.0
    branching: float = 1.0
    membrane_gap: float = 0.03
    smudges: float = 4.0
    membrane_nm: float = 33.0
    contrast: float = 1.0
    noise: float = 5.0
    blur_nm: float = 8.0
    jitter_nm: float | None = None
    brightness_jitter: float | None = None
    missing_sections: tuple[int, ...] = ()
    extracellular_nm: float = 0.0

    def __post_init__(self) -> None:
        _check(
            len(self.shape_zyx) == 3 and min(self.shape_zyx) >= 1,
            "shape_zyx",
            "three sizes of at least 1",
        )
        voxels = self.shape_zyx[0] * self.shape_zyx[1] * self.shape_zyx[2]
        _check(voxels <= MAX_VOXELS, "shape_zyx", f"at most {MAX_VOXELS} voxels")
        z, y, x = self.voxel_size_nm_zyx
        _check(
            2.0 <= x <= 60.0 and y == x, "voxel_size_nm_zyx", "y equal to x, between 2 and 60 nm"
        )
        _check(x <= z <= 100.0, "voxel_size_nm_zyx", "z between x and 100 nm")
        _check(self.seed >= 0, "seed", "a whole number of at least 0")
        _check(0.3 <= self.calibre <= 4.0, "calibre", "0.3 to 4")
        for name in ("density", "membrane_gap"):
            _check(0.0 <= getattr(self, name) <= 1.0, name, "0 to 1")
        for name in ("tortuosity", "branching", "contrast"):
            _check(0.0 <= getattr(self, name) <= 4.0, name, "0 to 4")
        for name in ("smudges", "noise", "blur_nm", "extracellular_nm"):
            _check(0.0 <= getattr(self, name) <= 1000.0, name, "0 to 1000")
        _check(5.0 <= self.membrane_nm <= 100.0, "membrane_nm", "5 to 100")
        for name in ("jitter_nm", "brightness_jitter"):
            value = getattr(self, name)
            _check(value is None or 0.0 <= value <= 100.0, name, "0 to 100, or None")
        inside = all(0 <= section < self.shape_zyx[0] for section in self.missing_sections)
        _check(inside, "missing_sections", "indices inside the volume")

    @property
    def anisotropic(self) -> bool:
        """Whether sections are at least 1.5 times as thick as a pixel is wide."""
        return self.voxel_size_nm_zyx[0] >= 1.5 * self.voxel_size_nm_zyx[2]


def _check(right: bool, name: str, expected: str) -> None:
    if not right:
        raise InputError(
            f"{name} of the sample is not usable: expected {expected}; change the sample's spec"
        )


DEMO_SPEC = SampleSpec(
    shape_zyx=(80, 240, 240),
    voxel_size_nm_zyx=(10.0, 10.0, 10.0),
    seed=1,
    # Harder than the tissue that the default resembles: a proofreader shall find something to do.
    membrane_gap=0.05,
    smudges=12.0,
    noise=7.0,
)
"""The sample behind ``segmend demo`` and the plugin's sample data.

With a better network, raise `membrane_gap` for more merge errors and `smudges` for more split errors.
"""

SERIAL_SECTION_SPEC = SampleSpec(
    shape_zyx=(24, 256, 256),
    voxel_size_nm_zyx=(30.0, 6.0, 6.0),
    seed=7,
    calibre=1.3,
    membrane_nm=22.0,
    noise=14.0,
    blur_nm=4.0,
)
"""Serial sections of 30 nm, as a transmission or multi-beam microscope gives them."""
