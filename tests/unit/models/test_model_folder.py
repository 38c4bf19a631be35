"""A model folder is checked before its content is loaded, and names in its plans are checked before import."""

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
ONE_BY_ONE = "labels must be 0 for the background and 1, 2, … for the structures"
ONE_CHANNEL = "the model must have exactly one input channel (CT)"


def message_of(call, *arguments):
    with pytest.raises(ContractError) as refused:
        call(*arguments)
    return str(refused.value)


# Finding


def test_a_model_is_found_in_its_folder_and_in_the_parent_folder(tmp_path):
    folder = describe(tmp_path)

    assert model_folder.find_folder(folder) == folder
    assert model_folder.find_folder(tmp_path) == folder


def test_a_folder_without_a_model_is_reported(tmp_path):
    assert message_of(model_folder.find_folder, tmp_path) == (
        "segment.model: exactly one nnU-Net v2 model folder (with plans.json, dataset.json,"
        f" fold_0/checkpoint_final.pth) is required, but the number of such folders in {tmp_path} is 0; set"
        " segment.model to the path of one"
        " model folder"
    )


def test_a_missing_folder_is_reported(tmp_path):
    message = message_of(model_folder.find_folder, tmp_path / "absent")

    assert f"but the number of such folders in {tmp_path / 'absent'} is 0; set segment.model" in message


def test_two_models_in_one_folder_are_rejected(tmp_path):
    describe(tmp_path)
    (tmp_path / FOLDER_NAME).rename(tmp_path / "one")
    describe(tmp_path)

    assert f"but the number of such folders in {tmp_path} is 2; set segment.model" in message_of(
        model_folder.find_folder, tmp_path
    )


@pytest.mark.parametrize("name", ["dataset.json", "fold_0/checkpoint_final.pth"])
def test_a_missing_file_of_a_model_is_reported(tmp_path, name):
    folder = describe(tmp_path)
    (folder / name).unlink()

    assert message_of(model_folder.find_folder, tmp_path) == (
        f"segment.model: {name} not found in {folder}; copy the missing files from the training folder of nnU-Net"
    )


def test_a_file_is_hashed_once_and_again_if_it_changes(tmp_path):
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(b"abc")
    before = path.stat()
    # SOURCE: FIPS 180-2, appendix B.1
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    assert digests.of_unchanged_file(path) == abc
    path.write_bytes(b"xyz")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digests.of_unchanged_file(path) == abc  # size and time are unchanged, so the file was not read
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert digests.of_unchanged_file(path) != abc


# Reading


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "the file is not valid JSON"),
        ("[]", "the top level must be a JSON object, but is of type list"),
        ('{"std": NaN}', "the file is not valid JSON (NaN is not a finite number)"),
        ('{"std": -Infinity}', "the file is not valid JSON (-Infinity is not a finite number)"),
        ('{"std": 1e999}', "the file is not valid JSON (1e999 is not a finite number)"),
        ("[" * 100_000, "the file is not valid JSON (maximum recursion depth exceeded"),
    ],
    ids=["incomplete", "list", "NaN", "infinite", "too large", "too deep"],
)
def test_a_description_that_is_not_a_json_object_is_reported(tmp_path, content, found):
    path = tmp_path / "plans.json"
    path.write_text(content)

    assert message_of(model_folder.read_json, path).startswith(f"{path}: {found}")


def test_a_missing_description_is_reported(tmp_path):
    message = message_of(model_folder.read_json, tmp_path / "plans.json")

    assert message == f"{tmp_path / 'plans.json'}: the file cannot be read (No such file or directory)"


def test_a_description_is_read_unchanged(tmp_path):
    path = tmp_path / "plans.json"
    path.write_text(json.dumps({"dataset_name": "Größe"}), encoding="utf-8")

    assert model_folder.read_json(path) == {"dataset_name": "Größe"}


def test_the_labels_of_a_model_are_the_labels_of_its_dataset_without_background():
    assert model_folder.foreground_labels(dataset(), Path("dataset.json")) == STRUCTURES


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"labels": {"background": 0, "kidneys": [1, 2]}}, "labels must map each structure to one integer"),
        ({"labels": {}}, "labels must map each structure to one integer"),
        ({"labels": {"background": 0, "spleen": "1"}}, "labels must map each structure to one integer"),
        ({"labels": {"background": False, "spleen": True}}, "labels must map each structure to one integer"),
        ({"labels": {"background": 0}}, f"{ONE_BY_ONE}, but are background 0"),
        ({"labels": {"spleen": 0, "liver": 1}}, f"{ONE_BY_ONE}, but are spleen 0, liver 1"),
        ({"labels": {"background": 0, "a": 1, "b": 3}}, f"{ONE_BY_ONE}, but are background 0"),
        ({"labels": {"background": 0, "a": 1, "b": 1}}, f"{ONE_BY_ONE}, but are background 0"),
        ({"channel_names": {"0": "CT", "1": "PET"}}, f"{ONE_CHANNEL}, but channel_names is {{'0': 'CT', '1': 'PET'}}"),
        ({"channel_names": {}}, f"{ONE_CHANNEL}, but channel_names is {{}}"),
    ],
)
def test_an_unsupported_model_is_rejected(changed, found):
    message = message_of(model_folder.foreground_labels, dataset(**changed), Path("dataset.json"))

    assert message.startswith(f"dataset.json: {found}")


