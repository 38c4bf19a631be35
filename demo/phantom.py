"""Deterministic synthetic CT volumes of the trunk with a known label for each voxel.

A phantom is a body of ellipsoids, tubes, and plates in warped coordinates, with blurring and noise similar to a
reconstructed CT. The size and attenuation of its organs depend on age, sex, and body mass index; an aging study of
phantoms therefore has a known ground truth. The program uses no images of real patients.

Coordinates are in millimeters in RAS+ (x to the right of the patient, y anterior, z superior), and arrays have the axis
order (x, y, z). `numpy.random.RandomState` is used because its stream is fixed: a seed always defines the same phantom.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

STRUCTURES = (
    "spleen",
    "kidney_right",
    "kidney_left",
    "liver",
    "stomach",
    "lung_upper_lobe_left",
    "lung_lower_lobe_left",
    "lung_upper_lobe_right",
    "lung_middle_lobe_right",
    "lung_lower_lobe_right",
    "heart",
    "aorta",
    "vertebrae_L3",
    "vertebrae_L1",
    "hip_left",
    "hip_right",
    "autochthon_left",
    "autochthon_right",
    "iliopsoas_left",
    "iliopsoas_right",
)
LABEL = {name: number for number, name in enumerate(STRUCTURES, start=1)}
SHAPE = (96, 80, 144)
SPACING_MM = 4.0
LOWEST_SLICE_MM = -140.0
BLUR_MM = 2.0
NOISE_HU = 16.0
SIDES = (("left", -1), ("right", 1))

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Person:
    """Properties of a synthetic patient; `seed` determines all other properties of the phantom."""

    seed: int
    age_years: float
    sex: str
    bmi: float
    contrast: bool = True
    has_spleen: bool = True


@dataclass(frozen=True)
class Anatomy:
    """Sizes (relative to an average adult unless a unit is stated) and attenuation (HU) of one patient."""

    body: float
    muscle: float
    fat_mm: float
    liver: float
    spleen: float
    kidney: float
    heart: float
    lung: float
    aorta_radius_mm: float
    hu: dict[str, float]


@dataclass(frozen=True)
class Phantom:
    """A phantom: attenuation (int16, HU), labels (uint8, 0 is background), both (x, y, z), and the affine."""

    hu: NDArray[np.int16]
    labels: NDArray[np.uint8]
    affine: NDArray[np.float64]


def random_person(seed: int, contrast_share: float = 1.0) -> Person:
    """Return an adult of 18 to 95 years; a seed always defines the same patient."""
    random = np.random.RandomState(seed)
    age = float(np.round(random.uniform(18, 95), 1))
    sex = "male" if random.rand() < 0.5 else "female"
    bmi = float(np.round(np.clip(random.normal(26, 3.5), 19, 36), 1))
    return Person(seed, age, sex, bmi, contrast=bool(random.rand() < contrast_share))


def anatomy_of(person: Person, random: np.random.RandomState) -> Anatomy:
    """Return sizes and attenuation of a patient, including the age and sex effects that a study should find.

    With age, the attenuation of muscle and bone decreases, muscle volume decreases, and the aorta widens; the liver
    changes little.
    """
    decades = (person.age_years - 50.0) / 30.0  # -1 at 20 years, +1 at 80 years
    sexes = 1.0 if person.sex == "male" else -1.0
    enhanced = 1.0 if person.contrast else 0.0

    def scatter(sd: float) -> float:
        return float(random.normal(0, sd))

    marrow = 185.0 - 62.0 * decades + 2.0 * sexes + scatter(28)
    return Anatomy(
        body=1.0 + 0.03 * sexes + scatter(0.015),
        muscle=(1.0 + 0.06 * sexes) * (1 - 0.15 * decades) * (1 + scatter(0.03)),
        fat_mm=max(4.0, 7.5 + 2.1 * (person.bmi - 20) - 1.5 * sexes + scatter(2)),
        liver=1 + 0.03 * sexes - 0.02 * decades + 0.006 * (person.bmi - 26) + scatter(0.03),
        spleen=1 + 0.03 * sexes - 0.05 * decades + scatter(0.06),
        kidney=1 + 0.02 * sexes - 0.06 * max(decades, -0.2) + scatter(0.03),
        heart=1 + 0.04 * sexes + 0.03 * decades + scatter(0.03),
        lung=1 + 0.04 * sexes + 0.02 * decades + scatter(0.02),
        aorta_radius_mm=12.6 + 0.5 * sexes + 2.3 * decades + scatter(1.0),
        hu={
            "fat": -102 + scatter(3),
            "muscle": 58 - 11 * decades + 2 * sexes - 0.5 * (person.bmi - 26) + 6 * enhanced + scatter(6),
            "soft": 35 + 12 * enhanced,
            "lung": -845 - 14 * decades + scatter(12),
            "liver": 62 + 48 * enhanced - max(0.0, 1.6 * (person.bmi - 26) + scatter(4)) + scatter(4),
            "spleen": 50 + 74 * enhanced + scatter(4),
            "kidney": 32 + 150 * enhanced + scatter(8),
            "stomach": 18 + scatter(5),
            "heart": 42 + 95 * enhanced + scatter(6),
            "aorta": 42 + 145 * enhanced + scatter(10),
            "cortical": 330 - 45 * decades + scatter(14),
            "marrow": marrow,
            "disc": 75,
            "cord": 34,
            "bowel": 24,
        },
    )


class Canvas:
    """Coordinates of each voxel (mm, with a random warp for each phantom) and the image that is being drawn."""

    def __init__(self, body: float, random: np.random.RandomState) -> None:
        offset = random.normal(0, [5.0, 4.0, 6.0])
        tilt = np.deg2rad(random.normal(0, 1.5))
        x, y, z = (
            ((np.arange(n) - (n - 1) / 2) * SPACING_MM + shift).astype(np.float32)
            for n, shift in zip(SHAPE, (offset[0], offset[1] + 2, 0), strict=True)
        )
        z = (np.arange(SHAPE[2]) * SPACING_MM + LOWEST_SLICE_MM + offset[2]).astype(np.float32)
        x, y, z = x[:, None, None], y[None, :, None], z[None, None, :]
        straight = (
            (np.cos(tilt) * x - np.sin(tilt) * y) / body,
            (np.sin(tilt) * x + np.cos(tilt) * y) / body,
            z / np.float32(body),
        )
        self.x, self.y, self.z = (
            np.ascontiguousarray(axis + _wave(random, straight), dtype=np.float32) for axis in straight
        )
        self.random = random
        self.hu: Floats = np.full(SHAPE, -1000, np.float32)
        self.labels: NDArray[np.uint8] = np.zeros(SHAPE, np.uint8)

    def paint(self, where: Mask, hu: float | Floats, name: str = "") -> None:
        """Set the attenuation and the structure of voxels; without a name, they are background."""
        self.labels[where] = LABEL.get(name, 0)
        self.shade(where, hu)

    def shade(self, where: Mask, hu: float | Floats) -> None:
        """Set only the attenuation of voxels."""
        self.hu[where] = hu[where] if isinstance(hu, np.ndarray) else hu

    def bone(self, where: Mask, hu: dict[str, float], marrow: float, name: str = "") -> None:
        """Paint a bone: marrow within a cortical shell that is one voxel thick."""
        self.paint(where, hu["cortical"], name)
        self.shade(ndimage.binary_erosion(where), marrow)

    def ellipsoid(self, center, radii, power: float = 2.0) -> Floats:
        """Return a distance that is 1 on the surface of an ellipsoid or superellipsoid."""
        axes = zip((self.x, self.y, self.z), center, radii, strict=True)
        total = np.zeros(SHAPE, np.float32)
        for axis, middle, radius in axes:
            away = (axis - np.float32(middle)) / np.float32(radius)
            total += away * away if power == 2.0 else np.abs(away) ** np.float32(power)
        return total

    def outline(self, width: Floats | float, depth: Floats | float) -> Floats:
        """Return a distance that is 1 on a rounded box around the axis of the body."""
        return (np.abs(self.x / width) ** 2.5 + np.abs(self.y / depth) ** 2.5) ** 0.4

    def near(self, center, sd_mm: float = 2.5):
        """Return the center with a random displacement that simulates the variation between patients."""
        return np.asarray(center, float) + self.random.normal(0, sd_mm, 3)


def _wave(random: np.random.RandomState, axes, amplitude_mm: float = 4.0, modes: int = 5) -> Floats:
    shape = np.broadcast_shapes(*(axis.shape for axis in axes))
    wave = np.zeros(shape, np.float32)
    for _ in range(modes):
        slope = random.uniform(-2 * np.pi / 160, 2 * np.pi / 160, 3).astype(np.float32)
        phase = np.float32(random.uniform(0, 2 * np.pi))
        wave += np.sin(slope[0] * axes[0] + slope[1] * axes[1] + slope[2] * axes[2] + phase)
    return wave * np.float32(amplitude_mm / np.sqrt(modes / 2))


@dataclass(frozen=True)
class Trunk:
    """Regions in which the organs are drawn."""

    body: Mask
    wall: Mask
    cavity: Mask
    thorax: Mask
    abdomen: Mask
    inside_skin: Mask
    inner: Floats
    diaphragm: Floats
    spine_y: Floats


def draw_trunk(canvas: Canvas, anatomy: Anatomy) -> Trunk:
    """Draw skin, fat, wall, mediastinum, and bowel, and return the regions that they enclose."""
    x, y, z = canvas.x, canvas.y, canvas.z
    heights = [-160, -90, -20, 60, 120, 200, 300, 360, 420]
    width = np.interp(z, heights, [150, 158, 152, 136, 138, 150, 152, 135, 90]).astype(np.float32)
    depth = np.interp(z, heights, [88, 98, 94, 84, 88, 100, 98, 84, 60]).astype(np.float32)
    fat = np.float32(anatomy.fat_mm)
    thickness = np.float32(14 * anatomy.muscle)
    skin = canvas.outline(width + fat, depth + np.float32(0.8) * fat)
    body = skin < 1
    wall = body & (canvas.outline(width, depth) < 1)
    inner = canvas.outline(width - thickness, depth - thickness)
    cavity = inner < 1
    dome_right = 205 - ((x - 70) / 95) ** 2 * 38 - ((y - 5) / 90) ** 2 * 50
    dome_left = 192 - ((x + 65) / 95) ** 2 * 38 - ((y - 5) / 90) ** 2 * 50
    diaphragm = np.maximum(np.maximum(dome_right, dome_left), 120) - np.float32(100 * (anatomy.lung - 1))
    thorax = cavity & (z > diaphragm)
    abdomen = cavity & ~thorax & (z > -115)
    canvas.shade(body, anatomy.hu["fat"])
    canvas.shade(wall, anatomy.hu["muscle"] - 4)
    canvas.shade(cavity, anatomy.hu["fat"])
    canvas.shade(body & (skin > 0.965), 20)
    canvas.shade(thorax, 25)
    draw_bowel(canvas, abdomen, anatomy.hu["bowel"])
    spine_y = -50 + 10 * np.sin((z - 20) / 360 * 2 * np.pi)
    return Trunk(body, wall, cavity, thorax, abdomen, skin < 0.97, inner, diaphragm, spine_y)


def draw_bowel(canvas: Canvas, abdomen: Mask, hu: float) -> None:
    """Draw unlabeled bowel loops, about a third of them with gas, which complicate the segmentation."""
    for _ in range(14):
        center = canvas.random.uniform([-95, -5, -20], [95, 70, 120])
        loop = canvas.ellipsoid(center, canvas.random.uniform(12, 24, 3))
        canvas.shade(abdomen & (loop < 1), hu)
        if canvas.random.rand() < 0.35:
            canvas.shade(abdomen & (loop < 0.45), -850)


def draw_lungs(canvas: Canvas, anatomy: Anatomy, trunk: Trunk) -> None:
    """Draw five lobes with fissures, a gravity gradient, and vessels."""
    x, y, z = canvas.x, canvas.y, canvas.z
    mediastinum = (np.abs(x + 4) < 26 - 10 * np.clip((z - 300) / 80, 0, 1)) & (y > -75)
    lung = trunk.thorax & (trunk.inner < 0.96) & (z > trunk.diaphragm + 3) & (z < 395) & ~mediastinum
    oblique_left = 288 - 0.95 * (y + 5) + canvas.random.normal(0, 4)
    oblique_right = 286 - 0.95 * (y + 5) + canvas.random.normal(0, 4)
    horizontal = 286 + canvas.random.normal(0, 4)
    left, right = lung & (x < -4), lung & (x >= -4)
    tissue = np.broadcast_to(np.float32(anatomy.hu["lung"]) + 14 * (y / 60), SHAPE)
    canvas.paint(left & (z >= oblique_left), tissue, "lung_upper_lobe_left")
    canvas.paint(left & (z < oblique_left), tissue, "lung_lower_lobe_left")
    canvas.paint(right & (z < oblique_right), tissue, "lung_lower_lobe_right")
    above = right & (z >= oblique_right)
    canvas.paint(above & (z < horizontal), tissue, "lung_middle_lobe_right")
    canvas.paint(above & (z >= horizontal), tissue, "lung_upper_lobe_right")
    fissures = (left & (np.abs(z - oblique_left) < 2.6)) | (right & (np.abs(z - oblique_right) < 2.6))
    canvas.shade(fissures | (above & (np.abs(z - horizontal) < 2)), -690)
    for _, side in SIDES:
        for _ in range(10):
            draw_lung_vessel(canvas, lung, side, anatomy.hu["heart"] - 250)


def draw_lung_vessel(canvas: Canvas, lung: Mask, side: int, hu: float) -> None:
    """Draw one tapering branch that starts at the hilum."""
    way = canvas.random.normal(size=3)
    way /= np.linalg.norm(way)
    way[0] = side * abs(way[0])
    x, y, z = canvas.x[lung] - np.float32(side * 30), canvas.y[lung] + 5, canvas.z[lung] - 265
    along = x * way[0] + y * way[1] + z * way[2]
    radius = 4.5 - 0.03 * along
    squared = (x - along * way[0]) ** 2 + (y - along * way[1]) ** 2 + (z - along * way[2]) ** 2
    vessel = np.zeros(SHAPE, bool)
    vessel[lung] = (along > 0) & (along < 95) & (squared < radius * np.abs(radius))
    canvas.shade(vessel, hu)


def draw_abdomen(canvas: Canvas, anatomy: Anatomy, trunk: Trunk, person: Person) -> None:
    """Draw liver, stomach, spleen (unless removed), kidneys, and an unlabeled bladder."""
    x, z = canvas.x, canvas.z
    center = canvas.near([62, 12, 150])
    lobes = canvas.ellipsoid(center, np.array([78, 72, 66]) * anatomy.liver, 2.3) < 1
    lobes |= canvas.ellipsoid(center + np.array([-62, 24, 14]), np.array([62, 40, 34]) * anatomy.liver) < 1
    below = z < trunk.diaphragm - 2
    liver = lobes & trunk.abdomen & (trunk.inner < 0.97) & below & (x > -62)
    canvas.paint(liver, anatomy.hu["liver"], "liver")
    draw_stomach(canvas, anatomy, trunk)
    spleen = canvas.ellipsoid(canvas.near([-98, -32, 158]), np.array([25, 40, 48]) * anatomy.spleen) < 1
    spleen &= trunk.cavity & (trunk.inner < 0.985) & (z < trunk.diaphragm + 12)
    if person.has_spleen:
        canvas.paint(spleen & (canvas.labels != LABEL["stomach"]), anatomy.hu["spleen"], "spleen")
    for (name, side), height in zip(SIDES, (106, 96), strict=True):
        center = canvas.near([side * 62, -38, height])
        distance = canvas.ellipsoid(center, np.array([28, 27, 54]) * anatomy.kidney)
        sinus = canvas.ellipsoid(center + np.array([-side * 17, 3, 0]), [13, 11, 20]) < 1
        kidney = (distance < 1) & trunk.cavity & ~sinus & (canvas.labels != LABEL["spleen"])
        canvas.paint(kidney, anatomy.hu["kidney"], f"kidney_{name}")
        canvas.shade(kidney & (distance > 0.55), anatomy.hu["kidney"] + (25 if person.contrast else 0))
    radius = 30 + 8 * canvas.random.rand()
    canvas.paint(canvas.ellipsoid(canvas.near([0, 22, -82]), np.array([1.15, 0.95, 0.9]) * radius) < 1, 6)


def draw_stomach(canvas: Canvas, anatomy: Anatomy, trunk: Trunk) -> None:
    """Draw a stomach with wall, fluid, and the anterior gas of a supine patient."""
    center = canvas.near([-52, 28, 146], 4)
    distance = canvas.ellipsoid(center, np.array([40, 32, 48]) * (1 + canvas.random.normal(0, 0.08)))
    stomach = (distance < 1) & trunk.abdomen & (canvas.z < trunk.diaphragm - 3) & (canvas.labels == 0)
    canvas.paint(stomach, anatomy.hu["stomach"], "stomach")
    canvas.shade(stomach & (distance < 0.75) & (canvas.y > center[1] + 12), -880)
    canvas.shade(stomach & (distance > 0.8), anatomy.hu["soft"] + 8)


def draw_heart_and_aorta(canvas: Canvas, anatomy: Anatomy, trunk: Trunk) -> None:
    """Draw the heart, the aorta from its root to the bifurcation, and an unlabeled vena cava."""
    x, y, z = canvas.x, canvas.y, canvas.z
    center = canvas.near([-24, 26, 232])
    long_axis = (x - center[0]) * 0.82 + (z - center[2]) * 0.57
    short_axis = (z - center[2]) * 0.82 - (x - center[0]) * 0.57
    heart = (long_axis / (50 * anatomy.heart)) ** 2 + (short_axis / (58 * anatomy.heart)) ** 2
    heart = heart + ((y - center[1]) / (44 * anatomy.heart)) ** 2 < 1
    heart &= (trunk.inner < 0.97) & (z > trunk.diaphragm - 12)
    heart &= ~np.isin(canvas.labels, [LABEL["liver"], LABEL["stomach"]])
    canvas.paint(heart, anatomy.hu["heart"], "heart")
    radius = np.float32(anatomy.aorta_radius_mm)
    arch = np.array(
        [[2, 14, 262], [10, 22, 292], [6, 14, 318], [-8, -6, 330], [-20, -24, 318], [-22, -32, 290]], float
    ) + canvas.near([0, 0, 0], 2)
    aorta = np.zeros(SHAPE, bool)
    for start, end in pairwise(arch):
        aorta |= distance_to_segment(canvas, start, end) < (1.15 * radius) ** 2
    middle_x = np.where(z > 200, -22, -14 + (z - 200) * 0.04)
    middle_y = np.where(z > 290, -32, trunk.spine_y + 32 + np.clip((200 - z) / 100, 0, 1) * 2)
    taper = radius * np.where(z > 180, 1.05, 0.95 + 0.0006 * (z - 70))
    aorta |= ((x - middle_x) ** 2 + (y - middle_y) ** 2 < taper**2) & (z > 68) & (z < 300)
    canvas.paint(aorta, anatomy.hu["aorta"], "aorta")
    cava = ((x - 22) ** 2 + (y - trunk.spine_y - 30) ** 2 < 121) & (z > 68) & (z < 215)
    canvas.shade(cava & (canvas.labels == 0), anatomy.hu["aorta"] - 60)


def distance_to_segment(canvas: Canvas, start, end) -> Floats:
    """Return the squared distance (mm²) of each voxel from a straight segment of the axis of a tube."""
    way = end - start
    x, y, z = canvas.x - start[0], canvas.y - start[1], canvas.z - start[2]
    along = np.clip((x * way[0] + y * way[1] + z * way[2]) / (way**2).sum(), 0, 1)
    return (x - along * way[0]) ** 2 + (y - along * way[1]) ** 2 + (z - along * way[2]) ** 2


def draw_muscles(canvas: Canvas, anatomy: Anatomy, trunk: Trunk) -> None:
    """Draw the back muscles, the iliopsoas muscles, and unlabeled gluteal muscles on both sides."""
    x, y, z = canvas.x, canvas.y, canvas.z
    girth, hu = anatomy.muscle, anatomy.hu["muscle"]
    for name, side in SIDES:
        back = ((x - side * 31) / (27 * girth)) ** 2 + ((y - trunk.spine_y + 30) / (21 * girth)) ** 2 < 1
        canvas.paint(back & (z > -45) & (z < 340) & trunk.inside_skin, hu, f"autochthon_{name}")
        down = np.clip((175 - z) / 270, 0, 1)  # 0 at L1, 1 at the hip
        middle_x, middle_y = side * (30 + 60 * down), trunk.spine_y + 2 + 55 * down**2
        radius = (11 + 16 * np.sin(np.pi * down**0.8) + 6 * down) * girth
        psoas = (x - middle_x) ** 2 + (y - middle_y) ** 2 < radius**2
        free = (canvas.labels == 0) | (canvas.labels == LABEL[f"autochthon_{name}"])
        canvas.paint(psoas & (z < 170) & (z > -105) & free & trunk.cavity, hu, f"iliopsoas_{name}")
        gluteal = canvas.ellipsoid(canvas.near([side * 72, -74, -62]), np.array([56, 30, 62]) * girth**0.7, 2.4)
        canvas.paint((gluteal < 1) & trunk.inside_skin, hu)


def draw_skeleton(canvas: Canvas, anatomy: Anatomy, trunk: Trunk) -> None:
    """Draw the hip bones and vertebrae L1 and L3, and, without labels, femora, ribs, sacrum, and other vertebrae."""
    x, y, z = canvas.x, canvas.y, canvas.z
    hu, marrow = anatomy.hu, anatomy.hu["marrow"]
    for name, side in SIDES:
        head = np.array([side * 84, -2, -72])
        femur = canvas.ellipsoid(head, [24, 24, 24]) < 1
        neck = np.clip((head[2] - z) / 45, 0, 1)
        femur |= ((x - head[0] - side * 42 * neck) ** 2 + (y + 2 + 2 * neck) ** 2 < 225) & (z < -72) & (z > -118)
        femur |= ((x - side * 126) ** 2 + (y + 4) ** 2 < 289) & (z < -90)
        plate = side * (58 + 0.42 * (z + 40) + 0.32 * (y + 50))
        wing = (np.abs(x - plate) < 9) & (z > -62) & (z < 52)
        wing &= ((y + 8) / 72) ** 2 + ((z + 5) / 62) ** 2 < 1
        cup = (canvas.ellipsoid(head, [37, 37, 37]) < 1) & (canvas.ellipsoid(head, [27, 27, 27]) > 1)
        cup &= side * (x - head[0]) < 14
        pubis = ((y - 34 + (np.abs(x) - 20) * 0.45) ** 2 + (z + 96) ** 2 < 196) & (side * x > 5) & (side * x < 74)
        hip = (wing | cup | pubis) & trunk.wall
        canvas.bone(hip, hu, 0.85 * marrow + 60, f"hip_{name}")
        canvas.bone(femur & trunk.body & ~hip, hu, 0.8 * marrow + 110)
    ribs = trunk.wall & (trunk.inner > 0.985) & (z > 135) & (z < 385)
    canvas.bone(ribs & (np.mod(z + 0.28 * y + 0.10 * np.abs(x), 28) < 10), hu, 180)
    draw_spine(canvas, anatomy, trunk)


def draw_spine(canvas: Canvas, anatomy: Anatomy, trunk: Trunk) -> None:
    """Draw disks, 17 vertebrae, sacrum, and spinal canal; L1 and L3 are labeled."""
    x, y, z = canvas.x, canvas.y, canvas.z
    hu, marrow, spine_y = anatomy.hu, anatomy.hu["marrow"], trunk.spine_y
    canal = (x**2 + (y - spine_y + 25) ** 2 < 72) & (z > -40) & (z < 400)
    canvas.paint(((x / 22) ** 2 + ((y - spine_y) / 17) ** 2 < 1) & (z > -10) & (z < 395), hu["disc"])
    lumbar = ["vertebrae_L5", "vertebrae_L4", "vertebrae_L3", "vertebrae_L2", "vertebrae_L1"]
    heights = [36, 36, 35, 34, 33, 29, 28, 27, 26, 25, 24, 24, 23, 23, 22, 22, 22]
    floor = 4.0
    for level, height in enumerate(heights):
        scale = 1.0 if level < len(lumbar) else 0.85
        slab = slices_between(canvas.z, floor, floor + height)
        vertebra = vertebra_between([axis[slab] for axis in (x, y, z, spine_y)], floor, height, scale)
        whole = np.zeros(SHAPE, bool)
        whole[slab] = vertebra & ~canal[slab] & trunk.body[slab]
        canvas.bone(whole, hu, marrow, lumbar[level] if level < len(lumbar) else "")
        floor += height
    down = np.clip(-z, 0, 120)
    sacrum = (np.abs(x) < 46 - 0.34 * down) & (np.abs(y + 58 + 0.18 * down) < 17 - 0.06 * down)
    canvas.bone(sacrum & (z < 2) & (z > -98) & ~canal, hu, 0.7 * marrow + 30)
    canvas.paint(canal, hu["cord"])


def slices_between(z: Floats, low: float, high: float) -> tuple[slice, slice, slice]:
    """Return the part of the grid in which slices contain voxels between two heights (mm)."""
    inside = np.flatnonzero((z.max(axis=(0, 1)) >= low) & (z.min(axis=(0, 1)) <= high))
    everything = slice(None)
    return (everything, everything, slice(inside[0], inside[-1] + 1) if inside.size else slice(0))


def vertebra_between(grid: list[Floats], floor: float, height: float, scale: float) -> Mask:
    """Return a vertebra with arch and processes above a floor (mm); the grid is x, y, z, and y of the spine (mm)."""
    x, y, z, spine_y = grid
    block = ((x / (24 * scale)) ** 2 + ((y - spine_y) / (18 * scale)) ** 2 < 1) & (z > floor)
    block &= z < floor + height - 7
    arch = ((x / 19) ** 2 + ((y - spine_y + 25) / 15) ** 2 < 1) & (z > floor + 6) & (z < floor + height - 4)
    spinous = (np.abs(x) < 6) & (y < spine_y - 34) & (y > spine_y - 54)
    spinous &= (z > floor + 2) & (z < floor + height - 10)
    transverse = (np.abs(y - spine_y + 20) < 7) & (np.abs(x) < 36 * scale)
    transverse &= np.abs(z - floor - height * 0.5) < 7
    return block | arch | spinous | transverse


def make_phantom(person: Person) -> Phantom:
    """Return the CT of a patient and the label of each voxel; equal patients result in equal bytes."""
    random = np.random.RandomState(person.seed)
    anatomy = anatomy_of(person, random)
    canvas = Canvas(anatomy.body, random)
    trunk = draw_trunk(canvas, anatomy)
    draw_lungs(canvas, anatomy, trunk)
    draw_abdomen(canvas, anatomy, trunk, person)
    draw_heart_and_aorta(canvas, anatomy, trunk)
    draw_muscles(canvas, anatomy, trunk)
    draw_skeleton(canvas, anatomy, trunk)
    canvas.labels[~trunk.body] = 0
    hu = ndimage.gaussian_filter(canvas.hu, BLUR_MM / SPACING_MM)
    noise = ndimage.gaussian_filter(random.standard_normal(SHAPE).astype(np.float32), 0.5)
    hu += noise * np.float32(NOISE_HU / noise.std())
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = [-(SHAPE[0] - 1) / 2 * SPACING_MM, -(SHAPE[1] - 1) / 2 * SPACING_MM, 0]
    return Phantom(np.clip(np.rint(hu), -1024, 3071).astype(np.int16), canvas.labels, affine)
