"""Draw the demo cohort: 40 synthetic patients with the typical problems of a real cohort.

    python demo/make_cohort.py

The program writes `demo/registry.csv`, the CT volumes in `demo/images/`, and `demo/images/truth.csv` with the true
volume and attenuation of each structure. The registry is also part of the repository; each run writes the same bytes.
The cohort includes patients of unknown age, incomplete scans, scans without contrast agent, an unreadable file, a
patient without a spleen, and a scan that ends in the pelvis. Images have the orientation LAS, as most DICOM converters
write them. Images that the same version of the program drew are not drawn again.
"""

import argparse
import hashlib
import sys
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from phantom import LABEL, SPACING_MM, Person, Phantom, make_phantom, random_person

HERE = Path(__file__).parent
PATIENTS = 40
FIRST_SEED = 5000
AGE_RANGE = (18.0, 95.0)
AGE_UNKNOWN = (3, 17)
INCOMPLETE = (8, 17)  # scan 17 fails two criteria; the flow counts it once
NO_CONTRAST = (12, 29)
UNREADABLE = 21
NO_SPLEEN = 25
ENDS_IN_PELVIS = 33
KEPT_FROM_SLICE = 40  # the first slice of the scan that ends in the pelvis


@dataclass(frozen=True)
class Member:
    """A row of the registry and its patient."""

    number: int
    person: Person

    @property
    def scan_id(self) -> str:
        return f"demo-{self.number:03d}"


def members() -> list[Member]:
    """Return the cohort, with ages that are evenly spaced over the adult lifespan and random sexes."""
    random = np.random.RandomState(FIRST_SEED)
    low, high = AGE_RANGE
    ages = np.round(random.permutation(np.linspace(low, high, PATIENTS)), 1)
    found = []
    for number, age in enumerate(ages, start=1):
        person = replace(
            random_person(FIRST_SEED + number),
            age_years=float(age),
            contrast=number not in NO_CONTRAST,
            has_spleen=number != NO_SPLEEN,
        )
        found.append(Member(number, person))
    return found


def registry(cohort: list[Member]) -> pd.DataFrame:
    """Return the registry in a form that a hospital could provide."""
    return pd.DataFrame(
        {
            "scan_id": [member.scan_id for member in cohort],
            "patient_id": [f"patient-{member.number:03d}" for member in cohort],
            "age_years": [None if member.number in AGE_UNKNOWN else member.person.age_years for member in cohort],
            "sex": [member.person.sex for member in cohort],
            "ct_path": [f"images/{member.scan_id}.nii.gz" for member in cohort],
            "complete": ["false" if member.number in INCOMPLETE else "true" for member in cohort],
            "contrast": ["true" if member.person.contrast else "false" for member in cohort],
            "bmi": [member.person.bmi for member in cohort],
        }
    )


def truth(member: Member, phantom: Phantom) -> list[dict[str, object]]:
    """Return the true volume (mL) and mean attenuation (HU) of each structure of the complete phantom."""
    rows = []
    for name, label in LABEL.items():
        inside = phantom.labels == label
        volume = float(inside.sum()) * SPACING_MM**3 / 1000
        hu = round(float(phantom.hu[inside].mean()), 3) if inside.any() else None
        rows.append({"scan_id": member.scan_id, "structure": name, "volume_ml": round(volume, 3), "hu_mean": hu})
    return rows


def scanned(member: Member, phantom: Phantom) -> nib.Nifti1Image:
    """Return the CT image: truncated where the scan ends early, and with the orientation LAS."""
    first = KEPT_FROM_SLICE if member.number == ENDS_IN_PELVIS else 0
    last = phantom.hu.shape[2] * (6 if member.number in INCOMPLETE else 10) // 10
    hu = phantom.hu[:, :, first:last]
    affine = phantom.affine.copy()
    affine[2, 3] += first * SPACING_MM
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    flip[0, 3] = hu.shape[0] - 1
    image = nib.Nifti1Image(np.ascontiguousarray(hu[::-1]), affine @ flip)
    image.set_sform(image.affine, code=1)
    image.set_qform(image.affine, code=1)
    return image


def draw(task: tuple[Member, Path]) -> list[dict[str, object]]:
    """Draw one patient, write the image, and return the ground truth."""
    member, folder = task
    phantom = make_phantom(member.person)
    path = folder / f"{member.scan_id}.nii.gz"
    part = folder / f".{member.scan_id}.nii.gz"
    nib.save(scanned(member, phantom), part)
    if member.number == UNREADABLE:
        content = part.read_bytes()
        part.write_bytes(content[: len(content) // 2])
    part.replace(path)
    return truth(member, phantom)


def recipe() -> str:
    """Return a checksum of the programs that draw the images."""
    sources = [HERE / "phantom.py", Path(__file__)]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, default=HERE, help="folder for registry.csv and images/ (default: demo/)"
    )
    parser.add_argument(
        "--first", type=int, default=PATIENTS, help="number of patients to draw, for tests (default: %(default)s)"
    )
    options = parser.parse_args()
    images = options.folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    cohort = members()[: options.first]
    drawn = images / "drawn.txt"
    state = f"{recipe()} {len(cohort)}\n"
    if drawn.is_file() and drawn.read_text() == state:
        sys.stderr.write(f"the images of {len(cohort)} patients already exist in {images}\n")
        return
    rows = []
    with get_context("spawn").Pool() as pool:
        for done, truths in enumerate(pool.imap(draw, [(member, images) for member in cohort]), start=1):
            rows += truths
            sys.stderr.write(f"\r{done}/{len(cohort)} synthetic patients drawn")
    sys.stderr.write("\n")
    registry(cohort).to_csv(options.folder / "registry.csv", index=False, lineterminator="\n")
    pd.DataFrame(rows).to_csv(images / "truth.csv", index=False, lineterminator="\n")
    drawn.write_text(state)


if __name__ == "__main__":
    main()
