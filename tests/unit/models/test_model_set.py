"""A model set defines the models of a label map, and each error in it has a specific message."""

import logging
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ctpop.foundation import digests
from ctpop.foundation.errors import ContractError
from ctpop.models import model_folder, model_set, set_file
from ctpop.study import configuration, label_sets
from support.config_files import config_file
from support.tiny_model import (
    FOLDER_NAME,
    PARTS,
    SET_NAME,
    STRUCTURES,
    TinyPart,
    dataset,
    describe,
    describe_set,
    part_dataset,
    part_plans,
    plans,
    save_json,
    set_description,
)

WORKFLOW = Path(model_set.__file__).parents[2]
PAPER_SETS = ("paper_104_1.5mm", "paper_104_3mm")  # test_paper_sets.py
TOTAL_SETS = {"total_117_1.5mm": 1.5, "total_117_3mm": 3.0, "total_117_6mm": 6.0}
NAMES = [name for part in PARTS for name in part.structures]


@pytest.fixture
def tiny(tmp_path):
    """YAML file of a model set of five parts, without weights."""
    return describe_set(tmp_path / "set")


def read(path, **options):
    return model_set.read({"model": str(path), **options})


def message_of(call, *arguments, **options):
    with pytest.raises(ContractError) as refused:
        call(*arguments, **options)
    return str(refused.value)


def check(path, **options):
    model_set.check(read(path, **options))


def rewrite(path, **changed):
    """Replace top-level entries of a YAML file; None removes an entry."""
    content = yaml.safe_load(path.read_text()) | changed
    path.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))
    return path


def rewrite_part(path, index, **changed):
    """Replace entries of a part; None removes an entry."""
    parts = yaml.safe_load(path.read_text())["parts"]
    parts[index] = {key: value for key, value in (parts[index] | changed).items() if value is not None}
    return rewrite(path, parts=parts)


def folder_of(path, index=0):
    return path.parent / set_description()["parts"][index]["folder"]


def with_weights(folder, name):
    """Write a model folder without weights for every part of a shipped set."""
    content = set_file.read(model_folder.SHIPPED / f"{name}.yaml")
    for part in content["parts"]:
        described = TinyPart(Path(part["folder"]).parts[0], (16, 16, 16), tuple(part["structures"]))
        save_json(folder / part["folder"], "plans.json", part_plans(described, 0, content["resampling"]["spacing_mm"]))
        save_json(folder / part["folder"], "dataset.json", part_dataset(described))
        (folder / part["folder"] / "fold_0").mkdir()
        (folder / part["folder"] / "fold_0" / "checkpoint_final.pth").write_bytes(b"weights")
    return folder


# Reading a set


def test_a_set_has_its_parts_in_the_order_of_the_yaml_with_their_labels(tiny):
    found = read(tiny)

    assert found.name == SET_NAME
    assert [part.folder for part in found.parts] == [folder_of(tiny, index) for index in range(5)]
    assert found.parts[0].checkpoint == folder_of(tiny) / "fold_0" / "checkpoint_final.pth"
    assert {part.configuration for part in found.parts} == {"3d_fullres"}
    assert found.parts[0].labels == {"spleen": 1, "kidney_right": 2, "kidney_left": 3, "liver": 4}
    assert found.parts[4].labels == {"rib_left_1": 1, "rib_right_1": 2, "sternum": 3}
    assert found.labels == {name: number for number, name in enumerate(NAMES, start=1)}
    assert (found.step_size, found.resampling) == (0.8, model_set.Resampling(3.0, 1))


def test_a_valid_set_passes_every_check(tiny, caplog):
    check(tiny)

    assert caplog.records == []


def test_the_merged_labels_are_the_labels_of_the_label_set_for_structures_of_the_parts(tiny):
    rows = ["label,structure,side,group,lower_bound_ml", "9,liver,,a,", "300,spleen,,a,", "2,antler,,a,"]
    (tiny.parent / "other.csv").write_text("\n".join(rows))
    content = set_description(parts=2)["parts"][:1]
    content[0]["structures"] = ["spleen", "liver"]
    rewrite(tiny, parts=content, label_set="other.csv")

    assert read(tiny).labels == {"liver": 9, "spleen": 300}


