"""A model set says which models make a label map, and every way in which it can be wrong has a message of its own."""

import logging
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
    """The YAML of a set of five parts, without weights."""
    return describe_set(tmp_path / "set")


def read(path, **options):
    return model_set.read({"model": str(path), **options})


def told_by(call, *arguments, **options):
    with pytest.raises(ContractError) as refused:
        call(*arguments, **options)
    return str(refused.value)


def check(path, **options):
    model_set.check(read(path, **options))


def rewrite(path, **changed):
    """Replace entries at the top of a YAML; None removes them."""
    content = yaml.safe_load(path.read_text()) | changed
    path.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))
    return path


def rewrite_part(path, index, **changed):
    """Replace entries of a part; None removes them."""
    parts = yaml.safe_load(path.read_text())["parts"]
    parts[index] = {key: value for key, value in (parts[index] | changed).items() if value is not None}
    return rewrite(path, parts=parts)


def folder_of(path, index=0):
    return path.parent / set_description()["parts"][index]["folder"]


def with_weights(folder, name):
    """Write model folders, without weights, for every part of a shipped set."""
    content = set_file.read(model_folder.SHIPPED / f"{name}.yaml")
    for part in content["parts"]:
        described = TinyPart(Path(part["folder"]).parts[0], (16, 16, 16), tuple(part["structures"]))
        save_json(folder / part["folder"], "plans.json", part_plans(described, 0, content["resampling"]["spacing_mm"]))
        save_json(folder / part["folder"], "dataset.json", part_dataset(described))
        (folder / part["folder"] / "fold_0").mkdir()
        (folder / part["folder"] / "fold_0" / "checkpoint_final.pth").write_bytes(b"weights")
    return folder


# Reading a set


def test_a_set_has_its_parts_in_the_order_of_the_yaml_and_their_own_numbers(tiny):
    found = read(tiny)

    assert found.name == SET_NAME
    assert [part.folder for part in found.parts] == [folder_of(tiny, index) for index in range(5)]
    assert found.parts[0].checkpoint == folder_of(tiny) / "fold_0" / "checkpoint_final.pth"
    assert {part.configuration for part in found.parts} == {"3d_fullres"}
    assert found.parts[0].labels == {"spleen": 1, "kidney_right": 2, "kidney_left": 3, "liver": 4}
    assert found.parts[4].labels == {"rib_left_1": 1, "rib_right_1": 2, "sternum": 3}
    assert found.labels == {name: number for number, name in enumerate(NAMES, start=1)}
    assert (found.step_size, found.resampling) == (0.8, model_set.Resampling(3.0, 1))


def test_a_set_that_is_right_passes_every_check(tiny, caplog):
    check(tiny)

    assert caplog.records == []


def test_the_merged_numbers_are_those_of_the_label_set_for_what_the_parts_know(tiny):
    rows = ["label,structure,side,group,lower_bound_ml", "9,liver,,a,", "300,spleen,,a,", "2,antler,,a,"]
    (tiny.parent / "other.csv").write_text("\n".join(rows))
    content = set_description(parts=2)["parts"][:1]
    content[0]["structures"] = ["spleen", "liver"]
    rewrite(tiny, parts=content, label_set="other.csv")

    assert read(tiny).labels == {"liver": 9, "spleen": 300}


def test_what_a_part_leaves_out_takes_its_default(tiny):
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


def test_where_a_set_lists_no_structures_dataset_json_decides(tiny):
    save_json(folder_of(tiny), "dataset.json", dataset(labels={"background": 0, "liver": 1, "spleen": 2}))
    rewrite_part(tiny, 0, structures=None)

    found = read(tiny)

    assert found.parts[0].labels == {"liver": 1, "spleen": 2}
    assert "kidney_left" not in found.labels
    model_set.check(found)


def test_where_a_set_lists_structures_it_decides_and_one_warning_lists_other_names(tiny, caplog):
    turned = {"background": 0, "rib_right_1": 1, "rib_left_1": 2, "sternum": 3}
    save_json(folder_of(tiny, 4), "dataset.json", dataset(labels=turned))
    save_json(folder_of(tiny, 3), "dataset.json", dataset(labels={"background": 0, "hip_right": 2, "hüfte": 1}))

    with caplog.at_level(logging.WARNING):
        check(tiny)

    assert read(tiny).parts[4].labels == {"rib_left_1": 1, "rib_right_1": 2, "sternum": 3}
    assert [record.getMessage() for record in caplog.records] == [
        "model set tiny_set names 3 numbers otherwise than dataset.json, and decides:"
        " hip_left (hüfte), rib_left_1 (rib_right_1), rib_right_1 (rib_left_1)"
    ]


