"""What is in the images: label maps, measures and histograms, not yet judged."""

from ctpop.contracts.columns import count, number, text
from ctpop.contracts.keys import FACES, MEASURE_STATUS, SCAN, SEGMENT_STATUS, STRUCTURE
from ctpop.contracts.tables import Table

NO_VALUE = "no voxel, or no CT"
# SOURCE: vacuum and air are at -1000 HU, and scales of 12 bits end at -1024 and 3071; noise and rounding add to both
LOWEST_MEAN_HU, HIGHEST_MEAN_HU = -1100.0, 3100.0
NO_CONTRALATERAL = "not paired, one of the two has no voxel, or not measured"
AXES = {"x": "x (RAS+: to the right)", "y": "y (anterior)", "z": "z (superior)"}

SEGMENTS = Table(
    "segments",
    ("scan_id",),
    "one row per scan of the cohort: is there a label map, and why not",
    {
        "scan_id": SCAN,
        "status": text("outcome", among=SEGMENT_STATUS),
        "mask_path": text("label map, relative to the study's folder", missing="there is none"),
        "mask_sha256": text("SHA-256 of the label map", pattern="[0-9a-f]{64}", missing="there is none"),
        "model": text("model that made it, with the first digits of its SHA-256", missing="not made here"),
        "detail": text("explanation for people", missing="nothing to explain"),
    },
)
MEASURES_TABLE = Table(
    "measures",
    ("scan_id", "structure"),
    "one row per scan of the cohort and structure: what is there, not yet judged",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "status": text("measured, or why not", among=MEASURE_STATUS),
        "detail": text("why there is no value, for people", missing="nothing to explain"),
        "n_voxels": count("voxels carrying the label; 0 is a measured absence", missing="not measured"),
        "volume_ml": number("voxels times |det(affine)|", "ml", low=0, missing="not measured"),
        "hu_mean": number(
            "mean attenuation",
            "HU",
            low=LOWEST_MEAN_HU,
            high=HIGHEST_MEAN_HU,
            missing=f"{NO_VALUE}, or the mean of the voxels is outside this range",
        ),
        "hu_sd": number("standard deviation of the voxels (divided by n)", "HU", low=0, missing=NO_VALUE),
        "hu_p05": number("5th percentile, linear interpolation", "HU", missing=NO_VALUE),
        "hu_p25": number("25th percentile", "HU", missing=NO_VALUE),
        "hu_p50": number("median", "HU", missing=NO_VALUE),
        "hu_p75": number("75th percentile", "HU", missing=NO_VALUE),
        "hu_p95": number("95th percentile", "HU", missing=NO_VALUE),
        "hu_min": number("lowest value", "HU", missing=NO_VALUE),
        "hu_max": number("highest value", "HU", missing=NO_VALUE),
        "border_voxels": count("voxels in the outermost layers of the image", missing="not measured"),
        "faces": text(
            f"faces of the image that the structure reaches, separated by spaces: {', '.join(FACES)}",
            missing="none, or not measured",
        ),
        **{
            f"centroid_{axis}_mm": number(f"centre of mass, world {way}", "mm", missing="no voxel")
            for axis, way in AXES.items()
        },
        "hu_clipped": count(
            "voxels outside -32768 to 32767 HU, which count as the nearer end of that range",
            "voxels",
            missing="no CT, or not measured",
        ),
        "eroded_voxels": count(
            "voxels whose centre lies deeper than measure.erosion_mm below the surface of the structure",
            "voxels",
            missing="not measured, or measure.erosion_mm is 0",
        ),
        "hu_mean_eroded": number(
            "mean attenuation of these voxels", "HU", missing="no such voxel, no CT, or measure.erosion_mm is 0"
        ),
        "n_components": count("connected parts (voxels that share a face, edge or corner)", missing="not measured"),
        "largest_share": number("share of the voxels in the largest part", low=0, high=1, missing="no voxel"),
        **{
            f"border_{face}": count(f"voxels in the outermost layers at the {face} face", missing="not measured")
            for face in FACES
        },
        **{
            f"bbox_{end}_{axis}_mm": number(f"{word} world {way} of the bounding box", "mm", missing="no voxel")
            for end, word in {"min": "lowest", "max": "highest"}.items()
            for axis, way in AXES.items()
        },
        "contralateral_ratio": number(
            "volume over the volume of the same structure on the other side", low=0, missing=NO_CONTRALATERAL
        ),
        "asymmetry": number("(left - right) / (left + right) of the volumes", low=-1, high=1, missing=NO_CONTRALATERAL),
        "side_mm": number(
            "distance of the centre of mass from the midline; negative on the wrong side of the patient",
            "mm",
            missing="not paired, no voxel, or no midline",
        ),
        "shared_voxels": count(
            "voxels that lie in another mask as well; the mask with the highest label has them",
            "voxels",
            missing="not from a folder of masks, or not measured",
        ),
        "padding_voxels": count(
            "voxels in or beside padding of the CT, as outside the reconstruction circle; border_voxels includes those"
            " that are in none of the outermost layers",
            "voxels",
            missing="no CT, or not measured",
        ),
        "padding_share": number(
            "share of the voxels that are in padding of the CT",
            low=0,
            high=1,
            missing="no CT, no voxel, or not measured",
        ),
        "hu_scale": text(
            "whether the values of the CT are HU: hu, or uncertain if the image contains no air, or no tissue",
            among=("hu", "uncertain"),
            missing="no CT, or not measured",
        ),
        "label_names": text(
            "where the names of the labels come from: producer (names in the files, or the model of the study), or"
            " label_set, whose numbers a label map without names is taken to have",
            among=("producer", "label_set"),
            missing="no label map, or not measured",
        ),
        "image_digest": text(
            "digest of values, shape and spacing of the CT, or of the label map of a scan without CT; of scans with the"
            " same one, that with the first scan_id is used",
            pattern="[0-9a-f]{16}",
            missing="not measured, or no voxel in the label map of a scan without CT",
        ),
    },
)
HISTOGRAMS = Table(
    "histograms",
    ("scan_id", "structure", "hu"),
    "one row per scan, structure and whole HU that occurs in it; not in tables/, but one Parquet file per shard in"
    " results/<study.name>/histograms/ and no CSV; attenuation between whole HU counts at the nearest one",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "hu": number("attenuation", "HU", low=-32768, high=32767, dtype="int16"),
        "n": count("voxels with this attenuation", "voxels", low=1),
    },
)
