"""Tables of label maps, measurements, and histograms, before segmentation screening."""

from ctpop.contracts.columns import count, number, text
from ctpop.contracts.keys import FACES, MEASURE_STATUS, SCAN, SEGMENT_STATUS, STRUCTURE
from ctpop.contracts.tables import Table

NO_VALUE = "the structure has no voxel, or the scan has no CT"
# SOURCE: vacuum and air are at -1000 HU, and 12-bit scales end at -1024 and 3071; noise and rounding extend both limits
LOWEST_MEAN_HU, HIGHEST_MEAN_HU = -1100.0, 3100.0
NO_VOXEL = "the structure has no voxel"
NOT_MEASURED = "not measured"
NO_CT = "the scan has no CT or was not measured"
NO_CONTRALATERAL = "the structure is not paired, one of the sides has no voxel, or the structure was not measured"
AXES = {"x": "x (RAS+: toward the right)", "y": "y (toward the front)", "z": "z (toward the head)"}

SEGMENTS = Table(
    "segments",
    ("scan_id",),
    "availability of a label map, or the reason for its absence: one row per scan of the cohort",
    {
        "scan_id": SCAN,
        "status": text("result of the segmentation", among=SEGMENT_STATUS),
        "mask_path": text("path of the label map, relative to the folder of the study", missing="no label map"),
        "mask_sha256": text("SHA-256 checksum of the label map", pattern="[0-9a-f]{64}", missing="no label map"),
        "model": text(
            "model that produced the label map, with the first digits of its SHA-256 checksum",
            missing="the label map was not produced by this study",
        ),
        "detail": text("explanation of the status", missing="no explanation is needed"),
    },
)
MEASURES_TABLE = Table(
    "measures",
    ("scan_id", "structure"),
    "measurements before segmentation screening (quality control): one row per scan of the cohort and structure",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "status": text("`measured`, or the reason for a missing measurement", among=MEASURE_STATUS),
        "detail": text("explanation of a missing value", missing="no explanation is needed"),
        "n_voxels": count(
            "number of voxels with the label of the structure; 0 if the structure was not found", missing=NOT_MEASURED
        ),
        "volume_ml": number(
            "number of voxels multiplied by the voxel volume (absolute determinant of the affine)",
            "mL",
            low=0,
            missing=NOT_MEASURED,
        ),
        "hu_mean": number(
            "mean attenuation",
            "HU",
            low=LOWEST_MEAN_HU,
            high=HIGHEST_MEAN_HU,
            missing="the structure has no voxel, the scan has no CT, or the mean attenuation is outside the allowed"
            " range",
        ),
        "hu_sd": number("standard deviation of attenuation (divisor n)", "HU", low=0, missing=NO_VALUE),
        "hu_p05": number("5th percentile of attenuation (linear interpolation)", "HU", missing=NO_VALUE),
        "hu_p25": number("25th percentile of attenuation", "HU", missing=NO_VALUE),
        "hu_p50": number("median attenuation", "HU", missing=NO_VALUE),
        "hu_p75": number("75th percentile of attenuation", "HU", missing=NO_VALUE),
        "hu_p95": number("95th percentile of attenuation", "HU", missing=NO_VALUE),
        "hu_min": number("lowest attenuation", "HU", missing=NO_VALUE),
        "hu_max": number("highest attenuation", "HU", missing=NO_VALUE),
        "border_voxels": count(
            "number of voxels of the structure in the outermost layers of the image", missing=NOT_MEASURED
        ),
        "faces": text(
            f"faces of the image that the structure reaches, separated by spaces:"
            f" {', '.join(f'`{face}`' for face in FACES)}",
            missing="the structure reaches no face or was not measured",
        ),
        **{
            f"centroid_{axis}_mm": number(f"center of mass, world coordinate {way}", "mm", missing=NO_VOXEL)
            for axis, way in AXES.items()
        },
        "hu_clipped": count(
            "number of voxels outside the range from −32,768 to 32,767 HU, which are set to the nearest limit",
            "voxels",
            missing=NO_CT,
        ),
        "eroded_voxels": count(
            "number of voxels whose center is more than `measure.erosion_mm` below the surface of the structure",
            "voxels",
            missing="not measured, or `measure.erosion_mm` is 0",
        ),
        "hu_mean_eroded": number(
            "mean attenuation of the `eroded_voxels`",
            "HU",
            missing="`eroded_voxels` is 0 or missing, or the scan has no CT",
        ),
        "n_components": count(
            "number of connected components (voxels that share a face, edge, or corner)", missing=NOT_MEASURED
        ),
        "largest_share": number(
            "proportion of the voxels in the largest connected component", low=0, high=1, missing=NO_VOXEL
        ),
        **{
            f"border_{face}": count(
                f"number of voxels in the outermost layers at the {face} face", missing=NOT_MEASURED
            )
            for face in FACES
        },
        **{
            f"bbox_{end}_{axis}_mm": number(
                f"{word} world coordinate {way} of the bounding box", "mm", missing=NO_VOXEL
            )
            for end, word in {"min": "lowest", "max": "highest"}.items()
            for axis, way in AXES.items()
        },
        "contralateral_ratio": number(
            "volume divided by the volume of the contralateral structure", low=0, missing=NO_CONTRALATERAL
        ),
        "asymmetry": number(
            "asymmetry of the volumes: (left - right) / (left + right)", low=-1, high=1, missing=NO_CONTRALATERAL
        ),
        "side_mm": number(
            "distance of the center of mass from the midline; negative on the wrong side of the patient",
            "mm",
            missing="the structure is not paired or has no voxel, or the midline is unknown",
        ),
        "shared_voxels": count(
            "number of voxels that are also part of another mask. Shared voxels are assigned to the mask with the"
            " highest label",
            "voxels",
            missing="the segmentation is not a folder of masks, or the structure was not measured",
        ),
        "padding_voxels": count(
            "number of voxels in or next to padding of the CT (for example, outside the reconstruction circle). These"
            " voxels are included in `border_voxels`",
            "voxels",
            missing=NO_CT,
        ),
        "padding_share": number(
            "proportion of the voxels in padding of the CT",
            low=0,
            high=1,
            missing="the scan has no CT, or the structure has no voxel or was not measured",
        ),
        "hu_scale": text(
            "scale of the CT values: `hu`, or `uncertain` if the image contains no air or no tissue",
            among=("hu", "uncertain"),
            missing=NO_CT,
        ),
        "label_names": text(
            "source of the label names: `producer` (names in the files, or the model of the study) or `label_set`"
            " (the label map contains no names, and its labels are assumed to be those of the label set)",
            among=("producer", "label_set"),
            missing="no label map, or not measured",
        ),
        "image_digest": text(
            "digest of the values, shape, and spacing of the CT or, if there is no CT, of the label map. If several"
            " scans have the same digest, only the scan with the first `scan_id` is used",
            pattern="[0-9a-f]{16}",
            missing="not measured, or the scan has no CT and its label map is empty",
        ),
    },
)
HISTOGRAMS = Table(
    "histograms",
    ("scan_id", "structure", "hu"),
    "attenuation histograms: one row per scan, structure, and whole HU value that occurs. Attenuation is rounded to the"
    " nearest whole HU value. The table is written as one Parquet file per shard, without CSV, to"
    " `results/<study.name>/histograms/`",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "hu": number("attenuation", "HU", low=-32768, high=32767, dtype="int16"),
        "n": count("number of voxels with this attenuation", "voxels", low=1),
    },
)
