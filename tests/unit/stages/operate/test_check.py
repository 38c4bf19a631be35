"""Tests of the command `check`: errors that would stop a run, remedies, and no tracebacks."""

import os
import stat
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from ctpop.cli import main
from ctpop.stages.operate import checks, rates, slurm
from ctpop.stages.operate import configured_study as studies
from support.tiny_model import save_model

GOOD = {
    "executor": "slurm",
    "retries": 2,
    "scheduler": "greedy",
    "slurm-status-command": "squeue",
    "slurm-no-requeue": True,
    "default-resources": {"slurm_partition": "cpu"},
    "set-resources": {"segment": {"slurm_partition": "'gpu' if input.get('model') else 'cpu'"}},
}
SINFO = "cpu|(null)|12\ngpu|gpu:a100:4|3\n"
SCONTROL = "MaxJobCount = 1\nMinJobAge               = {} sec\n"


def profile(folder, **changed):
    settings = {key: value for key, value in {**GOOD, **changed}.items() if value is not None}
    (folder / "profile").mkdir(exist_ok=True)
    (folder / "profile" / "config.yaml").write_text(yaml.safe_dump(settings))
    return folder / "profile"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Return a function that installs commands with the output of a Slurm site."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def answer(sinfo=SINFO, min_job_age=300, code=0):
        for name, words in (("sinfo", sinfo), ("scontrol", SCONTROL.format(min_job_age))):
            path = folder / name
            path.write_text(f"#!/bin/sh\ncat <<'EOT'\n{words}EOT\nexit {code}\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return answer


def levels(found):
    return {check.name: check.level for check in found}


def test_a_site_with_the_partitions_of_the_profile_has_no_errors(tmp_path, site):
    site()

    found = slurm.of_slurm(profile(tmp_path))

    assert levels(found) == {"profile": "ok", "slurm": "ok", "queue": "ok"}
    assert "partitions of the profile: cpu, gpu; with GPUs: gpu" in found[1].found


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"slurm-status-command": "sacct"}, "set slurm-status-command: squeue"),
        ({"slurm-status-command": None}, "set slurm-status-command: squeue"),
        ({"slurm-array-jobs": "segment"}, "slurm-array-jobs: is segment; remove the line"),
        ({"slurm-requeue": True, "slurm-no-requeue": None}, "slurm-requeue: is true; remove the line"),
        ({"scheduler": "ilp"}, "set scheduler: greedy"),
        ({"retries": 0}, "set retries: 2"),
    ],
)
def test_a_setting_that_hangs_jobs_or_deletes_results_is_an_error(tmp_path, site, changed, words):
    site()

    found = slurm.of_slurm(profile(tmp_path, **changed))

    assert found[0].level == "error"
    assert words in found[0].found


def test_a_default_profile_that_would_override_the_others_is_an_error(tmp_path, site, monkeypatch):
    site()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles" / "default").mkdir(parents=True)

    assert "rename profiles/default" in slurm.of_slurm(profile(tmp_path))[0].found


@pytest.mark.parametrize(
    ("answers", "name", "level", "words"),
    [
        (
            {"sinfo": "batch*|(null)|3\n"},
            "slurm",
            "error",
            "missing partitions: cpu, gpu; correct slurm_partition (available: batch",
        ),
        ({"sinfo": "cpu|(null)|3\ngpu|(null)|1\n"}, "slurm", "warning", "none of these partitions lists a GPU"),
        ({"code": 1}, "slurm", "error", "sinfo does not respond"),
        (
            {"min_job_age": 5},
            "queue",
            "error",
            "squeue lists finished jobs for 5 s; at least 120 s are required",
        ),
    ],
)
def test_missing_resources_of_a_site_are_reported(tmp_path, site, answers, name, level, words):
    site(**answers)

    found = {check.name: check for check in slurm.of_slurm(profile(tmp_path))}

    assert found[name].level == level
    assert words in found[name].found


def test_a_partition_with_several_node_types_has_gpus_if_one_type_has(tmp_path, site):
    site(sinfo="cpu|(null)|12\ngpu|gpu:a100:4|3\ngpu|(null)|1\n")

    assert levels(slurm.of_slurm(profile(tmp_path)))["slurm"] == "ok"


def test_a_job_on_a_node_without_slurm_commands_is_not_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "1")

    assert levels(slurm.of_slurm(profile(tmp_path)))["slurm"] == "ok"


def test_a_node_without_slurm_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert levels(slurm.of_slurm(profile(tmp_path))) == {"profile": "ok", "slurm": "error"}


def test_without_slurm_and_without_a_profile_there_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.chdir(tmp_path)

    [check] = slurm.of_slurm(None)

    assert (check.name, check.level) == ("profile", "ok")
    assert check.found.startswith("not checked: Slurm or profiles/slurm not found")