def test_missing_keys_of_a_part_have_defaults(tiny):
    rewrite(tiny, parts=[{"folder": part["folder"]} for part in set_description()["parts"]], resampling=None)

    found = read(tiny)

    assert found.parts[0].checkpoint == folder_of(tiny) / "fold_0" / "checkpoint_final.pth"
    assert found.parts[0].configuration == "3d_fullres"
    assert found.resampling is None


def test_another_fold_and_checkpoint_are_found(tiny):
    other = folder_of(tiny) / "fold_all"
    (folder_of(tiny) / "fold_0").rename(other)
    (other / "checkpoint_final.pth").rename(other / "checkpoint_best.pth")
    rewrite_part(tiny, 0, fold="all", checkpoint="checkpoint_best.pth")

    assert read(tiny).parts[0].checkpoint == other / "checkpoint_best.pth"


def test_labels_are_read_from_dataset_json_if_a_set_lists_no_structures(tiny):
    save_json(folder_of(tiny), "dataset.json", dataset(labels={"background": 0, "liver": 1, "spleen": 2}))
    rewrite_part(tiny, 0, structures=None)

    found = read(tiny)

    assert found.parts[0].labels == {"liver": 1, "spleen": 2}
    assert "kidney_left" not in found.labels
    model_set.check(found)


def test_the_structures_of_a_set_are_used_and_one_warning_lists_other_names(tiny, caplog):
    turned = {"background": 0, "rib_right_1": 1, "rib_left_1": 2, "sternum": 3}
    save_json(folder_of(tiny, 4), "dataset.json", dataset(labels=turned))
    save_json(folder_of(tiny, 3), "dataset.json", dataset(labels={"background": 0, "hip_right": 2, "hüfte": 1}))

    with caplog.at_level(logging.WARNING):
        check(tiny)

    assert read(tiny).parts[4].labels == {"rib_left_1": 1, "rib_right_1": 2, "sternum": 3}
    assert [record.getMessage() for record in caplog.records] == [
        "model set tiny_set and dataset.json name 3 labels differently; the names of the model set are used:"
        " hip_left (hüfte), rib_left_1 (rib_right_1), rib_right_1 (rib_left_1)"
    ]


def test_the_weights_can_be_in_another_folder(tiny, tmp_path):
    weights = tmp_path / "weights"
    weights.mkdir()
    for part in PARTS:
        shutil.move(tiny.parent / part.dataset, weights / part.dataset)

    found = read(tiny, weights=str(weights))

    assert found.parts[2].folder.is_relative_to(weights)
    model_set.check(found)


def test_a_path_can_begin_with_the_home_folder(tiny, monkeypatch):
    monkeypatch.setenv("HOME", str(tiny.parents[1]))

    assert read(f"~/set/{tiny.name}", weights="~/set").parts == read(tiny).parts


def test_the_settings_take_precedence_over_the_set(tiny):
    found = read(tiny, step_size=0.5, resampling_order=3)

    assert (found.step_size, found.resampling) == (0.5, model_set.Resampling(3.0, 3))