def test_voxels_ignored_in_training_are_not_a_structure():
    labels = {"background": 0, "liver": 2, "spleen": 1, "ignore": 3}

    assert model_folder.foreground_labels(dataset(labels=labels), Path("dataset.json")) == {"liver": 2, "spleen": 1}


# Required content of a folder


def save(folder, values):
    path = folder / "plans.json"
    path.write_text(json.dumps(values))
    return path


def configured(**changed):
    """Return plans with a changed configuration; None removes an entry."""
    values = plans()
    configuration = values["configurations"][CONFIGURATION] | changed
    values["configurations"][CONFIGURATION] = {key: value for key, value in configuration.items() if value is not None}
    return values


@pytest.mark.parametrize("values", [plans(), plans_before_2_4()], ids=["since 2.4", "before 2.4"])
def test_a_folder_written_by_nnunet_is_accepted(tmp_path, values):
    folder = describe(tmp_path, plans=values)

    found = model_folder.described(folder, CONFIGURATION)

    assert found.labels == STRUCTURES
    assert found.configuration == values["configurations"][CONFIGURATION]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"patch_size": [16, 12]}, "patch_size: [16, 12] is too short (one number for each of three axes; 2D models"),
        ({"patch_size": [16, 12, 0]}, "patch_size.2: 0 is less than the minimum of 1 (from 1 to 1024)"),
        ({"patch_size": [16, 12, 4096]}, "patch_size.2: 4096 is greater than the maximum of 1024 (from 1 to 1024)"),
        ({"patch_size": [16, 12, 20.5]}, "patch_size.2: 20.5 is not of type 'integer' (from 1 to 1024)"),
        ({"patch_size": None}, "patch_size: missing key"),
        ({"spacing": [2.0, 2.0]}, "spacing: [2.0, 2.0] is too short (spacing of the input of the network"),
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
        ({"architecture": {}}, "architecture.network_class_name: missing key"),
        ({"architecture": architecture(strides=[[1, 1]])}, "architecture.arch_kwargs.strides.0: [1, 1] is too short"),
        ({"architecture": None}, "UNet_class_name: missing key"),
    ],
)
def test_an_unsupported_configuration_is_reported_with_the_reason(tmp_path, changed, expected):
    path = save(tmp_path, configured(**changed))

    head, *lines = message_of(model_folder.read_configuration, path, CONFIGURATION).splitlines()

    assert head == f"{path}: unsupported model:"
    assert any(line.startswith(f"  configurations.{CONFIGURATION}.{expected}") for line in lines), lines


def test_an_unknown_network_of_old_plans_is_reported(tmp_path):
    path = save(tmp_path, plans_before_2_4(UNet_class_name="MyNet"))

    message = message_of(model_folder.read_configuration, path, CONFIGURATION)

    assert "UNet_class_name: 'MyNet' is not one of ['PlainConvUNet', 'ResidualEncoderUNet']" in message


@pytest.mark.parametrize(
    ("changed", "expected"),
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
            "foreground_intensity_properties_per_channel.0: missing key",
        ),
    ],
)
def test_unsupported_plans_are_reported_with_the_reason(tmp_path, changed, expected):
    path = save(tmp_path, plans(**changed))

    head, *lines = message_of(model_folder.read_configuration, path, CONFIGURATION).splitlines()

    assert head == f"{path}: unsupported model:"
    assert any(line.startswith(f"  {expected}") for line in lines), lines


def test_each_missing_entry_of_a_description_is_reported_once(tmp_path):
    path = tmp_path / "dataset.json"
    path.write_text("{}")

    assert message_of(model_folder.read_dataset, path).splitlines() == [
        f"{path}: unsupported model:",
        "  channel_names: missing key; names of the input channels",
        "  labels: missing key; label of each structure",
    ]


def test_a_long_value_is_shortened_in_the_message(tmp_path):
    path = save(tmp_path, plans(configurations=["x" * 10_000]))

    message = message_of(model_folder.read_configuration, path, CONFIGURATION)

    assert len(message) < 500 + len(str(path))
    assert " … " in message
    assert "is not of type 'object'" in message


def test_plans_without_intensities_are_rejected(tmp_path):
    values = plans()
    del values["foreground_intensity_properties_per_channel"]
    path = save(tmp_path, values)

    message = message_of(model_folder.read_configuration, path, CONFIGURATION)

    assert message == (
        f"{path}: foreground_intensity_properties_per_channel is missing, but CTNormalization requires this key"
    )


def test_intensities_can_have_the_name_of_the_oldest_plans(tmp_path):
    values = plans_before_2_4()
    name = "foreground_intensity_properties_per_channel"
    values["foreground_intensity_properties_by_modality"] = values.pop(name)

    assert model_folder.read_configuration(save(tmp_path, values), CONFIGURATION)["patch_size"] == [16, 12, 20]