def test_the_weights_may_lie_elsewhere(tiny, tmp_path):
    weights = tmp_path / "weights"
    weights.mkdir()
    for part in PARTS:
        shutil.move(tiny.parent / part.dataset, weights / part.dataset)

    found = read(tiny, weights=str(weights))

    assert found.parts[2].folder.is_relative_to(weights)
    model_set.check(found)


def test_a_path_may_begin_with_the_home_folder(tiny, monkeypatch):
    monkeypatch.setenv("HOME", str(tiny.parents[1]))

    assert read(f"~/set/{tiny.name}", weights="~/set").parts == read(tiny).parts


def test_the_settings_come_before_the_words_of_the_set(tiny):
    found = read(tiny, step_size=0.5, resampling_order=3)

    assert (found.step_size, found.resampling) == (0.5, model_set.Resampling(3.0, 3))


def test_reading_and_checking_a_set_needs_no_torch(tiny):
    code = (
        f"import sys; from ctpop.models import model_set as m; found = m.read({{'model': {str(tiny)!r}}});"
        "m.check(found); m.digest_of(found); print(*sorted({'torch', 'nnunetv2', 'pandas'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(WORKFLOW)}, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == ""


# The sets that are shipped


def test_the_shipped_sets_are_those_that_the_schema_of_the_settings_names():
    shipped = sorted(path.stem for path in model_folder.SHIPPED.glob("*.yaml"))
    told = configuration.load_schema()["properties"]["segment"]["properties"]["model"]["description"]

    assert shipped == ["demo", *PAPER_SETS, *TOTAL_SETS]
    assert all(name in told for name in shipped)


@pytest.mark.parametrize("name", TOTAL_SETS)
def test_a_set_of_the_public_weights_covers_all_117_structures(name, tmp_path):
    found = read(name, weights=str(with_weights(tmp_path, name)))

    model_set.check(found)
    assert found.labels == label_sets.read("total_117").label_of
    assert len(found.labels) == 117
    assert sum(len(part.labels) for part in found.parts) == 117
    assert found.step_size == 0.8
    assert found.resampling == model_set.Resampling(TOTAL_SETS[name], 1)


def test_the_five_parts_have_the_numbers_of_totalsegmentators_class_maps(tmp_path):
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
def test_the_one_model_of_a_coarse_set_has_the_numbers_of_the_label_set(tmp_path, name, number):
    found = read(name, weights=str(with_weights(tmp_path, name)))

    [part] = found.parts
    assert part.labels == found.labels
    assert part.folder.parent.name.startswith(f"Dataset{number}_")
    assert part.folder.name == "nnUNetTrainer_4000epochs_NoMirroring__nnUNetPlans__3d_fullres"


def test_the_demo_is_a_set_in_nnunets_own_way():
    found = read("demo")

    model_set.check(found)
    assert found.labels == label_sets.read("demo").label_of
    assert (found.step_size, found.resampling) == (0.5, None)


def test_the_readme_of_the_sets_names_every_set_every_key_and_every_file():
    page = (model_folder.SHIPPED / "README.md").read_text(encoding="utf-8")
    schema = yaml.safe_load(set_file.SCHEMA_PATH.read_text(encoding="utf-8"))["properties"]
    keys = [*schema, *schema["parts"]["items"]["properties"], *schema["resampling"]["properties"]]
    contents = [set_file.read(model_folder.SHIPPED / f"{name}.yaml") for name in TOTAL_SETS]
    zips = [f"{Path(part['folder']).parts[0]}.zip" for content in contents for part in content["parts"]]

    assert len(zips) == 7
    assert [word for word in [*PAPER_SETS, *TOTAL_SETS, "demo.yaml", *keys, *zips] if word not in page] == []


# One bare folder


def test_a_bare_folder_is_a_set_of_one_in_nnunets_own_way(tmp_path):
    folder = describe(tmp_path / "mine")

    for path in (folder, folder.parent):
        found = read(path)
        assert found.name == path.name
        assert found.parts == (
            model_set.ModelPart(folder, folder / "fold_0" / "checkpoint_final.pth", "3d_fullres", STRUCTURES),
        )
        assert (found.labels, found.step_size, found.resampling) == (STRUCTURES, 0.5, None)
        model_set.check(found)


def test_the_step_of_a_bare_folder_can_be_set(tmp_path):
    assert read(describe(tmp_path), step_size=0.8).step_size == 0.8


def test_a_model_is_the_same_as_a_set_and_as_a_bare_folder():
    assert model_set.digest_of(read("demo")) == model_set.digest_of(read(model_folder.SHIPPED / "demo"))


def test_a_folder_with_a_name_of_its_own_has_the_only_configuration_of_its_plans(tmp_path):
    renamed = describe(tmp_path).rename(tmp_path / "mine")

    assert read(renamed).parts[0].configuration == "3d_fullres"


def test_a_folder_with_a_name_of_its_own_and_two_configurations_is_ambiguous(tmp_path):
    values = plans()
    values["configurations"]["2d"] = {}
    renamed = describe(tmp_path, plans=values).rename(tmp_path / "mine")

    assert told_by(read, renamed) == (
        f"{renamed}: has the configurations 3d_fullres, 2d, and its name does not say which (as in"
        " nnUNetTrainer__nnUNetPlans__3d_fullres); rename it, or write a model set"
    )


@pytest.mark.parametrize(("key", "value"), [("weights", "elsewhere"), ("resampling_order", 3)])
def test_a_setting_that_a_bare_folder_has_no_use_for_is_refused(tmp_path, key, value):
    assert told_by(read, tmp_path, **{key: value}) == (
        f"segment.{key}: has no meaning for a bare model folder ({tmp_path}); leave it out"
    )


def test_a_bare_folder_must_hold_its_files_itself(tmp_path):
    folder = describe(tmp_path / "model")
    checkpoint = folder / "fold_0" / "checkpoint_final.pth"
    checkpoint.rename(tmp_path / "elsewhere.pth")
    checkpoint.symlink_to(tmp_path / "elsewhere.pth")

    assert told_by(read, folder) == (
        f"segment.model: {checkpoint} leads out of {folder}, as '..' or a link; a set must not leave its folder"
    )


# What is not there


def test_a_set_that_is_nowhere_is_told_with_those_that_are_shipped():
    assert told_by(read, "total_117") == (
        "segment.model: a shipped model set (demo, paper_104_1.5mm, paper_104_3mm, total_117_1.5mm, total_117_3mm,"
        " total_117_6mm), a YAML of your own, or one nnU-Net v2 model folder is expected, found nothing at total_117"
    )


@pytest.mark.parametrize("options", [{}, {"model": ""}, {"model": None}])
def test_a_missing_model_is_named(options):
    assert told_by(model_set.read, options).startswith("segment.model: is missing; engine nnunet needs a model set")


def test_all_missing_files_of_a_public_set_are_told_with_their_part_and_where_they_are_published(tmp_path):
    name = "total_117_1.5mm"
    with_weights(tmp_path, name)
    parts = [Path(part["folder"]) for part in set_file.read(model_folder.SHIPPED / f"{name}.yaml")["parts"]]
    shutil.rmtree(tmp_path / parts[1])
    (tmp_path / parts[4] / "fold_0" / "checkpoint_final.pth").unlink()

    message = told_by(read, name, weights=str(tmp_path))

    assert message.splitlines() == [
        f"segment.weights: model set total_117_1.5mm lacks files below {tmp_path}:",
        f"  part 2, {parts[1]}: plans.json, dataset.json, fold_0/checkpoint_final.pth",
        f"  part 5, {parts[4]}: fold_0/checkpoint_final.pth",
        "  they are published at https://github.com/wasserth/TotalSegmentator/releases/tag/v2.0.0-weights"
        " (Dataset291 to Dataset295, one zip each)",
        "  nothing is downloaded: put them there, or name the folder that has them in segment.weights",
    ]


def test_missing_files_of_a_set_of_ones_own_are_told_without_a_page(tiny):
    (folder_of(tiny) / "dataset.json").unlink()
    rewrite_part(tiny, 0, structures=None)

    lines = told_by(read, tiny).splitlines()

    assert lines[1].endswith("3d_fullres: dataset.json")
    assert not any("published" in line for line in lines)


# What the YAML may say


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: [", "line 1, at the end of the file: YAML is expected"),
        ("a:\n\tb: 1", "line 2: YAML is expected, found a tab"),
        ("a: \x00", "YAML is expected, found: "),
        ("name: a\nname: b", "line 2: the key 'name' is in line 1 already"),
    ],
    ids=["open bracket", "tab", "control character", "repeated key"],
)
def test_a_file_that_is_not_yaml_is_named(tmp_path, content, expected):
    path = tmp_path / "mine.yaml"
    path.write_text(content)

    assert told_by(read, path).startswith(f"{path}: {expected}")