def test_reading_and_checking_a_set_does_not_require_torch(tiny):
    code = (
        f"import sys; from ctpop.models import model_set as m; found = m.read({{'model': {str(tiny)!r}}});"
        "m.check(found); m.digest_of(found); print(*sorted({'torch', 'nnunetv2', 'pandas'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(WORKFLOW)}, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == ""


# Shipped sets


def test_the_configuration_schema_lists_the_shipped_sets():
    shipped = sorted(path.stem for path in model_folder.SHIPPED.glob("*.yaml"))
    description = configuration.load_schema()["properties"]["segment"]["properties"]["model"]["description"]

    assert shipped == ["demo", *PAPER_SETS, *TOTAL_SETS]
    assert all(name in description for name in shipped)


@pytest.mark.parametrize("name", TOTAL_SETS)
def test_a_set_of_the_public_weights_covers_all_117_structures(name, tmp_path):
    found = read(name, weights=str(with_weights(tmp_path, name)))

    model_set.check(found)
    assert found.labels == label_sets.read("total_117").label_of
    assert len(found.labels) == 117
    assert sum(len(part.labels) for part in found.parts) == 117
    assert found.step_size == 0.8
    assert found.resampling == model_set.Resampling(TOTAL_SETS[name], 1)


def test_the_five_parts_have_the_labels_of_the_class_maps_of_totalsegmentator(tmp_path):
    found = read("total_117_1.5mm", weights=str(with_weights(tmp_path, "total_117_1.5mm")))

    # SOURCE: TotalSegmentator v2, map_to_binary.py: class_map_part_organs, _vertebrae, _cardiac, _muscles, _ribs
    ends = [
        ("spleen", "kidney_cyst_right", 24, 0),
        ("sacrum", "vertebrae_C1", 26, 24),
        ("heart", "iliac_vena_right", 18, 50),
        ("humerus_left", "skull", 23, 68),
        ("rib_left_1", "costal_cartilages", 26, 91),
    ]
    for part, (first, last, count, offset) in zip(found.parts, ends, strict=True):
        names = list(part.labels)
        assert (names[0], names[-1], len(names)) == (first, last, count)
        assert {found.labels[name] - number for name, number in part.labels.items()} == {offset}
    assert found.parts[4].labels["rib_right_1"] == 13
    assert [part.folder.parent.name[:10] for part in found.parts] == [f"Dataset{n}" for n in range(291, 296)]


@pytest.mark.parametrize(("name", "number"), [("total_117_3mm", 297), ("total_117_6mm", 298)])
def test_the_single_model_of_a_coarse_set_has_the_labels_of_the_label_set(tmp_path, name, number):
    found = read(name, weights=str(with_weights(tmp_path, name)))

    [part] = found.parts
    assert part.labels == found.labels
    assert part.folder.parent.name.startswith(f"Dataset{number}_")
    assert part.folder.name == "nnUNetTrainer_4000epochs_NoMirroring__nnUNetPlans__3d_fullres"


def test_the_demo_set_uses_the_resampling_of_nnunet():
    found = read("demo")

    model_set.check(found)
    assert found.labels == label_sets.read("demo").label_of
    assert (found.step_size, found.resampling) == (0.5, None)


def test_the_readme_of_the_sets_lists_every_set_every_key_and_every_file():
    page = (model_folder.SHIPPED / "README.md").read_text(encoding="utf-8")
    schema = yaml.safe_load(set_file.SCHEMA_PATH.read_text(encoding="utf-8"))["properties"]
    keys = [*schema, *schema["parts"]["items"]["properties"], *schema["resampling"]["properties"]]
    contents = [set_file.read(model_folder.SHIPPED / f"{name}.yaml") for name in TOTAL_SETS]
    zips = [f"{Path(part['folder']).parts[0]}.zip" for content in contents for part in content["parts"]]

    assert len(zips) == 7
    assert [word for word in [*PAPER_SETS, *TOTAL_SETS, "demo.yaml", *keys, *zips] if word not in page] == []


# Single model folders


def test_a_single_folder_is_a_set_with_one_part_and_the_resampling_of_nnunet(tmp_path):
    folder = describe(tmp_path / "mine")

    for path in (folder, folder.parent):
        found = read(path)
        assert found.name == path.name
        assert found.parts == (
            model_set.ModelPart(folder, folder / "fold_0" / "checkpoint_final.pth", "3d_fullres", STRUCTURES),
        )
        assert (found.labels, found.step_size, found.resampling) == (STRUCTURES, 0.5, None)
        model_set.check(found)


def test_the_step_of_a_single_folder_can_be_set(tmp_path):
    assert read(describe(tmp_path), step_size=0.8).step_size == 0.8


def test_a_model_has_the_same_digest_as_a_set_and_as_a_single_folder():
    assert model_set.digest_of(read("demo")) == model_set.digest_of(read(model_folder.SHIPPED / "demo"))


def test_a_renamed_folder_has_the_only_configuration_of_its_plans(tmp_path):
    renamed = describe(tmp_path).rename(tmp_path / "mine")

    assert read(renamed).parts[0].configuration == "3d_fullres"


def test_a_renamed_folder_with_two_configurations_is_ambiguous(tmp_path):
    values = plans()
    values["configurations"]["2d"] = {}
    renamed = describe(tmp_path, plans=values).rename(tmp_path / "mine")

    assert message_of(read, renamed) == (
        f"{renamed}: plans.json contains the configurations 3d_fullres, 2d, and the folder name does not indicate which"
        " one to use; rename the folder (for example, nnUNetTrainer__nnUNetPlans__3d_fullres) or write a model set"
    )


@pytest.mark.parametrize(("key", "value"), [("weights", "elsewhere"), ("resampling_order", 3)])
def test_a_setting_that_does_not_apply_to_a_single_folder_is_rejected(tmp_path, key, value):
    assert message_of(read, tmp_path, **{key: value}) == (
        f"segment.{key}: this setting does not apply to a single model folder ({tmp_path}); remove the setting"
    )


def test_a_single_folder_must_contain_its_files(tmp_path):
    folder = describe(tmp_path / "model")
    checkpoint = folder / "fold_0" / "checkpoint_final.pth"
    checkpoint.rename(tmp_path / "elsewhere.pth")
    checkpoint.symlink_to(tmp_path / "elsewhere.pth")

    assert message_of(read, folder) == (
        f"segment.model: {checkpoint} leads outside {folder} through '..' or a symbolic link; a model set can use only"
        " files in its folder"
    )


# Missing sets and files


def test_an_unknown_set_is_reported_with_the_shipped_sets():
    assert message_of(read, "total_117") == (
        "segment.model: total_117 is neither a built-in model set (demo, paper_104_1.5mm, paper_104_3mm,"
        " total_117_1.5mm, total_117_3mm, total_117_6mm) nor the path of a YAML file or an nnU-Net v2 model folder;"
        " did you mean total_117_1.5mm? Set model: total_117_1.5mm"
    )


@pytest.mark.parametrize("options", [{}, {"model": ""}, {"model": None}])
def test_a_missing_model_is_reported(options):
    assert message_of(model_set.read, options) == (
        "segment.model: this setting is missing, but engine nnunet requires a model set, such as segment: {model: demo}"
    )


def test_all_missing_files_of_a_public_set_are_reported_with_their_part_and_source(tmp_path):
    name = "total_117_1.5mm"
    with_weights(tmp_path, name)
    parts = [Path(part["folder"]) for part in set_file.read(model_folder.SHIPPED / f"{name}.yaml")["parts"]]
    shutil.rmtree(tmp_path / parts[1])
    (tmp_path / parts[4] / "fold_0" / "checkpoint_final.pth").unlink()

    message = message_of(read, name, weights=str(tmp_path))

    assert message.splitlines() == [
        f"segment.weights: files of model set total_117_1.5mm are missing in {tmp_path}:",
        f"  part 2, {parts[1]}: plans.json, dataset.json, fold_0/checkpoint_final.pth",
        f"  part 5, {parts[4]}: fold_0/checkpoint_final.pth",
        "  these files are published at https://github.com/wasserth/TotalSegmentator/releases/tag/v2.0.0-weights"
        " (Dataset291 to Dataset295, one zip each)",
        "  ctpop downloads no files: copy them there, or set segment.weights to the folder that contains them",
    ]


def test_missing_files_of_a_user_set_are_reported_without_a_source(tiny):
    (folder_of(tiny) / "dataset.json").unlink()
    rewrite_part(tiny, 0, structures=None)

    lines = message_of(read, tiny).splitlines()

    assert lines[1].endswith("3d_fullres: dataset.json")
    assert not any("published" in line for line in lines)


# Content of the YAML file


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: [", "line 1, at the end of the file: invalid YAML"),
        ("a:\n\tb: 1", "line 2: invalid YAML: the line begins with a tab"),
        ("a: \x00", "invalid YAML: "),
        ("name: a\nname: b", "line 2: the key 'name' already occurs in line 1"),
    ],
    ids=["open bracket", "tab", "control character", "duplicate key"],
)
def test_a_file_that_is_not_yaml_is_reported(tmp_path, content, expected):
    path = tmp_path / "mine.yaml"
    path.write_text(content)

    assert message_of(read, path).startswith(f"{path}: {expected}")