def test_the_slurm_profile_is_checked_by_default_if_slurm_is_available(tmp_path, site, monkeypatch):
    site()
    monkeypatch.chdir(Path(checks.__file__).parents[4])

    assert levels(slurm.of_slurm(None)) == {"profile": "ok", "slurm": "ok", "queue": "ok"}


def test_the_included_profiles_pass_the_checks(site, monkeypatch):
    site()
    monkeypatch.chdir(Path(checks.__file__).parents[4])

    assert levels(slurm.of_slurm(Path("profiles/slurm"))) == {"profile": "ok", "slurm": "ok", "queue": "ok"}
    assert levels(slurm.of_slurm(Path("profiles/local"))) == {"profile": "ok"}


def test_missing_files_of_a_study_are_counted_and_named(study):
    found = {check.name: check for check in checks.of_study(study, sample=0)}

    assert found["files"].level == "error"
    assert found["files"].found == (
        "registry.csv: 24 paths checked, 1 missing (first: segmentation_path of 's03'); correct the paths, which are"
        " absolute or relative to the folder of the registry"
    )
    assert {name: check.level for name, check in found.items() if name != "folder"} == {
        **dict.fromkeys(("registry", "disk", "lock"), "ok"),
        "files": "error",
    }
    assert "12 scans in the cohort, 4 shards (largest: " in found["registry"].found


def with_study(study, cohort=(), **changed):
    """Return a study with changed settings."""
    config = {**study.config, "study": {**study.config["study"], **changed}}
    return studies.ConfiguredStudy({**config, "cohort": {**study.config["cohort"], **dict(cohort)}})


def test_a_registry_with_other_column_names_is_read_with_the_settings_of_the_study(study, tmp_path):
    text = (tmp_path / "registry.csv").read_text()
    (tmp_path / "renamed.csv").write_text(
        text.replace(",", ";").replace("scan_id;patient_id;age_years", "Accession;Patient;Age").replace(";60;", ";n/a;")
    )
    columns = {"Accession": "scan_id", "Patient": "patient_id", "Age": "age_years"}
    reading = {"columns": columns, "separator": ";", "missing": ["n/a"], "criteria": []}

    renamed = with_study(study, reading, registry="renamed.csv")

    assert renamed.cohort["age_years"].isna().all()
    assert renamed.cohort.set_index("scan_id")["shard"].drop("young").equals(study.cohort.set_index("scan_id")["shard"])
    assert len(with_study(study, {**reading, "criteria": ["age_known"]}, registry="renamed.csv").cohort) == 0


def test_a_dicom_study_is_checked_for_its_folder_and_for_disk_space_of_its_volumes(study, tmp_path):
    dicom = with_study(study, start_from="images", dicom="pacs")

    absent = checks.files(dicom, sample=0)
    (tmp_path / "pacs").mkdir()

    assert (absent.level, absent.found) == (
        "error",
        "study.dicom: file 'pacs' does not exist; correct the path, which is relative to the folder in which snakemake"
        " is run",
    )
    assert levels([checks.files(dicom, sample=0)]) == {"files": "ok"}
    assert rates.megabytes_on_disk(dicom, 10) == rates.megabytes_on_disk(study, 10) + 10 * rates.shipped().ct_mb


def test_a_study_with_a_single_table_requires_no_registry(study, tmp_path):
    (tmp_path / "table.csv").write_text("scan_id\n")
    settings = {"study": {"name": "one", "start_from": "measures", "measures": "table.csv"}}
    (tmp_path / "one.yaml").write_text(yaml.safe_dump({**study.config, **settings}))

    found = {check.name: check for check in checks.of_study(studies.read(tmp_path / "one.yaml"), sample=0)}

    assert found["registry"].found == "results/one/registry.csv will be created from table.csv"
    assert {name: check.level for name, check in found.items() if check.level == "error"} == {}


def test_the_sample_of_files_is_reproducible(study):
    assert checks.files(study, 5) == checks.files(study, 5)
    assert checks.files(study, 5).found.startswith("5 paths checked (sample; --all checks all)")


def test_the_check_of_the_folder_leaves_no_files(study, tmp_path):
    before = sorted(path.name for path in tmp_path.iterdir())

    assert checks.writable(study).level in {"ok", "warning"}
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_insufficient_disk_space_is_an_error(study, monkeypatch):
    monkeypatch.setattr(checks.rates, "megabytes_on_disk", lambda *_: 1e12)

    assert checks.disk(study).level == "error"


def test_finished_label_maps_require_no_additional_disk_space(study, monkeypatch):
    monkeypatch.setattr(checks.rates, "megabytes_on_disk", lambda _, scans: 1000.0 * scans)
    before = checks.disk(study).found
    study.store.folder.mkdir(parents=True)
    study.store.note_path("s01").write_text("{}")

    assert "about 12.0 GB needed" in before
    assert "about 11.0 GB needed" in checks.disk(study).found


