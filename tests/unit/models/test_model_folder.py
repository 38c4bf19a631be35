"""A model folder is found and checked before anything in it is loaded, and nothing it names is imported unseen."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from ctpop.foundation import digests
from ctpop.foundation.errors import ContractError
from ctpop.models import model_folder
from support.tiny_model import (
    CONFIGURATION,
    FOLDER_NAME,
    STRUCTURES,
    architecture,
    dataset,
    describe,
    plans,
    plans_before_2_4,
)

WORKFLOW = Path(model_folder.__file__).parents[2]


def message_of(call, *arguments):
    with pytest.raises(ContractError) as refused:
        call(*arguments)
    return str(refused.value)


# Finding


def test_a_model_is_found_by_its_folder_and_by_the_folder_above(tmp_path):
    folder = describe(tmp_path)

    assert model_folder.find_folder(folder) == folder
    assert model_folder.find_folder(tmp_path) == folder


def test_a_folder_without_a_model_is_named(tmp_path):
    assert message_of(model_folder.find_folder, tmp_path) == (
        "segment.model: one nnU-Net v2 model folder (with plans.json, dataset.json, fold_0/checkpoint_final.pth)"
        f" is expected, found 0 in {tmp_path}"
    )


def test_a_folder_that_is_not_there_is_named(tmp_path):
    message = message_of(model_folder.find_folder, tmp_path / "nowhere")

    assert message.endswith(f"found 0 in {tmp_path / 'nowhere'}")


def test_two_models_in_one_folder_are_one_too_many(tmp_path):
    describe(tmp_path)
    (tmp_path / FOLDER_NAME).rename(tmp_path / "one")
    describe(tmp_path)

    assert message_of(model_folder.find_folder, tmp_path).endswith(f"found 2 in {tmp_path}")


@pytest.mark.parametrize("name", ["dataset.json", "fold_0/checkpoint_final.pth"])
def test_a_model_that_lacks_a_file_says_which(tmp_path, name):
    folder = describe(tmp_path)
    (folder / name).unlink()

    assert message_of(model_folder.find_folder, tmp_path) == f"segment.model: {folder} lacks {name}"


def test_a_file_is_hashed_once_and_again_when_it_changes(tmp_path):
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(b"abc")
    before = path.stat()
    # SOURCE: FIPS 180-2, appendix B.1
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    assert digests.of_unchanged_file(path) == abc
    path.write_bytes(b"xyz")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digests.of_unchanged_file(path) == abc  # nothing tells that it changed, so it was not read
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert digests.of_unchanged_file(path) != abc


# Reading


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "is not JSON"),
        ("[]", "a JSON object is expected, found list"),
        ('{"std": NaN}', "is not JSON (NaN is no number)"),
        ('{"std": -Infinity}', "is not JSON (-Infinity is no number)"),
        ('{"std": 1e999}', "is not JSON (1e999 is no number)"),
        ("[" * 100_000, "is not JSON (maximum recursion depth exceeded"),
    ],
    ids=["cut short", "list", "NaN", "infinite", "too large", "too deep"],
)
def test_a_description_that_is_no_json_object_is_named(tmp_path, content, found):
    path = tmp_path / "plans.json"
    path.write_text(content)

    assert message_of(model_folder.read_json, path).startswith(f"{path}: {found}")


def test_a_description_that_is_not_there_is_named(tmp_path):
    message = message_of(model_folder.read_json, tmp_path / "plans.json")

    assert message == f"{tmp_path / 'plans.json'}: cannot be read (No such file or directory)"


def test_a_description_is_read_as_it_is(tmp_path):
    path = tmp_path / "plans.json"
    path.write_text(json.dumps({"dataset_name": "Größe"}), encoding="utf-8")

    assert model_folder.read_json(path) == {"dataset_name": "Größe"}


def test_the_labels_of_a_model_are_those_of_its_dataset_without_background():
    assert model_folder.foreground_labels(dataset(), Path("dataset.json")) == STRUCTURES


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"labels": {"background": 0, "kidneys": [1, 2]}}, "labels must map each structure to one number"),
        ({"labels": {}}, "labels must map each structure to one number"),
        ({"labels": {"background": 0, "spleen": "1"}}, "labels must map each structure to one number"),
        ({"labels": {"background": False, "spleen": True}}, "labels must map each structure to one number"),
        ({"labels": {"background": 0}}, "labels must be background 0 and structures 1, 2, …, found background 0"),
        ({"labels": {"spleen": 0, "liver": 1}}, "labels must be background 0 and structures 1, 2, …, found spleen 0"),
        ({"labels": {"background": 0, "a": 1, "b": 3}}, "labels must be background 0 and structures 1, 2, …, found"),
        ({"labels": {"background": 0, "a": 1, "b": 1}}, "labels must be background 0 and structures 1, 2, …, found"),
        ({"channel_names": {"0": "CT", "1": "PET"}}, "a model with one CT channel is expected, found {'0': 'CT', '1'"),
        ({"channel_names": {}}, "a model with one CT channel is expected, found {}"),
    ],
)
def test_a_model_of_another_kind_is_refused(changed, found):
    message = message_of(model_folder.foreground_labels, dataset(**changed), Path("dataset.json"))

    assert message.startswith(f"dataset.json: {found}")


def test_voxels_that_training_ignored_are_no_structure():
    labels = {"background": 0, "liver": 2, "spleen": 1, "ignore": 3}

    assert model_folder.foreground_labels(dataset(labels=labels), Path("dataset.json")) == {"liver": 2, "spleen": 1}


# What a folder must say of itself


def save(folder, values):
    path = folder / "plans.json"
    path.write_text(json.dumps(values))
    return path


def configured(**changed):
    """Return plans whose configuration is changed; None removes an entry."""
    values = plans()
    configuration = values["configurations"][CONFIGURATION] | changed
    values["configurations"][CONFIGURATION] = {key: value for key, value in configuration.items() if value is not None}
    return values


@pytest.mark.parametrize("values", [plans(), plans_before_2_4()], ids=["since 2.4", "before 2.4"])
def test_a_folder_as_nnunet_writes_it_is_accepted(tmp_path, values):
    folder = describe(tmp_path, plans=values)

    found = model_folder.described(folder, CONFIGURATION)

    assert found.labels == STRUCTURES
    assert found.configuration == values["configurations"][CONFIGURATION]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"patch_size": [16, 12]}, "patch_size: [16, 12] is too short (one number for each of three axes; 2D models"),
        ({"patch_size": [16, 12, 0]}, "patch_size.2: 0 is less than the minimum of 1 (from 1 to 1024)"),
        ({"patch_size": [16, 12, 4096]}, "patch_size.2: 4096 is greater than the maximum of 1024 (from 1 to 1024)"),
        ({"patch_size": [16, 12, 20.5]}, "patch_size.2: 20.5 is not of type 'integer' (from 1 to 1024)"),
        ({"patch_size": None}, "patch_size: is missing"),
        ({"spacing": [2.0, 2.0]}, "spacing: [2.0, 2.0] is too short (spacing of the network's input"),
        ({"spacing": [2.0, 2.0, 0]}, "spacing.2: 0 is less than the minimum of 0.01"),
        (
            {"normalization_schemes": ["ZScoreNormalization"]},
            "normalization_schemes.0: 'ZScoreNormalization' is not one",
        ),
        (
            {"normalization_schemes": ["CTNormalization"] * 2},
            "normalization_schemes: ['CTNormalization', 'CTNormalizatio",
        ),
        (
            {"previous_stage": "3d_lowres"},
            "previous_stage: '3d_lowres' is not of type 'null' (cascades, in which the second",
        ),
        (
            {"preprocessor_name": "Mine"},
            "preprocessor_name: 'Mine' is not one of ['DefaultPreprocessor'] (the default preprocessor of nnU-Net)",
        ),
        ({"resampling_fn_data": "join"}, "resampling_fn_data: 'join' is not one of ['resample_data_or_seg_to_shape',"),
        ({"resampling_fn_probabilities": "join"}, "resampling_fn_probabilities: 'join' is not one of ['resample_data_"),
        ({"architecture": "PlainConvUNet"}, "architecture: 'PlainConvUNet' is not of type 'object'"),
        ({"architecture": {}}, "architecture.network_class_name: is missing"),
        ({"architecture": architecture(strides=[[1, 1]])}, "architecture.arch_kwargs.strides.0: [1, 1] is too short"),
        ({"architecture": None}, "UNet_class_name: is missing"),
    ],
)
def test_a_configuration_that_cannot_be_used_gives_a_line_that_says_why(tmp_path, changed, told):
    path = save(tmp_path, configured(**changed))

    head, *lines = message_of(model_folder.read_configuration, path, CONFIGURATION).splitlines()

    assert head == f"{path}: is not usable:"
    assert any(line.startswith(f"  configurations.{CONFIGURATION}.{told}") for line in lines), lines


def test_an_unknown_network_of_old_plans_is_named(tmp_path):
    path = save(tmp_path, plans_before_2_4(UNet_class_name="MyNet"))

    message = message_of(model_folder.read_configuration, path, CONFIGURATION)

    assert "UNet_class_name: 'MyNet' is not one of ['PlainConvUNet', 'ResidualEncoderUNet']" in message


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"configurations": []}, "configurations: [] is not of type 'object' (configurations by name)"),
        ({"configurations": {CONFIGURATION: 3}}, f"configurations.{CONFIGURATION}: 3 is not of type 'object'"),
        (
            {"transpose_forward": [0, 1, 1]},
            "transpose_forward: [0, 1, 1] has non-unique elements (a permutation of the",
        ),
        ({"transpose_backward": [1, 2, 3]}, "transpose_backward.2: 3 is not one of [0, 1, 2]"),
        (
            {"label_manager": "Mine"},
            "label_manager: 'Mine' is not one of ['LabelManager'] (the label manager of nnU-Net)",
        ),
        (
            {"foreground_intensity_properties_per_channel": {"0": {"mean": 0, "std": 0}}},
            "foreground_intensity_properties_per_channel.0.std: 0 is less than or equal to the minimum of 0",
        ),
        (
            {"foreground_intensity_properties_per_channel": {}},
            "foreground_intensity_properties_per_channel.0: is missing",
        ),
    ],
)
def test_plans_that_cannot_be_used_give_a_line_that_says_why(tmp_path, changed, told):
    path = save(tmp_path, plans(**changed))

    head, *lines = message_of(model_folder.read_configuration, path, CONFIGURATION).splitlines()

    assert head == f"{path}: is not usable:"
    assert any(line.startswith(f"  {told}") for line in lines), lines


def test_what_a_description_lacks_is_told_once_for_each_entry(tmp_path):
    path = tmp_path / "dataset.json"
    path.write_text("{}")

    assert message_of(model_folder.read_dataset, path).splitlines() == [
        f"{path}: is not usable:",
        "  channel_names: is missing; names of the input channels",
        "  labels: is missing; label of each structure",
    ]


def test_a_value_that_would_fill_pages_is_told_by_its_ends(tmp_path):
    path = save(tmp_path, plans(configurations=["x" * 10_000]))

    message = message_of(model_folder.read_configuration, path, CONFIGURATION)

    assert len(message) < 500 + len(str(path))
    assert " … " in message
    assert "is not of type 'object'" in message


def test_plans_without_intensities_are_refused(tmp_path):
    values = plans()
    del values["foreground_intensity_properties_per_channel"]
    path = save(tmp_path, values)

    message = message_of(model_folder.read_configuration, path, CONFIGURATION)

    assert message == (f"{path}: foreground_intensity_properties_per_channel is missing; CTNormalization needs it")


def test_intensities_may_have_the_name_of_the_oldest_plans(tmp_path):
    values = plans_before_2_4()
    name = "foreground_intensity_properties_per_channel"
    values["foreground_intensity_properties_by_modality"] = values.pop(name)

    assert model_folder.read_configuration(save(tmp_path, values), CONFIGURATION)["patch_size"] == [16, 12, 20]


def test_axes_that_do_not_come_back_to_their_places_are_refused(tmp_path):
    path = save(tmp_path, plans(transpose_forward=[2, 0, 1], transpose_backward=[2, 0, 1]))

    message = message_of(model_folder.read_configuration, path, CONFIGURATION)

    assert message == f"{path}: transpose_backward [2, 0, 1] does not undo transpose_forward [2, 0, 1]"


def test_axes_that_are_turned_and_turned_back_are_accepted(tmp_path):
    path = save(tmp_path, plans(transpose_forward=[2, 0, 1], transpose_backward=[1, 2, 0]))

    assert model_folder.read_configuration(path, CONFIGURATION)["patch_size"] == [16, 12, 20]


@pytest.mark.parametrize(
    "values", [configured(patch_size=[16, 13, 20]), plans_before_2_4(patch_size=[16, 13, 20])], ids=["new", "old"]
)
def test_a_patch_that_the_network_cannot_halve_is_refused(tmp_path, values):
    path = save(tmp_path, values)

    message = message_of(model_folder.read_configuration, path, CONFIGURATION)

    assert message == f"{path}: patch_size [16, 13, 20] is no multiple of [2, 2, 2], the network's steps along its axes"


def test_a_configuration_has_what_it_inherits_unless_it_says_otherwise(tmp_path):
    values = plans()
    values["configurations"] |= {
        "middle": {"inherits_from": CONFIGURATION, "patch_size": [8, 8, 8], "batch_size": 5},
        "last": {"inherits_from": "middle", "patch_size": [4, 4, 4]},
    }

    found = model_folder.read_configuration(save(tmp_path, values), "last")

    assert (found["patch_size"], found["batch_size"], found["spacing"]) == ([4, 4, 4], 5, [2.0, 2.0, 2.0])


def test_a_cascade_is_found_through_what_it_inherits(tmp_path):
    values = plans()
    cascade = {"inherits_from": CONFIGURATION, "previous_stage": "3d_lowres"}
    values["configurations"] |= {"3d_cascade_fullres": cascade}

    message = message_of(model_folder.read_configuration, save(tmp_path, values), "3d_cascade_fullres")

    assert "configurations.3d_cascade_fullres.previous_stage: '3d_lowres' is not of type 'null'" in message


@pytest.mark.parametrize(
    ("configurations", "told"),
    [
        ({"other": {}}, "has no configuration 3d_fullres, only other"),
        ({}, "has no configuration 3d_fullres, only none"),
        ({CONFIGURATION: {"inherits_from": "gone"}}, "has no configuration gone, only 3d_fullres"),
        (
            {CONFIGURATION: {"inherits_from": "b"}, "b": {"inherits_from": CONFIGURATION}},
            "configurations inherit in a circle: 3d_fullres from b from 3d_fullres",
        ),
    ],
)
def test_a_configuration_that_is_not_there_is_named(tmp_path, configurations, told):
    path = save(tmp_path, plans(configurations=configurations))

    assert message_of(model_folder.read_configuration, path, CONFIGURATION) == f"{path}: {told}"


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_pickles_in_a_folder_are_never_opened(tmp_path):
    marker = tmp_path / "touched"
    folder = describe(tmp_path / "model")
    for name in ("plans.pkl", "fold_0/checkpoint_final.pth", "fold_0/checkpoint_final.pth.pkl"):
        (folder / name).write_bytes(pickle.dumps(Evil(marker)))

    model_folder.described(folder, CONFIGURATION)
    digests.of_unchanged_file(folder / "fold_0" / "checkpoint_final.pth")

    assert not marker.exists()
    pickle.loads((folder / "plans.pkl").read_bytes())
    assert marker.exists()  # what would have happened


# What plans may name


@pytest.mark.parametrize(
    "network",
    [
        architecture(),
        architecture(conv_op="torch.nn.Conv3d", norm_op=None, nonlin="torch.nn.modules.activation.ReLU"),
        {
            **architecture(block="dynamic_network_architectures.building_blocks.residual.BasicBlockD"),
            "network_class_name": "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet",
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin", "block"],
        },
    ],
)
def test_plans_may_name_classes_of_torch_and_of_nnunets_networks(network):
    model_folder.check_imports(plans(network), Path("plans.json"))


def test_plans_from_before_nnunet_2_4_name_no_class():
    model_folder.check_imports(plans_before_2_4(), Path("plans.json"))


@pytest.mark.parametrize("key", ["conv_op", "norm_op", "dropout_op", "nonlin", "nonlin_first"])
@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.exec",
        "torch.load",
        "torch.hub.load",
        "torch.nn.functional.torch.os.system",
        "torch.nn.functional.torch.utils.cpp_extension.subprocess.Popen",
        "torch.nn.modules.module.torch.load",
        "dynamic_network_architectures.architectures.unet.torch.hub.load",
        "torch.nnx.Conv3d",
        "torch.nn.Conv3d; import os",
        "torch.nn.",
        "",
        ["torch.nn.Conv3d"],
        7,
    ],
)
def test_plans_that_name_anything_else_are_refused(key, name):
    message = message_of(model_folder.check_imports, plans(architecture(**{key: name})), Path("plans.json"))

    assert message == f"plans.json: {key} may name a class of torch.nn or nnU-Net's networks, found {name!r}"


def test_a_network_from_elsewhere_is_refused():
    network = {**architecture(), "network_class_name": "evil.Network"}

    message = message_of(model_folder.check_imports, plans(network), Path("plans.json"))

    assert message.startswith("plans.json: network_class_name may name a class of torch.nn")


def test_what_plans_ask_to_import_is_checked_whatever_it_is_called():
    network = architecture(harmless="antigravity")
    network["_kw_requires_import"].append("harmless")

    message = message_of(model_folder.check_imports, plans(network), Path("plans.json"))

    assert message.startswith("plans.json: harmless may name a class of torch.nn")


def test_a_configuration_is_not_read_before_its_imports_are_checked(tmp_path):
    path = save(tmp_path, plans(architecture(nonlin="os.system")))

    assert "nonlin may name a class of torch.nn" in message_of(model_folder.read_configuration, path, CONFIGURATION)


def test_the_same_word_is_free_where_nothing_is_imported():
    model_folder.check_imports(plans(architecture(harmless="antigravity")), Path("plans.json"))


def test_a_configuration_deep_inside_a_list_is_checked_too():
    hidden = plans(spare=[[{"architecture": architecture(nonlin="os.system")}]])

    assert "found 'os.system'" in message_of(model_folder.check_imports, hidden, Path("plans.json"))


def test_finding_and_checking_a_model_needs_no_torch(tmp_path):
    folder = describe(tmp_path)
    code = (
        "import sys; from pathlib import Path; from ctpop.models import model_folder as m;"
        f"folder = m.find_folder(Path({str(tmp_path)!r})); plans = m.read_json(folder / 'plans.json');"
        "m.check_imports(plans, folder); print(*sorted({'torch', 'nnunetv2'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(WORKFLOW)}, capture_output=True, text=True, check=True
    )

    assert folder.is_dir()
    assert done.stdout.strip() == ""