def test_a_checkpoint_instead_of_a_set_is_reported(tmp_path):
    path = tmp_path / "checkpoint_final.pth"
    path.write_bytes(b"PK\x03\x04\xff\xfe")

    assert message_of(read, path).startswith(f"{path}: line 1: the file is not encoded in UTF-8 (found the byte 0xff)")


def test_yaml_that_would_construct_an_object_is_rejected_without_execution(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"a: !!python/object/apply:os.system ['touch {tmp_path / 'touched'}']")

    assert "could not determine a constructor for the tag" in message_of(read, path)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"step_sise": 0.5}, "step_sise: unknown key; did you mean 'step_size'?"),
        ({"step_size": 0}, "step_size: 0 is less than or equal to the minimum of 0 (Step of the sliding window"),
        ({"step_size": None}, "step_size: missing key; Step of the sliding window as a fraction of the patch size."),
        ({"label_set": None}, "label_set: missing key; Label set of the merged label map"),
        ({"parts": []}, "parts: [] should be non-empty (Models in the order in which they are merged."),
        ({"resampling": {"spacing_mm": 3}}, "resampling.order: missing key; Order of the spline"),
        (
            {"resampling": {"spacing_mm": 3, "order": 2}},
            "resampling.order: 2 is not one of [1, 3] (Order of the spline",
        ),
        ({"resampling": {"spacing_mm": 0, "order": 1}}, "resampling.spacing_mm: 0 is less than the minimum of 0.1"),
        ({"resampling": "none"}, "resampling: 'none' is not of type 'object' (Resampling of the CT before"),
        ({"parts": [{"fold": 0}]}, "parts.0.folder: missing key; Folder with plans.json and dataset.json"),
        ({"parts": [{"folder": ""}]}, "parts.0.folder: '' does not match"),
        (
            {"parts": [{"folder": "a", "fold": 7}]},
            "parts.0.fold: 7 is not one of [0, 1, 2, 3, 4, 'all'] (Fold of the checkpoint",
        ),
        ({"parts": [{"folder": "a", "checkpoint": "../x.pth"}]}, "parts.0.checkpoint: '../x.pth' does not match"),
        ({"parts": [{"folder": "a", "checkpoint": "x.pkl"}]}, "parts.0.checkpoint: 'x.pkl' does not match"),
        ({"parts": [{"folder": "a", "structures": ["a", "a"]}]}, "parts.0.structures: ['a', 'a'] has non-unique"),
        ({"parts": [{"folder": "a", "structures": ["a b"]}]}, "parts.0.structures.0: 'a b' does not match"),
        ({"parts": [{"folder": "a", "sha256": "abc"}]}, "parts.0.sha256: 'abc' does not match"),
    ],
)
def test_each_invalid_entry_of_a_set_is_reported_in_one_line(tiny, changed, expected):
    rewrite(tiny, **changed)

    head, *lines = message_of(read, tiny).splitlines()

    assert head == f"{tiny}: the model set contains errors:"
    assert len(lines) == 1
    assert re.match(rf"  .*tiny_set\.yaml, line [0-9]+: {re.escape(expected)}", lines[0])


