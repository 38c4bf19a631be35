"""Tests of the profiles, which account for behavior of Snakemake 9.27 and its Slurm plugin 2.8 (docs/cluster.md)."""

import re
from pathlib import Path

import pytest
import yte

from ctpop.study import rules as declared

ROOT = Path(__file__).parents[2]
RULES = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")))
LEAST_MB = 1000  # two Snakemake processes use 300 MB of each job, and the command uses the rest
ATTEMPTS = (1, 2, 3)


def profile(name):
    with (ROOT / "profiles" / name / "config.yaml").open(encoding="utf-8") as file:
        return yte.process_yaml(file, require_use_yte=True)


def value(expression, attempt, model=("model",)):
    """Return the value of a resource expression of a profile in Snakemake."""
    return eval(str(expression), {"attempt": attempt, "input": {"model": model}})


def rules():
    """Return the rules of the workflow that run on the cluster."""
    names = set(re.findall(r"^\s*rule (\w+):", RULES, re.MULTILINE))
    return sorted(names - set(re.findall(r"localrules:\s*(\w+)", RULES)))


@pytest.mark.parametrize("rule", rules())
@pytest.mark.parametrize("resource", ["mem_mb", "runtime"])
def test_a_failed_job_requests_more_at_each_attempt(rule, resource):
    requested = [value(profile("slurm")["set-resources"][rule][resource], attempt) for attempt in ATTEMPTS]

    assert requested == [requested[0] * attempt for attempt in ATTEMPTS]
    assert resource != "mem_mb" or requested[0] >= LEAST_MB


@pytest.mark.parametrize("rule", rules())
@pytest.mark.parametrize("resource", ["mem_mb", "runtime"])
def test_the_first_attempt_requests_the_resources_of_the_rule(rule, resource):
    assert value(profile("slurm")["set-resources"][rule][resource], 1) == declared.resources(rule)[resource]


def test_every_rule_is_declared_and_takes_resources_and_log_from_its_declaration():
    bodies = re.split(r"^\s*rule ", RULES, flags=re.MULTILINE)[1:]

    assert {body.partition(":")[0] for body in bodies} == set(declared.BY_NAME)
    for body in bodies:
        name = body.partition(":")[0]
        assert f'rules_of_study.resources("{name}")' in body, name
        assert f'rules_of_study.log_file(STUDY, "{name}"' in body, name


def test_a_rule_is_in_the_rule_file_of_its_stage():
    files = {
        name: path.stem
        for path in (ROOT / "workflow" / "rules").glob("*.smk")
        for name in re.findall(r"^\s*rule (\w+):", path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert files == {rule.name: rule.stage for rule in declared.RULES}


def test_the_profile_names_no_rule_that_does_not_exist():
    assert set(profile("slurm")["set-resources"]) == set(rules())


def test_rules_without_entries_in_the_profile_have_sufficient_memory():
    defaults = profile("slurm")["default-resources"]

    assert value(defaults["mem_mb"], 1) >= LEAST_MB
    assert value(defaults["runtime"], 3) > value(defaults["runtime"], 1)


def test_only_jobs_with_a_model_go_to_gpu_nodes():
    partition = profile("slurm")["set-resources"]["segment"]["slurm_partition"]

    assert value(partition, 1) == "gpu"
    assert value(partition, 1, model=()) == profile("slurm")["default-resources"]["slurm_partition"]


def test_retries_are_set_in_the_profile_and_not_in_rules():
    assert profile("slurm")["retries"] == 2
    assert not re.search(r"^\s*retries:", RULES, re.MULTILINE)


def test_options_that_hang_run_jobs_twice_or_delete_results_are_disabled():
    slurm = profile("slurm")

    assert slurm["slurm-status-command"] == "squeue"
    assert slurm["slurm-no-requeue"] is True
    assert "slurm-requeue" not in slurm
    assert "slurm-array-jobs" not in slurm
    assert "keep-incomplete" not in slurm
    assert not (ROOT / "profiles" / "default").exists()


@pytest.mark.parametrize("name", ["local", "slurm"])
def test_both_profiles_continue_after_failures_and_kills(name):
    chosen = profile(name)

    assert chosen["scheduler"] == "greedy"
    assert chosen["keep-going"] is chosen["rerun-incomplete"] is True
    assert chosen["show-failed-logs"] is False  # the Snakefile prints the errors once, at the end


def test_one_machine_runs_one_gpu_job_at_a_time():
    assert profile("local")["resources"] == {"gpu": 1}
    assert re.search(r"gpu=1 if START_FROM == \"images\"", RULES)


@pytest.mark.parametrize("name", ["local", "slurm"])
def test_each_setting_of_a_profile_has_a_comment(name):
    lines = (ROOT / "profiles" / name / "config.yaml").read_text(encoding="utf-8").splitlines()
    plain = re.compile(r"^(?!set-|default-|resources|snakefile|executor|__)[a-z-]+: ")

    assert [line for line in lines if plain.match(line) and "#" not in line] == []


@pytest.mark.parametrize("name", ["local", "slurm"])
@pytest.mark.parametrize("place", [".", "docs", "workflow/rules"])
def test_a_profile_finds_the_snakefile_from_any_folder_of_the_checkout(monkeypatch, place, name):
    monkeypatch.chdir(ROOT / place)

    expected = "workflow/Snakefile" if place == "workflow/rules" else "Snakefile"
    assert profile(name)["snakefile"] == str(ROOT / expected)


@pytest.mark.parametrize("name", ["local", "slurm"])
def test_a_linked_profile_finds_the_snakefile_of_its_checkout_from_any_folder(monkeypatch, tmp_path, name):
    (tmp_path / "snakemake").mkdir()
    (tmp_path / "snakemake" / name).symlink_to(ROOT / "profiles" / name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert profile(name)["snakefile"] == str(ROOT / "Snakefile")


@pytest.mark.parametrize("place", ["Snakefile", "workflow/Snakefile"])
def test_the_snakefile_of_the_working_directory_comes_first(monkeypatch, tmp_path, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).touch()
    monkeypatch.chdir(tmp_path)

    assert profile("slurm")["snakefile"] == str(tmp_path / place)


def test_a_profile_states_no_snakefile_where_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert profile("slurm")["snakefile"] is None


@pytest.mark.parametrize("name", ["local", "slurm"])
def test_results_are_written_below_the_working_directory(name):
    assert "directory" not in profile(name)
