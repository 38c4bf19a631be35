"""The doctor finds what would stop a night, says what to do, and never shows a traceback."""

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
    """Commands that answer as those of a Slurm site do."""
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


def test_a_site_with_what_the_profile_asks_for_is_fine(tmp_path, site):
    site()

    found = slurm.of_slurm(profile(tmp_path))

    assert levels(found) == {"profile": "ok", "slurm": "ok", "queue": "ok"}
    assert "partitions cpu, gpu are there; GPUs in gpu" in found[1].found


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"slurm-status-command": "sacct"}, "slurm-status-command should be squeue"),
        ({"slurm-status-command": None}, "slurm-status-command should be squeue"),
        ({"slurm-array-jobs": "segment"}, "slurm-array-jobs should not be there"),
        ({"slurm-requeue": True, "slurm-no-requeue": None}, "slurm-requeue should not be there"),
        ({"scheduler": "ilp"}, "scheduler should be greedy"),
        ({"retries": 0}, "retries should be 2"),
    ],
)
def test_a_setting_that_hangs_or_deletes_is_an_error(tmp_path, site, changed, words):
    site()

    found = slurm.of_slurm(profile(tmp_path, **changed))

    assert found[0].level == "error"
    assert words in found[0].found


def test_a_default_profile_that_would_override_the_others_is_an_error(tmp_path, site, monkeypatch):
    site()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles" / "default").mkdir(parents=True)

    assert "profiles/default is loaded on top" in slurm.of_slurm(profile(tmp_path))[0].found


@pytest.mark.parametrize(
    ("answers", "name", "level", "words"),
    [
        ({"sinfo": "batch*|(null)|3\n"}, "slurm", "error", "asks for cpu, gpu, but the partitions are batch"),
        ({"sinfo": "cpu|(null)|3\ngpu|(null)|1\n"}, "slurm", "warning", "none of them shows a GPU"),
        ({"code": 1}, "slurm", "error", "sinfo does not answer"),
        ({"min_job_age": 5}, "queue", "error", "squeue forgets jobs after 5 s; 120 are needed"),
    ],
)
def test_what_a_site_lacks_is_told(tmp_path, site, answers, name, level, words):
    site(**answers)

    found = {check.name: check for check in slurm.of_slurm(profile(tmp_path))}

    assert found[name].level == level
    assert words in found[name].found


def test_a_partition_of_several_kinds_of_nodes_has_gpus_if_one_of_them_has(tmp_path, site):
    site(sinfo="cpu|(null)|12\ngpu|gpu:a100:4|3\ngpu|(null)|1\n")

    assert levels(slurm.of_slurm(profile(tmp_path)))["slurm"] == "ok"


def test_a_job_on_a_node_without_commands_of_slurm_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "1")

    assert levels(slurm.of_slurm(profile(tmp_path)))["slurm"] == "ok"


def test_a_node_without_slurm_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert levels(slurm.of_slurm(profile(tmp_path))) == {"profile": "ok", "slurm": "error"}


def test_without_slurm_a_profile_that_nobody_named_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.chdir(tmp_path)

    [check] = slurm.of_slurm(None)

    assert (check.name, check.level) == ("profile", "ok")
    assert check.found.startswith("not checked: no Slurm or no profiles/slurm is here")


def test_where_there_is_slurm_its_profile_is_checked_though_nobody_named_it(tmp_path, site, monkeypatch):
    site()
    monkeypatch.chdir(Path(checks.__file__).parents[4])

    assert levels(slurm.of_slurm(None)) == {"profile": "ok", "slurm": "ok", "queue": "ok"}


def test_the_shipped_profiles_are_found_right_or_not_for_slurm(site, monkeypatch):
    site()
    monkeypatch.chdir(Path(checks.__file__).parents[4])

    assert levels(slurm.of_slurm(Path("profiles/slurm"))) == {"profile": "ok", "slurm": "ok", "queue": "ok"}
    assert levels(slurm.of_slurm(Path("profiles/local"))) == {"profile": "ok"}