def test_yaml_that_is_not_a_mapping_is_rejected(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("- demo")

    assert "top level: ['demo'] is not of type 'object'" in message_of(read, path)


@pytest.mark.parametrize(
    ("index", "changed", "expected"),
    [
        (
            0,
            {"trainer": "nnUNetTrainer"},
            "parts.0.trainer: nnUNetTrainer does not match the folder name nnUNetTrainerNoM",
        ),
        (
            3,
            {"plans": "nnUNetResEncUNetLPlans"},
            "parts.3.plans: nnUNetResEncUNetLPlans does not match the folder name",
        ),
        (
            1,
            {"configuration": "3d_lowres"},
            "parts.1.configuration: 3d_lowres does not match the folder name nnUNetTraine",
        ),
        (2, {"folder": "mine"}, "parts.2.trainer: nnUNetTrainerNoMirroring does not match the folder name mine"),
    ],
)
def test_a_folder_name_that_contradicts_the_set_is_rejected(tiny, index, changed, expected):
    rewrite_part(tiny, index, **changed)

    assert message_of(read, tiny).startswith(f"{tiny}: {expected}")


def test_a_folder_with_another_name_is_accepted_if_the_set_contains_no_trainer_and_plans(tiny):
    folder_of(tiny).rename(tiny.parent / "mine")
    rewrite_part(tiny, 0, folder="mine", trainer=None, plans=None)

    check(tiny)


def test_an_order_for_a_set_that_does_not_resample_is_rejected(tiny):
    rewrite(tiny, resampling=None)

    assert message_of(read, tiny, resampling_order=3) == (
        "segment.resampling_order: the order 3 does not apply, because model set tiny_set uses the resampling of"
        " nnU-Net; remove the setting"
    )


# Paths


@pytest.mark.parametrize("folder", ["../set/{0}", "a/../{0}", "/{0}", "{1}"])
def test_a_folder_outside_the_weights_is_rejected(tiny, folder):
    inside = set_description()["parts"][0]["folder"]
    rewrite_part(tiny, 0, folder=folder.format(inside, tiny.parent / inside))

    expected = f"{tiny}: parts.0.folder: must be a path relative to {tiny.parent} without '..', but is"
    assert message_of(read, tiny).startswith(expected)


@pytest.mark.parametrize("name", ["", "plans.json", "dataset.json", "fold_0", "fold_0/checkpoint_final.pth"])
def test_a_link_out_of_the_weights_is_rejected(tiny, tmp_path, name):
    path = folder_of(tiny) / name
    shutil.move(path, tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")

    message = message_of(read, tiny)

    assert message.startswith(f"{tiny}: parts.0.folder: {folder_of(tiny)}")
    assert f"leads outside {tiny.parent} through '..' or a symbolic link; a model set can use only" in message


def test_circular_links_are_rejected(tiny):
    path = folder_of(tiny) / "plans.json"
    path.unlink()
    path.symlink_to(path)

    assert message_of(read, tiny).startswith(f"{tiny}: parts.0.folder: {path} leads outside")


def test_links_within_the_weights_and_to_the_weights_are_followed(tiny, tmp_path):
    folder = folder_of(tiny)
    folder.rename(tiny.parent / "kept")
    folder.symlink_to(tiny.parent / "kept")
    (tmp_path / "link").symlink_to(tiny.parent)

    check(tiny, weights=str(tmp_path / "link"))


# The label set


def test_a_structure_missing_from_the_label_set_is_reported_with_a_similar_structure(tiny):
    rewrite_part(tiny, 3, structures=["hip_lefd", "hip_right"])

    assert message_of(read, tiny) == (
        f"{tiny}: label set structures.csv does not contain the structure hip_lefd; did you mean 'hip_left'?"
    )


def test_a_name_in_dataset_json_missing_from_the_label_set_is_reported(tiny):
    save_json(folder_of(tiny, 3), "dataset.json", dataset(labels={"background": 0, "antler": 1, "hip_right": 2}))
    rewrite_part(tiny, 3, structures=None)

    assert message_of(read, tiny) == f"{tiny}: label set structures.csv does not contain the structure antler"


def test_a_shipped_label_set_can_be_used(tiny):
    rewrite(tiny, label_set="total_117")

    found = read(tiny)

    assert (found.labels["spleen"], found.labels["sternum"]) == (1, 116)
    assert list(found.labels.values()) == sorted(found.labels.values())


def test_an_unknown_label_set_is_reported(tiny):
    rewrite(tiny, label_set="mine.csv")

    assert message_of(read, tiny) == (
        f"{tiny}: label_set: 'mine.csv' is neither a built-in label set (demo, paper_104, total_117) nor a CSV"
        " file in the folder of the YAML file"
    )


def test_a_label_set_outside_the_folder_is_rejected(tiny):
    (tiny.parent / "structures.csv").rename(tiny.parents[1] / "structures.csv")
    rewrite(tiny, label_set="../structures.csv")

    assert message_of(read, tiny).startswith(f"{tiny}: label_set: {tiny.parent}/../structures.csv leads outside")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            "label,structure\n1,liver\nzwei,spleen\n",
            "each row must contain a structure and its label, which is an integer",
        ),
        ("label,structure\n1,liver\n,spleen\n", "each row must contain a structure and its label, which is an integer"),
        ("label,structure\n1,liver\n2\n", "each row must contain a structure and its label, which is an integer"),
        ("number,structure\n1,liver\n", "each row must contain a structure and its label, which is an integer"),
        (
            "label,structure\n1,liver\n2,liver\n",
            "each structure must have one label, but a structure occurs in two rows",
        ),
    ],
)
def test_a_label_set_without_valid_labels_is_rejected(tiny, rows, expected):
    (tiny.parent / "structures.csv").write_text(rows)

    assert message_of(read, tiny) == f"{tiny.parent / 'structures.csv'}: {expected}"


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (0, "17 different labels from 0 to 17 were found for 17 structures"),
        (-3, "17 different labels from -3 to 17 were found for 17 structures"),
        (65536, "17 different labels from 2 to 65536 were found for 17 structures"),
        (5, "16 different labels from 2 to 17 were found for 17 structures"),
    ],
)
def test_labels_that_are_not_unique_or_too_large_are_rejected(tiny, number, found):
    path = tiny.parent / "structures.csv"
    path.write_text(path.read_text().replace("1,spleen", f"{number},spleen"))

    assert message_of(check, tiny) == (
        f"model set tiny_set: each structure must have a unique label from 1 to 65535, but {found}"
    )