def test_a_checkpoint_in_the_place_of_a_set_is_named(tmp_path):
    path = tmp_path / "checkpoint_final.pth"
    path.write_bytes(b"PK\x03\x04\xff\xfe")

    assert told_by(read, path).startswith(f"{path}: line 1: YAML in UTF-8 is expected, found the byte 0xff")


def test_yaml_that_would_make_an_object_is_refused_and_nothing_runs(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"a: !!python/object/apply:os.system ['touch {tmp_path / 'touched'}']")

    assert "could not determine a constructor for the tag" in told_by(read, path)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"step_sise": 0.5}, "step_sise: unknown key; did you mean 'step_size'?"),
        ({"step_size": 0}, "step_size: 0 is less than or equal to the minimum of 0 (Step of the sliding window"),
        ({"step_size": None}, "step_size: is missing; Step of the sliding window as a fraction of the patch size."),
        ({"label_set": None}, "label_set: is missing; Label of each structure in the merged label map"),
        ({"parts": []}, "parts: [] should be non-empty (Models in the order in which they are merged."),
        ({"resampling": {"spacing_mm": 3}}, "resampling.order: is missing; Order of the spline"),
        (
            {"resampling": {"spacing_mm": 3, "order": 2}},
            "resampling.order: 2 is not one of [1, 3] (Order of the spline",
        ),
        ({"resampling": {"spacing_mm": 0, "order": 1}}, "resampling.spacing_mm: 0 is less than the minimum of 0.1"),
        ({"resampling": "none"}, "resampling: 'none' is not of type 'object' (Resampling of the CT before"),
        ({"parts": [{"fold": 0}]}, "parts.0.folder: is missing; Folder with plans.json and dataset.json"),
        ({"parts": [{"folder": ""}]}, "parts.0.folder: '' does not match"),
        (
            {"parts": [{"folder": "a", "fold": 7}]},
            "parts.0.fold: 7 is not one of [0, 1, 2, 3, 4, 'all'] (Fold from which",
        ),
        ({"parts": [{"folder": "a", "checkpoint": "../x.pth"}]}, "parts.0.checkpoint: '../x.pth' does not match"),
        ({"parts": [{"folder": "a", "checkpoint": "x.pkl"}]}, "parts.0.checkpoint: 'x.pkl' does not match"),
        ({"parts": [{"folder": "a", "structures": ["a", "a"]}]}, "parts.0.structures: ['a', 'a'] has non-unique"),
        ({"parts": [{"folder": "a", "structures": ["a b"]}]}, "parts.0.structures.0: 'a b' does not match"),
        ({"parts": [{"folder": "a", "sha256": "abc"}]}, "parts.0.sha256: 'abc' does not match"),
    ],
)
def test_a_wrong_entry_of_a_set_gives_one_line(tiny, changed, told):
    rewrite(tiny, **changed)

    head, *lines = told_by(read, tiny).splitlines()

    assert head == f"{tiny}: the model set has errors:"
    assert len(lines) == 1
    assert lines[0].startswith(f"  {told}")