def test_a_study_that_lacks_files_is_told_by_number_and_name(study):
    found = {check.name: check for check in checks.of_study(study, sample=0)}

    assert found["files"].level == "error"
    assert found["files"].found == (
        "24 looked for, 1 are not there, first segmentation_path of s03; correct the paths, which are absolute or"
        " relative to the registry's folder"
    )
    assert {name: check.level for name, check in found.items() if name != "folder"} == {
        **dict.fromkeys(("registry", "disk", "lock"), "ok"),
        "files": "error",
    }
    assert "12 scans enter, 4 shards" in found["registry"].found


def with_study(study, cohort=(), **changed):
    """Return a study with other settings."""
    config = {**study.config, "study": {**study.config["study"], **changed}}
    return studies.ConfiguredStudy({**config, "cohort": {**study.config["cohort"], **dict(cohort)}})


def test_a_registry_of_another_shape_is_read_as_the_study_says(study, tmp_path):
    text = (tmp_path / "registry.csv").read_text()
    (tmp_path / "theirs.csv").write_text(
        text.replace(",", ";").replace("scan_id;patient_id;age_years", "Accession;Person;Age").replace(";60;", ";n/a;")
    )
    columns = {"Accession": "scan_id", "Person": "patient_id", "Age": "age_years"}
    reading = {"columns": columns, "separator": ";", "missing": ["n/a"], "criteria": []}

    theirs = with_study(study, reading, registry="theirs.csv")

    assert theirs.cohort["age_years"].isna().all()
    assert theirs.cohort.set_index("scan_id")["shard"].drop("young").equals(study.cohort.set_index("scan_id")["shard"])
    assert len(with_study(study, {**reading, "criteria": ["age_known"]}, registry="theirs.csv").cohort) == 0


def test_of_a_study_from_dicom_the_folder_is_looked_for_and_room_for_its_volumes(study, tmp_path):
    dicom = with_study(study, start_from="images", dicom="pacs")

    absent = checks.files(dicom, sample=0)
    (tmp_path / "pacs").mkdir()

    assert (absent.level, absent.found) == (
        "error",
        "1 looked for, 1 are not there, first study.dicom; correct the paths",
    )
    assert levels([checks.files(dicom, sample=0)]) == {"files": "ok"}
    assert rates.megabytes_on_disk(dicom, 10) == rates.megabytes_on_disk(study, 10) + 10 * rates.shipped().ct_mb


def test_a_study_of_one_table_needs_no_registry(study, tmp_path):
    (tmp_path / "table.csv").write_text("scan_id\n")
    settings = {"study": {"name": "one", "start_from": "measures", "measures": "table.csv"}}
    (tmp_path / "one.yaml").write_text(yaml.safe_dump({**study.config, **settings}))

    found = {check.name: check for check in checks.of_study(studies.read(tmp_path / "one.yaml"), sample=0)}

    assert found["registry"].found == "results/one/registry.csv will be made of table.csv"
    assert {name: check.level for name, check in found.items() if check.level == "error"} == {}


def test_a_sample_of_the_files_is_the_same_each_time(study):
    assert checks.files(study, 5) == checks.files(study, 5)
    assert checks.files(study, 5).found.startswith("5 looked for (a sample; --all looks for all)")


def test_the_probe_of_the_folder_leaves_nothing(study, tmp_path):
    before = sorted(path.name for path in tmp_path.iterdir())

    assert checks.writable(study).level in {"ok", "warning"}
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_disk_that_is_too_small_is_an_error(study, monkeypatch):
    monkeypatch.setattr(checks.rates, "megabytes_on_disk", lambda *_: 1e12)

    assert checks.disk(study).level == "error"