def test_the_largest_label_of_a_label_map_is_accepted(tiny):
    path = tiny.parent / "structures.csv"
    path.write_text(path.read_text().replace("1,spleen", "65535,spleen"))

    check(tiny)


# Models


def test_two_parts_with_the_same_structure_are_rejected(tiny):
    rewrite_part(tiny, 3, structures=["spleen", "hip_right"])

    assert message_of(check, tiny) == (
        "model set tiny_set: parts 1 and 4 both contain spleen; each structure can be in only one part"
    )


@pytest.mark.parametrize(("count", "found"), [(1, "1 structure"), (3, "3 structures")])
def test_a_part_with_another_number_of_structures_is_rejected(tiny, count, found):
    names = ["hip_left", "hip_right", "third"][:count]
    labels = {"background": 0, **{name: number for number, name in enumerate(names, start=1)}}
    save_json(folder_of(tiny, 3), "dataset.json", dataset(labels=labels))

    assert message_of(check, tiny) == (
        f"{folder_of(tiny, 3) / 'dataset.json'}: the file contains {found}, but model set tiny_set lists 2 for this"
        " part"
    )


@pytest.mark.parametrize("spacing", [[1.5, 1.5, 1.5], [3.0, 3.0, 3.1]])
def test_a_part_with_another_spacing_is_rejected(tiny, spacing):
    values = part_plans(PARTS[1], 1, 3.0)
    values["configurations"]["3d_fullres"]["spacing"] = spacing
    save_json(folder_of(tiny, 1), "plans.json", values)

    assert message_of(check, tiny) == (
        f"{folder_of(tiny, 1) / 'plans.json'}: the spacing of the model is {' × '.join(map(str, spacing))} mm, but"
        " model set tiny_set resamples to 3.0 mm"
    )