def test_the_lock_of_an_interrupted_run_is_reported(study, tmp_path):
    (tmp_path / ".snakemake" / "locks").mkdir(parents=True)
    (tmp_path / ".snakemake" / "locks" / "0.input.lock").touch()

    found = checks.lock(tmp_path / ".snakemake" / "locks")

    assert found.level == "warning"
    assert "--unlock" in found.found


def of_images(study, tmp_path, **segment):
    return studies.ConfiguredStudy(
        {
            **study.config,
            "study": {**study.config["study"], "start_from": "images"},
            "segment": {**study.config["segment"], "model": str(save_model(tmp_path / "model")), **segment},
        }
    )


def test_the_checksum_of_a_model_is_verified(study, tmp_path):
    images = of_images(study, tmp_path)

    found = checks.check_or_error("model", lambda: checks.model(images))
    pinned = of_images(study, tmp_path, sha256="0" * 64)
    rejected = checks.check_or_error("model", lambda: checks.model(pinned))

    assert found.level == "ok"
    assert "1 model, SHA-256" in found.found
    assert rejected.level == "error"


@pytest.mark.parametrize(("device", "level"), [("cpu", "ok"), ("auto", "warning"), ("cuda", "error")])
def test_the_level_of_a_missing_gpu_depends_on_the_device_setting(study, tmp_path, device, level):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")

    assert checks.gpu(of_images(study, tmp_path, device=device)).level == level


def test_an_assigned_gpu_that_torch_does_not_detect_is_an_error(study, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")

    found = checks.gpu(of_images(study, tmp_path, device="auto"))

    assert found.level == "error"
    assert "detects no GPU, but CUDA_VISIBLE_DEVICES is 0" in found.found


def test_another_version_of_a_package_is_a_warning_and_a_missing_package_is_an_error(monkeypatch):
    monkeypatch.setattr(checks, "TESTED", {"pytest": version("pytest"), "pandas": "0.1", "no-such-thing": "1"})

    assert levels(checks.software()) == {"pytest": "ok", "pandas": "warning", "no-such-thing": "error"}


def test_the_command_prints_a_table_and_fails_without_a_traceback(study, site, tmp_path, capsys):
    site()

    code = main(["check", "study.yaml", "--profile", str(profile(tmp_path)), "--all"])

    output = capsys.readouterr()
    assert code == 1
    assert "error   files" in output.out
    assert "1 error and" in output.err
    assert "Traceback" not in output.err


NO_STUDY = {
    "is missing": None,
    "is a folder": "folder",
    "is not YAML": b"a: [",
    "is not text": b"\xff\xfe\x00\x01",
    "is a list": b"- 1",
    "has no settings": b"study:\n",
    "has a missing registry": b"study: {name: x, start_from: images, registry: absent.csv}\n",
    "has a registry that is not text": b"study: {name: x, start_from: segmentations, registry: binary.csv}\n",
    "has a registry that is a folder": b"study: {name: x, start_from: segmentations, registry: bin}\n",
    "has an empty registry": b"study: {name: x, start_from: segmentations, registry: empty.csv}\n",
    "has a name with a slash": b"study: {name: a/b, start_from: segmentations, registry: registry.csv}\n",
    "has a missing model": b"study: {name: x, start_from: images, registry: registry.csv}\n"
    b"segment: {model: no_such_model}\n",
    "has a model that is a file": b"study: {name: x, start_from: images, registry: registry.csv}\n"
    b"segment: {model: binary.csv}\n",
}


@pytest.mark.parametrize("kind", NO_STUDY)
def test_a_study_that_cannot_be_read_is_a_line_of_the_table(study, site, tmp_path, capsys, kind):
    site()
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    (tmp_path / "empty.csv").touch()
    content = NO_STUDY[kind]
    path = tmp_path / ("bin" if content == "folder" else "other.yaml")
    if isinstance(content, bytes):
        path.write_bytes(content)

    code = main(["check", str(path), "--profile", str(profile(tmp_path))])

    output = capsys.readouterr()
    assert code == 1
    assert "ok      slurm" in output.out
    assert any(line.startswith("error ") for line in output.out.splitlines())
    assert "before you start the run" in output.err


@pytest.mark.parametrize(
    "content", [None, b"a: [", b"\xff\xfe\x00\x01", b"default-resources:\nexecutor: slurm\n", b"- 1"]
)
def test_an_unreadable_profile_does_not_stop_the_other_checks(study, site, tmp_path, capsys, content):
    site()
    path = tmp_path / "profile.yaml"
    if content:
        path.write_bytes(content)

    main(["check", "study.yaml", "--profile", str(path)])

    assert "registry" in capsys.readouterr().out


def test_the_command_succeeds_without_errors(study, site, tmp_path, capsys):
    site()
    (tmp_path / "s03.nii.gz").touch()

    assert main(["check", "study.yaml", "--profile", str(profile(tmp_path))]) == 0
    assert "no errors" in capsys.readouterr().out