def test_what_is_in_the_store_needs_no_more_room(study, monkeypatch):
    monkeypatch.setattr(checks.rates, "megabytes_on_disk", lambda _, scans: 1000.0 * scans)
    before = checks.disk(study).found
    study.store.folder.mkdir(parents=True)
    study.store.note_path("s01").write_text("{}")

    assert "about 12.0 GB needed" in before
    assert "about 11.0 GB needed" in checks.disk(study).found


def test_a_lock_that_a_killed_run_left_is_told(study, tmp_path):
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


def test_a_model_is_read_to_its_last_byte(study, tmp_path):
    images = of_images(study, tmp_path)

    found = checks.check_or_error("model", lambda: checks.model(images))
    pinned = of_images(study, tmp_path, sha256="0" * 64)
    refused = checks.check_or_error("model", lambda: checks.model(pinned))

    assert found.level == "ok"
    assert "1 models, SHA-256" in found.found
    assert refused.level == "error"


@pytest.mark.parametrize(("device", "level"), [("cpu", "ok"), ("auto", "warning"), ("cuda", "error")])
def test_a_machine_without_a_gpu_is_as_bad_as_the_study_wants_it(study, tmp_path, device, level):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")

    assert checks.gpu(of_images(study, tmp_path, device=device)).level == level


def test_a_job_with_a_card_that_torch_does_not_see_is_an_error(study, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")

    found = checks.gpu(of_images(study, tmp_path, device="auto"))

    assert found.level == "error"
    assert "sees no GPU, but card 0 is given" in found.found


def test_a_package_of_another_version_is_a_warning_and_a_missing_one_an_error(monkeypatch):
    monkeypatch.setattr(checks, "TESTED", {"pytest": version("pytest"), "pandas": "0.1", "no-such-thing": "1"})

    assert levels(checks.software()) == {"pytest": "ok", "pandas": "warning", "no-such-thing": "error"}


def test_the_command_prints_a_table_and_fails_without_a_traceback(study, site, tmp_path, capsys):
    site()

    code = main(["check", "study.yaml", "--profile", str(profile(tmp_path)), "--all"])

    told = capsys.readouterr()
    assert code == 1
    assert "error   files" in told.out
    assert "1 errors and" in told.err
    assert "Traceback" not in told.err


NO_STUDY = {
    "is not there": None,
    "is a folder": "folder",
    "is no YAML": b"a: [",
    "is no text": b"\xff\xfe\x00\x01",
    "is a list": b"- 1",
    "has no settings": b"study:\n",
    "has a registry that is not there": b"study: {name: x, start_from: images, registry: nowhere.csv}\n",
    "has a registry that is no text": b"study: {name: x, start_from: segmentations, registry: binary.csv}\n",
    "has a registry that is a folder": b"study: {name: x, start_from: segmentations, registry: bin}\n",
    "has an empty registry": b"study: {name: x, start_from: segmentations, registry: empty.csv}\n",
    "has a name with a slash": b"study: {name: a/b, start_from: segmentations, registry: registry.csv}\n",
    "has a model that is not there": b"study: {name: x, start_from: images, registry: registry.csv}\n"
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

    told = capsys.readouterr()
    assert code == 1
    assert "ok      slurm" in told.out
    assert any(line.startswith("error ") for line in told.out.splitlines())
    assert "put the errors right" in told.err


@pytest.mark.parametrize(
    "content", [None, b"a: [", b"\xff\xfe\x00\x01", b"default-resources:\nexecutor: slurm\n", b"- 1"]
)
def test_a_profile_that_cannot_be_read_ends_nothing(study, site, tmp_path, capsys, content):
    site()
    path = tmp_path / "profile.yaml"
    if content:
        path.write_bytes(content)

    main(["check", "study.yaml", "--profile", str(path)])

    assert "registry" in capsys.readouterr().out


def test_the_command_ends_well_when_nothing_is_wrong(study, site, tmp_path, capsys):
    site()
    (tmp_path / "s03.nii.gz").touch()

    assert main(["check", "study.yaml", "--profile", str(profile(tmp_path))]) == 0
    assert "no errors" in capsys.readouterr().out