def test_a_spacing_that_differs_in_the_last_digit_of_a_header_is_accepted(tiny):
    values = part_plans(PARTS[1], 1, 3.0)
    values["configurations"]["3d_fullres"]["spacing"] = [3.0, 3.0000002384185791, 2.9999997615814209]
    save_json(folder_of(tiny, 1), "plans.json", values)

    check(tiny)


def test_without_resampling_parts_can_differ_in_spacing(tiny):
    save_json(folder_of(tiny, 1), "plans.json", part_plans(PARTS[1], 1, 1.5))
    rewrite(tiny, resampling=None)

    check(tiny)


def test_a_folder_that_nnunet_did_not_write_is_rejected(tiny):
    values = part_plans(PARTS[2], 2, 3.0)
    values["configurations"]["3d_fullres"]["normalization_schemes"] = ["ZScoreNormalization"]
    save_json(folder_of(tiny, 2), "plans.json", values)

    assert message_of(check, tiny).startswith(
        f"{folder_of(tiny, 2) / 'plans.json'}: unsupported model:\n  configurations.3d_fu"
    )


def test_code_named_in_plans_is_rejected(tiny):
    save_json(folder_of(tiny, 2), "plans.json", part_plans(PARTS[2], 2, 3.0) | {"conv_op": "os.system"})

    assert "conv_op must be a class of torch.nn" in message_of(check, tiny)


# Checksums


def test_the_digest_changes_with_everything_that_determines_labels_and_with_each_file(tiny):
    whole = read(tiny)
    first, *others = whole.parts
    changed = [
        replace(whole, step_size=0.5),
        replace(whole, resampling=None),
        replace(whole, resampling=model_set.Resampling(3.0, 3)),
        replace(whole, resampling=model_set.Resampling(1.5, 1)),
        replace(whole, labels={**whole.labels, "spleen": 99}),
        replace(whole, parts=(*others, first)),
        replace(whole, parts=whole.parts[:4]),
        replace(whole, parts=(replace(first, configuration="2d"), *others)),
        replace(whole, parts=(replace(first, labels={"liver": 1, "spleen": 4}), *others)),
    ]
    digests = [model_set.digest_of(found) for found in (whole, *changed)]
    for path in model_set.files_of(whole.parts[3]):
        path.write_bytes(path.read_bytes() + b" ")
        digests.append(model_set.digest_of(whole))

    assert len(set(digests)) == len(digests) == 13