def test_a_yaml_that_is_no_mapping_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("- demo")

    assert "the whole: ['demo'] is not of type 'object'" in told_by(read, path)


@pytest.mark.parametrize(
    ("index", "changed", "told"),
    [
        (
            0,
            {"trainer": "nnUNetTrainer"},
            "parts.0.trainer: is nnUNetTrainer, but the folder is named nnUNetTrainerNoM",
        ),
        (3, {"plans": "nnUNetResEncUNetLPlans"}, "parts.3.plans: is nnUNetResEncUNetLPlans, but the folder is named"),
        (
            1,
            {"configuration": "3d_lowres"},
            "parts.1.configuration: is 3d_lowres, but the folder is named nnUNetTraine",
        ),
        (2, {"folder": "mine"}, "parts.2.trainer: is nnUNetTrainerNoMirroring, but the folder is named mine"),
    ],
)
def test_a_folder_whose_name_contradicts_the_set_is_refused(tiny, index, changed, told):
    rewrite_part(tiny, index, **changed)

    assert told_by(read, tiny).startswith(f"{tiny}: {told}")


def test_a_folder_with_another_name_is_accepted_where_the_set_says_nothing_of_it(tiny):
    folder_of(tiny).rename(tiny.parent / "mine")
    rewrite_part(tiny, 0, folder="mine", trainer=None, plans=None)

    check(tiny)


