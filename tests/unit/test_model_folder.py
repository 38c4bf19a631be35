"""A model folder is found and checked before anything in it is loaded, and nothing it names is imported unseen."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ctpop.errors import ContractError
from ctpop.segmentation import model_folder
from tiny_model import FOLDER_NAME, STRUCTURES, architecture, dataset, describe, plans, plans_before_2_4

WORKFLOW = Path(model_folder.__file__).parents[2]


def message_of(call, *arguments):
    with pytest.raises(ContractError) as refused:
        call(*arguments)
    return str(refused.value)


# Finding


def test_a_model_is_found_by_its_folder_and_by_the_folder_above(tmp_path):
    folder = describe(tmp_path)

    assert model_folder.find_folder(str(folder)) == folder
    assert model_folder.find_folder(str(tmp_path)) == folder


def test_the_files_of_a_model_are_named_one_by_one(tmp_path):
    folder = describe(tmp_path)

    found = model_folder.files(str(tmp_path))

    assert found == [
        f"{folder}/plans.json",
        f"{folder}/dataset.json",
        f"{folder}/fold_0/checkpoint_final.pth",
    ]


def test_a_folder_without_a_model_is_named(tmp_path):
    assert message_of(model_folder.find_folder, str(tmp_path)) == (
        "segment.model: one nnU-Net v2 model folder (with plans.json, dataset.json, fold_0/checkpoint_final.pth)"
        f" is expected, found 0 in {tmp_path}"
    )


def test_a_folder_that_is_not_there_is_named(tmp_path):
    message = message_of(model_folder.find_folder, str(tmp_path / "nowhere"))

    assert message.endswith(f"found 0 in {tmp_path / 'nowhere'}")


def test_two_models_in_one_folder_are_one_too_many(tmp_path):
    describe(tmp_path)
    (tmp_path / FOLDER_NAME).rename(tmp_path / "one")
    describe(tmp_path)

    assert message_of(model_folder.find_folder, str(tmp_path)).endswith(f"found 2 in {tmp_path}")


@pytest.mark.parametrize("name", ["dataset.json", "fold_0/checkpoint_final.pth"])
def test_a_model_that_lacks_a_file_says_which(tmp_path, name):
    folder = describe(tmp_path)
    (folder / name).unlink()

    assert message_of(model_folder.find_folder, str(tmp_path)) == f"segment.model: {folder} lacks {name}"


def test_the_checksum_changes_with_each_of_the_three_files_and_with_nothing_else(tmp_path):
    digests = [model_folder.digest_of(describe(tmp_path / "same"))]
    for name in model_folder.FILES:
        folder = describe(tmp_path / name.replace("/", "_"))
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
        digests.append(model_folder.digest_of(folder))
    copy = describe(tmp_path / "copy")
    (copy / "validation.csv").write_text("dice")

    assert len(set(digests)) == 4
    assert model_folder.digest_of(copy) == digests[0]


# Reading


@pytest.mark.parametrize(("content", "found"), [("{", "is not JSON"), ("[]", "a JSON object is expected, found list")])
def test_a_description_that_is_no_json_object_is_named(tmp_path, content, found):
    path = tmp_path / "plans.json"
    path.write_text(content)

    assert message_of(model_folder.read_json, path).startswith(f"{path}: {found}")


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
        ({"channel_names": {"0": "CT", "1": "PET"}}, "a model with one CT channel is expected, found {'0': 'CT', '1'"),
        ({"channel_names": {}}, "a model with one CT channel is expected, found {}"),
    ],
)
def test_a_model_of_another_kind_is_refused(changed, found):
    message = message_of(model_folder.foreground_labels, dataset(**changed), Path("dataset.json"))

    assert message.startswith(f"dataset.json: {found}")


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


def test_the_same_word_is_free_where_nothing_is_imported():
    model_folder.check_imports(plans(architecture(harmless="antigravity")), Path("plans.json"))


def test_a_configuration_deep_inside_a_list_is_checked_too():
    hidden = plans(spare=[[{"architecture": architecture(nonlin="os.system")}]])

    assert "found 'os.system'" in message_of(model_folder.check_imports, hidden, Path("plans.json"))


def test_finding_and_checking_a_model_needs_no_torch(tmp_path):
    folder = describe(tmp_path)
    code = (
        "import sys; from pathlib import Path; from ctpop.segmentation import model_folder as m;"
        f"folder = m.find_folder({str(tmp_path)!r}); m.digest_of(folder); plans = m.read_json(folder / 'plans.json');"
        "m.check_imports(plans, folder); print(*sorted({'torch', 'nnunetv2'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(WORKFLOW)}, capture_output=True, text=True, check=True
    )

    assert folder.is_dir()
    assert done.stdout.strip() == ""