def test_the_digest_does_not_change_with_location_name_descriptions_or_checksums(tiny, tmp_path):
    before = model_set.digest_of(read(tiny))
    moved = tmp_path / "elsewhere" / "other.yaml"
    shutil.copytree(tiny.parent, moved.parent)
    (moved.parent / tiny.name).rename(moved)
    rewrite(moved, description="Other words.", source="a page")
    rewrite_part(moved, 0, trainer=None, sha256=digests.of_unchanged_file(read(moved).parts[0].checkpoint))

    assert model_set.digest_of(read(moved, sha256=before)) == before


def test_a_set_has_the_checksum_of_each_file_by_relative_path(tiny, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(tiny.parent, moved)

    found = model_set.file_digests(read(tiny))

    assert found == model_set.file_digests(read(moved / tiny.name))
    assert len(found) == 15
    plans_path = f"{set_description()['parts'][4]['folder']}/plans.json"
    assert found[plans_path] == digests.of_unchanged_file(tiny.parent / plans_path)


def test_a_set_with_a_required_checksum_is_accepted_only_if_unchanged(tiny):
    pinned = model_set.digest_of(read(tiny))
    check(tiny, sha256=pinned)
    (folder_of(tiny) / "fold_0" / "checkpoint_final.pth").write_bytes(b"other weights")
    other = model_set.digest_of(read(tiny))

    assert message_of(check, tiny, sha256=pinned) == (
        f"segment.sha256: the setting requires {pinned}, but model set tiny_set has {other}; restore the original files"
        " and settings, or correct or remove this setting"
    )


def test_a_changed_step_changes_the_checksum_of_a_set(tiny):
    pinned = model_set.digest_of(read(tiny))

    message = message_of(check, tiny, sha256=pinned, step_size=0.5)
    assert message.startswith(f"segment.sha256: the setting requires {pinned}, but model set")


def test_the_checksum_of_a_single_folder_can_be_required(tmp_path):
    folder = describe(tmp_path)

    expected = f"segment.sha256: the setting requires {'0' * 64}, but model set"
    assert message_of(check, folder, sha256="0" * 64).startswith(expected)
    check(folder, sha256=model_set.digest_of(read(folder)))


def test_a_checkpoint_with_a_required_checksum_is_accepted_only_if_unchanged(tiny):
    path = folder_of(tiny, 2) / "fold_0" / "checkpoint_final.pth"
    pinned = digests.of_unchanged_file(path)
    rewrite_part(tiny, 2, sha256=pinned)
    check(tiny)
    path.write_bytes(b"other weights")

    assert message_of(check, tiny) == (
        f"{path}: model set tiny_set requires the SHA-256 {pinned}, but the file has {digests.of_unchanged_file(path)};"
        " restore the original file, or correct sha256 in the model set"
    )


# Files that rerun the segmentation


def test_the_files_of_a_set_are_its_yaml_its_label_set_and_its_models(tiny):
    models = [folder_of(tiny, index) / name for index in range(5) for name in model_folder.FILES]

    found = model_set.files({"model": str(tiny)})

    assert found == [str(path) for path in (tiny, tiny.parent / "structures.csv", *models)]


def test_a_shipped_label_set_is_not_a_file_of_a_model_set():
    # otherwise, a change of lower bounds would rerun the segmentation of every scan
    shipped = model_folder.SHIPPED / "demo.yaml"

    found = model_set.files({"model": "demo"})

    assert found == [str(shipped), *(str(shipped.parent / "demo" / FOLDER_NAME / name) for name in model_folder.FILES)]


def test_the_files_of_a_single_folder_are_its_three_files(tmp_path):
    folder = describe(tmp_path)

    assert model_set.files({"model": str(folder)}) == [str(folder / name) for name in model_folder.FILES]


def test_a_set_is_read_with_the_settings_of_the_study(tiny):
    options = configuration.section("segment", config_file(segment={"model": str(tiny), "resampling_order": 3}))

    found = model_set.read(options)

    assert found.resampling == model_set.Resampling(3.0, 3)
    assert (found.step_size, found.sha256) == (0.8, None)
    assert model_set.files(options)[0] == str(tiny)