def test_an_order_for_a_set_that_does_not_resample_is_refused(tiny):
    rewrite(tiny, resampling=None)

    assert told_by(read, tiny, resampling_order=3) == (
        "segment.resampling_order: model set tiny_set resamples in nnU-Net's own way, found 3; leave it out"
    )


# Paths


@pytest.mark.parametrize("folder", ["../set/{0}", "a/../{0}", "/{0}", "{1}"])
def test_a_folder_that_is_not_below_the_weights_is_refused(tiny, folder):
    inside = set_description()["parts"][0]["folder"]
    rewrite_part(tiny, 0, folder=folder.format(inside, tiny.parent / inside))

    assert told_by(read, tiny).startswith(f"{tiny}: parts.0.folder: must lie below {tiny.parent}, without '..', found")


@pytest.mark.parametrize("name", ["", "plans.json", "dataset.json", "fold_0", "fold_0/checkpoint_final.pth"])
def test_a_link_out_of_the_weights_is_refused(tiny, tmp_path, name):
    path = folder_of(tiny) / name
    shutil.move(path, tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")

    message = told_by(read, tiny)

    assert message.startswith(f"{tiny}: parts.0.folder: {folder_of(tiny)}")
    assert message.endswith(f"leads out of {tiny.parent}, as '..' or a link; a set must not leave its folder")


def test_links_in_a_circle_are_refused(tiny):
    path = folder_of(tiny) / "plans.json"
    path.unlink()
    path.symlink_to(path)

    assert told_by(read, tiny).startswith(f"{tiny}: parts.0.folder: {path} leads out of")


def test_links_within_the_weights_and_to_the_weights_are_followed(tiny, tmp_path):
    folder = folder_of(tiny)
    folder.rename(tiny.parent / "kept")
    folder.symlink_to(tiny.parent / "kept")
    (tmp_path / "link").symlink_to(tiny.parent)

    check(tiny, weights=str(tmp_path / "link"))


# The label set


def test_a_structure_that_the_label_set_lacks_is_named_with_one_like_it(tiny):
    rewrite_part(tiny, 3, structures=["hip_lefd", "hip_right"])

    assert told_by(read, tiny) == (
        f"{tiny}: label set structures.csv has no structure hip_lefd; did you mean 'hip_left'?"
    )


def test_a_name_of_dataset_json_that_the_label_set_lacks_is_named(tiny):
    save_json(folder_of(tiny, 3), "dataset.json", dataset(labels={"background": 0, "antler": 1, "hip_right": 2}))
    rewrite_part(tiny, 3, structures=None)

    assert told_by(read, tiny) == f"{tiny}: label set structures.csv has no structure antler"


def test_a_shipped_label_set_can_be_named(tiny):
    rewrite(tiny, label_set="total_117")

    found = read(tiny)

    assert (found.labels["spleen"], found.labels["sternum"]) == (1, 116)
    assert list(found.labels.values()) == sorted(found.labels.values())


def test_a_label_set_that_is_nowhere_is_named(tiny):
    rewrite(tiny, label_set="mine.csv")

    assert told_by(read, tiny) == (
        f"{tiny}: label_set: 'mine.csv' is neither a shipped label set (demo, paper_104, total_117) nor a CSV"
        " beside the YAML"
    )


def test_a_label_set_from_elsewhere_is_refused(tiny):
    (tiny.parent / "structures.csv").rename(tiny.parents[1] / "structures.csv")
    rewrite(tiny, label_set="../structures.csv")

    assert told_by(read, tiny).startswith(f"{tiny}: label_set: {tiny.parent}/../structures.csv leads out of")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("label,structure\n1,liver\nzwei,spleen\n", "each row needs a structure and its label, a whole number"),
        ("label,structure\n1,liver\n,spleen\n", "each row needs a structure and its label, a whole number"),
        ("label,structure\n1,liver\n2\n", "each row needs a structure and its label, a whole number"),
        ("number,structure\n1,liver\n", "each row needs a structure and its label, a whole number"),
        ("label,structure\n1,liver\n2,liver\n", "each structure has one label, found a structure in two rows"),
    ],
)
def test_a_label_set_without_numbers_is_refused(tiny, rows, told):
    (tiny.parent / "structures.csv").write_text(rows)

    assert told_by(read, tiny) == f"{tiny.parent / 'structures.csv'}: {told}"


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (0, "17 numbers from 0 to 17 for 17 structures"),
        (-3, "17 numbers from -3 to 17 for 17 structures"),
        (65536, "17 numbers from 2 to 65536 for 17 structures"),
        (5, "16 numbers from 2 to 17 for 17 structures"),
    ],
)
def test_numbers_that_a_label_map_cannot_hold_or_tell_apart_are_refused(tiny, number, found):
    path = tiny.parent / "structures.csv"
    path.write_text(path.read_text().replace("1,spleen", f"{number},spleen"))

    assert told_by(check, tiny) == (
        f"model set tiny_set: structures need different numbers from 1 to 65535, found {found}"
    )