def test_transpositions_that_are_not_inverse_are_rejected(tmp_path):
    path = save(tmp_path, plans(transpose_forward=[2, 0, 1], transpose_backward=[2, 0, 1]))

    message = message_of(model_folder.read_configuration, path, CONFIGURATION)

    assert message == f"{path}: transpose_backward [2, 0, 1] is not the inverse of transpose_forward [2, 0, 1]"


def test_inverse_transpositions_are_accepted(tmp_path):
    path = save(tmp_path, plans(transpose_forward=[2, 0, 1], transpose_backward=[1, 2, 0]))

    assert model_folder.read_configuration(path, CONFIGURATION)["patch_size"] == [16, 12, 20]


@pytest.mark.parametrize(
    "values", [configured(patch_size=[16, 13, 20]), plans_before_2_4(patch_size=[16, 13, 20])], ids=["new", "old"]
)
def test_a_patch_that_the_network_cannot_downsample_is_rejected(tmp_path, values):
    path = save(tmp_path, values)

    message = message_of(model_folder.read_configuration, path, CONFIGURATION)

    assert message == (
        f"{path}: patch_size [16, 13, 20] is not divisible by [2, 2, 2], the products of the network strides by axis"
    )


def test_a_configuration_can_override_inherited_entries(tmp_path):
    values = plans()
    values["configurations"] |= {
        "middle": {"inherits_from": CONFIGURATION, "patch_size": [8, 8, 8], "batch_size": 5},
        "last": {"inherits_from": "middle", "patch_size": [4, 4, 4]},
    }

    found = model_folder.read_configuration(save(tmp_path, values), "last")

    assert (found["patch_size"], found["batch_size"], found["spacing"]) == ([4, 4, 4], 5, [2.0, 2.0, 2.0])


def test_an_inherited_cascade_is_rejected(tmp_path):
    values = plans()
    cascade = {"inherits_from": CONFIGURATION, "previous_stage": "3d_lowres"}
    values["configurations"] |= {"3d_cascade_fullres": cascade}

    message = message_of(model_folder.read_configuration, save(tmp_path, values), "3d_cascade_fullres")

    assert "configurations.3d_cascade_fullres.previous_stage: '3d_lowres' is not of type 'null'" in message


@pytest.mark.parametrize(
    ("configurations", "expected"),
    [
        ({"other": {}}, "the configuration 3d_fullres does not exist; available configurations: other"),
        ({}, "the configuration 3d_fullres does not exist; available configurations: none"),
        (
            {CONFIGURATION: {"inherits_from": "gone"}},
            "the configuration gone does not exist; available configurations: 3d_fullres",
        ),
        (
            {CONFIGURATION: {"inherits_from": "b"}, "b": {"inherits_from": CONFIGURATION}},
            "circular inheritance of configurations: 3d_fullres from b from 3d_fullres",
        ),
    ],
)
def test_a_missing_configuration_is_reported(tmp_path, configurations, expected):
    path = save(tmp_path, plans(configurations=configurations))

    assert message_of(model_folder.read_configuration, path, CONFIGURATION) == f"{path}: {expected}"


class Evil:
    """An object that runs a command when it is unpickled."""

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
    assert marker.exists()  # opening the file would have run the command


# Names in plans


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
def test_plans_can_name_classes_of_torch_and_of_the_nnunet_networks(network):
    model_folder.check_imports(plans(network), Path("plans.json"))


def test_plans_from_before_nnunet_2_4_contain_no_class_names():
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
def test_plans_with_other_names_are_rejected(key, name):
    message = message_of(model_folder.check_imports, plans(architecture(**{key: name})), Path("plans.json"))

    expected = f"plans.json: {key} must be a class of torch.nn or of the nnU-Net networks, but is {name!r}"
    assert message == expected


def test_a_network_of_another_package_is_rejected():
    network = {**architecture(), "network_class_name": "evil.Network"}

    message = message_of(model_folder.check_imports, plans(network), Path("plans.json"))

    assert message.startswith("plans.json: network_class_name must be a class of torch.nn")


def test_imports_required_by_plans_are_checked_for_any_key():
    network = architecture(harmless="antigravity")
    network["_kw_requires_import"].append("harmless")

    message = message_of(model_folder.check_imports, plans(network), Path("plans.json"))

    assert message.startswith("plans.json: harmless must be a class of torch.nn")


def test_a_configuration_is_not_read_before_its_imports_are_checked(tmp_path):
    path = save(tmp_path, plans(architecture(nonlin="os.system")))

    assert "nonlin must be a class of torch.nn" in message_of(model_folder.read_configuration, path, CONFIGURATION)


def test_any_value_is_accepted_if_it_is_not_imported():
    model_folder.check_imports(plans(architecture(harmless="antigravity")), Path("plans.json"))


def test_a_configuration_in_nested_lists_is_checked():
    hidden = plans(spare=[[{"architecture": architecture(nonlin="os.system")}]])

    assert "but is 'os.system'" in message_of(model_folder.check_imports, hidden, Path("plans.json"))


def test_finding_and_checking_a_model_does_not_require_torch(tmp_path):
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