def test_the_largest_number_that_a_label_map_can_hold_is_accepted(tiny):
    path = tiny.parent / "structures.csv"
    path.write_text(path.read_text().replace("1,spleen", "65535,spleen"))

    check(tiny)


# The models


def test_two_parts_that_claim_the_same_structure_are_refused(tiny):
    rewrite_part(tiny, 3, structures=["spleen", "hip_right"])

    assert told_by(check, tiny) == "model set tiny_set: parts 1 and 4 both claim spleen"


@pytest.mark.parametrize("count", [1, 3])
def test_a_part_with_another_number_of_structures_is_refused(tiny, count):
    names = ["hip_left", "hip_right", "third"][:count]
    labels = {"background": 0, **{name: number for number, name in enumerate(names, start=1)}}
    save_json(folder_of(tiny, 3), "dataset.json", dataset(labels=labels))

    assert told_by(check, tiny) == (
        f"{folder_of(tiny, 3) / 'dataset.json'}: has {count} structures, but model set tiny_set lists 2 for this part"
    )


@pytest.mark.parametrize("spacing", [[1.5, 1.5, 1.5], [3.0, 3.0, 3.1]])
def test_a_part_of_another_spacing_is_refused(tiny, spacing):
    values = part_plans(PARTS[1], 1, 3.0)
    values["configurations"]["3d_fullres"]["spacing"] = spacing
    save_json(folder_of(tiny, 1), "plans.json", values)

    assert told_by(check, tiny) == (
        f"{folder_of(tiny, 1) / 'plans.json'}: the model was made for {' x '.join(map(str, spacing))} mm, but model set"
        " tiny_set resamples to 3.0 mm"
    )


def test_a_spacing_that_differs_in_the_last_digit_of_a_header_is_accepted(tiny):
    values = part_plans(PARTS[1], 1, 3.0)
    values["configurations"]["3d_fullres"]["spacing"] = [3.0, 3.0000002384185791, 2.9999997615814209]
    save_json(folder_of(tiny, 1), "plans.json", values)

    check(tiny)


def test_without_resampling_each_part_may_have_a_spacing_of_its_own(tiny):
    save_json(folder_of(tiny, 1), "plans.json", part_plans(PARTS[1], 1, 1.5))
    rewrite(tiny, resampling=None)

    check(tiny)


def test_a_folder_that_nnunet_did_not_write_is_refused(tiny):
    values = part_plans(PARTS[2], 2, 3.0)
    values["configurations"]["3d_fullres"]["normalization_schemes"] = ["ZScoreNormalization"]
    save_json(folder_of(tiny, 2), "plans.json", values)

    assert told_by(check, tiny).startswith(
        f"{folder_of(tiny, 2) / 'plans.json'}: is not usable:\n  configurations.3d_fu"
    )


def test_code_that_plans_name_is_refused(tiny):
    save_json(folder_of(tiny, 2), "plans.json", part_plans(PARTS[2], 2, 3.0) | {"conv_op": "os.system"})

    assert "conv_op may name a class of torch.nn" in told_by(check, tiny)


# Checksums


def test_the_digest_changes_with_all_that_decides_labels_and_with_each_file(tiny):
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


def test_the_digest_does_not_change_with_place_name_words_or_pins(tiny, tmp_path):
    before = model_set.digest_of(read(tiny))
    moved = tmp_path / "elsewhere" / "other.yaml"
    shutil.copytree(tiny.parent, moved.parent)
    (moved.parent / tiny.name).rename(moved)
    rewrite(moved, description="Other words.", source="a page")
    rewrite_part(moved, 0, trainer=None, sha256=digests.of_unchanged_file(read(moved).parts[0].checkpoint))

    assert model_set.digest_of(read(moved, sha256=before)) == before


def test_a_set_has_the_checksum_of_each_of_its_files_by_a_name_without_place(tiny, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(tiny.parent, moved)

    found = model_set.file_digests(read(tiny))

    assert found == model_set.file_digests(read(moved / tiny.name))
    assert len(found) == 15
    plans_path = f"{set_description()['parts'][4]['folder']}/plans.json"
    assert found[plans_path] == digests.of_unchanged_file(tiny.parent / plans_path)


def test_a_set_that_is_pinned_is_accepted_as_it_was_and_refused_otherwise(tiny):
    pinned = model_set.digest_of(read(tiny))
    check(tiny, sha256=pinned)
    (folder_of(tiny) / "fold_0" / "checkpoint_final.pth").write_bytes(b"other weights")
    other = model_set.digest_of(read(tiny))

    assert told_by(check, tiny, sha256=pinned) == f"segment.sha256: pins {pinned}, found {other} for model set tiny_set"


def test_another_step_is_another_set_than_the_one_that_was_pinned(tiny):
    pinned = model_set.digest_of(read(tiny))

    assert told_by(check, tiny, sha256=pinned, step_size=0.5).startswith(f"segment.sha256: pins {pinned}, found")


def test_a_bare_folder_can_be_pinned(tmp_path):
    folder = describe(tmp_path)

    assert told_by(check, folder, sha256="0" * 64).startswith(f"segment.sha256: pins {'0' * 64}, found ")
    check(folder, sha256=model_set.digest_of(read(folder)))


def test_a_checkpoint_that_is_pinned_is_accepted_as_it_was_and_refused_otherwise(tiny):
    path = folder_of(tiny, 2) / "fold_0" / "checkpoint_final.pth"
    pinned = digests.of_unchanged_file(path)
    rewrite_part(tiny, 2, sha256=pinned)
    check(tiny)
    path.write_bytes(b"other weights")

    assert told_by(check, tiny) == f"{path}: model set tiny_set pins {pinned}, found {digests.of_unchanged_file(path)}"


# What reruns the segmentation


def test_the_files_of_a_set_are_its_yaml_its_label_set_and_those_of_its_models(tiny):
    models = [folder_of(tiny, index) / name for index in range(5) for name in model_folder.FILES]

    found = model_set.files({"model": str(tiny)})

    assert found == [str(path) for path in (tiny, tiny.parent / "structures.csv", *models)]


def test_a_shipped_label_set_is_no_file_of_a_model_set():
    # a change of its lower bounds would segment every scan again
    shipped = model_folder.SHIPPED / "demo.yaml"

    found = model_set.files({"model": "demo"})

    assert found == [str(shipped), *(str(shipped.parent / "demo" / FOLDER_NAME / name) for name in model_folder.FILES)]


def test_the_files_of_a_bare_folder_are_its_three(tmp_path):
    folder = describe(tmp_path)

    assert model_set.files({"model": str(folder)}) == [str(folder / name) for name in model_folder.FILES]


def test_the_settings_of_a_study_are_those_that_a_set_is_read_with(tiny):
    options = configuration.section("segment", config_file(segment={"model": str(tiny), "resampling_order": 3}))

    found = model_set.read(options)

    assert found.resampling == model_set.Resampling(3.0, 3)
    assert (found.step_size, found.sha256) == (0.8, None)
    assert model_set.files(options)[0] == str(tiny)
