"""Run every command that documentation, comments, and messages print, in the checkout of a user."""

import functools
import re
import shutil

import pytest

from ctpop.cli import COMMANDS, make_parser
from support import printed_commands, tiny_model
from support.page_runner import (
    Policy,
    Reader,
    as_printed,
    by_page,
    dry_run,
    files_named,
    options_of_script,
    recipe,
    syntax,
)
from support.printed_commands import Command
from support.studies import REPO
from support.user_checkout import Checkout, Outcome

PRINTED = printed_commands.commands(REPO)
PLACEHOLDER = re.compile(r"…|\.\.\.|<[a-z ]+>|/path/to/|\b[A-Z]{4,}(?:_[A-Z]+)*\b(?![=\w])")
FILLED_IN = re.compile(r"\$?\{[^}]*\}")  # replaced by the program before the message is printed
IN_EVERY_PAGE = (
    *("README.md", "docs/guide.md", "docs/cluster.md", "docs/reproduce.md"),
    *("config.yaml", "Snakefile", "docs/study.yaml"),
)


def doctor(reader, command):
    """Without Slurm, `check` reports one error and ends with exit code 1, as docs/cluster.md states."""
    ended = as_printed(reader, command)
    errors = [line.split()[1] for line in ended.printed.splitlines() if line.startswith("error  ")]
    found = errors in (["slurm"], []) and ended.code == (1 if errors else 0)
    return Outcome(0 if found else 1, ended.printed)


POLICIES = [
    Policy(r"^(curl|pip install|npm pack|conda) ", syntax, "requires a network or conda"),
    Policy(r"^tmux ", syntax, "requires an interactive terminal"),
    Policy(r"^(srun|squeue|scancel|sinfo)\b", syntax, "requires Slurm: run in tests/slurm/test_printed_commands.py"),
    Policy(r"--sdm conda", dry_run, "requires conda"),
    Policy(r"^snakemake .*--profile (profiles/)?slurm\b(?!.*--unlock)", dry_run, "run on Slurm in tests/slurm"),
    Policy(r"^snakemake --profile profiles/local$", dry_run, "the demo, run by the fixture `demo`"),
    Policy(r"--forcerun", dry_run, "repeats most of a study; see test_reruns.py"),
    Policy(r"--configfile paper_model.yaml$", dry_run, "64 segmentation jobs and the figures of 104 structures"),
    Policy(r"^snakemake ", dry_run, "a second study; see tests/workflow/test_dicom.py", page="docs/dicom.md"),
    Policy(r"--configfile docs/examples/bids.yaml$", dry_run, "requires the public weights of TotalSegmentator"),
    Policy(r"ctpop check", doctor, "Slurm is not available"),
    Policy(
        r"^make (?!help$)", recipe, "installs packages, runs complete studies or all tests, or writes to the checkout"
    ),
    Policy(
        r"^python (bench|demo)/(?!.* --help$)",
        options_of_script,
        "takes minutes to hours; some require a GPU, a peer, or a browser",
    ),
    Policy(r"pytest ", files_named, "tests that are part of the test suite"),
]
PROMISED = {  # files that a command creates according to the page, by the beginning of the command
    "snakemake --profile profiles/local --configfile my_study.yaml": "results/my_study/report/index.html",
    "snakemake describe --profile profiles/local --configfile my_study.yaml": "results/my_study/report/table1.html",
    "snakemake describe --profile profiles/local --configfile docs/examples/totalsegmentator_dataset.yaml": (
        "results/totalsegmentator_dataset/figures/cohort_flow.svg"
    ),
    "snakemake export": "results/my_study/export/table1.csv",
    "snakemake --report report.html": "report.html",
    "snakemake cohort": "results/my_study/tables/cohort.parquet",
    "ctpop index my_dicom": "my_cohort/registry_files.csv",
    "ctpop compare results": "results/first_and_second",
    "ctpop requantify --": "further.csv",
    "for task in v1": "weights/Dataset256_TotalSegmentator_3mm_1139subj",
    "mkdir -p ~/.config": "home/.config/snakemake/slurm/config.yaml",
    "head -n 11": "my_cohort/pilot.csv",
}


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A checkout with a small finished study."""
    found = Checkout(tmp_path_factory.mktemp("checkout"))
    found.prepare()
    return found


@pytest.fixture(scope="session")
def outcome_of(checkout):
    """A function that runs a command after the preceding commands of its page and returns the outcome."""
    reader, pages = Reader(checkout, POLICIES, PROMISED), by_page(PRINTED)
    run = functools.cache(lambda page: reader.page(pages[page]))
    return lambda command: run(command.page)[command]


@pytest.mark.parametrize("command", PRINTED, ids=str)
def test_a_printed_command_does_what_the_page_says(command, outcome_of):
    ended = outcome_of(command)

    assert ended.code == 0, f"{command}\n{ended.printed[-3000:]}"


def test_the_commands_of_the_page_on_the_papers_model_convert_every_tensor(outcome_of):
    [last] = [command for command in PRINTED if command.text.startswith("tail -qn 1 v1/")]

    lines = [line for line in outcome_of(last).printed.splitlines() if line]

    assert [line.partition(";")[0] for line in lines] == [
        "nnU-Net v1 tensors converted: 62 of 62",
        "nnU-Net v1 tensors converted: 44 of 44",
    ]


def test_every_page_that_users_follow_prints_commands():
    assert set(IN_EVERY_PAGE) <= {command.page for command in PRINTED}
    assert {"describe", "export", "cohort"} <= {word for command in PRINTED for word in command.text.split()[1:2]}


def test_every_reason_not_to_run_a_command_is_still_needed():
    first = {next((policy for policy in POLICIES if policy.covers(command)), None) for command in PRINTED}

    assert [policy.pattern for policy in POLICIES if policy not in first] == []


def test_every_promised_file_belongs_to_a_printed_command():
    texts = [command.text for command in PRINTED]

    assert [beginning for beginning in PROMISED if not any(text.startswith(beginning) for text in texts)] == []


def test_no_printed_command_has_a_word_that_the_reader_has_to_replace():
    assert [str(command) for command in PRINTED if PLACEHOLDER.search(FILLED_IN.sub("", command.text))] == []


def test_nothing_that_looks_like_a_command_is_left_out():
    assert list(map(str, printed_commands.problems(REPO))) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_prints_only_commands_that_are_run_here(name, capsys):
    with pytest.raises(SystemExit):
        make_parser(name).parse_args([name, "--help"])
    [_, shown] = " ".join(capsys.readouterr().out.split()).split(" options: ")  # after the usage line

    assert printed_commands.unmarked(name, shown) == []
    spans = {span for _, span in printed_commands.spans(shown) if printed_commands.is_command(span)}
    assert spans <= {command.text for command in PRINTED}


@pytest.fixture
def copied(tmp_path):
    """The pages, comments, and messages of the checkout, which a test can change."""
    for name in ("README.md", "Snakefile", "config.yaml", "docs", "bench", "profiles", "envs", "demo"):
        source = REPO / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / "workflow").symlink_to(REPO / "workflow")
    return tmp_path


MADE_UP = "snakemake aging --profile profiles/local --configfile made_up{}.yaml"
NEW = {
    "README.md": f"\n\n    {MADE_UP.format(1)}\n",
    "docs/cohort.md": f"\n\n```\n{MADE_UP.format(2)}   # as it is printed\n```\n",
    "docs/methods.md": f"\n\nWith `{MADE_UP.format(3).replace(' --profile', chr(10) + '--profile')}` it is done.\n",
    "docs/dicom.md": f"\n\n    {MADE_UP.format(4).replace(' --profile', f' {chr(92)}{chr(10)}      --profile')}\n",
    "config.yaml": f"\n#\n#   {MADE_UP.format(5)}      does it\n",
    "docs/examples/bids.yaml": f"\ncolor: red     # `{MADE_UP.format(6)}` does it\n",
}


def test_new_commands_are_found_wherever_they_are_printed(copied):
    for page, added in NEW.items():
        (copied / page).write_text((copied / page).read_text() + added)

    found = printed_commands.commands(copied)

    new = {command.text: command.page for command in found if "made_up" in command.text}
    assert new == {MADE_UP.format(number): page for number, page in enumerate(NEW, start=1)}
    kept = [command for command in PRINTED if (copied / command.page).exists()]
    assert len(found) == len(kept) + len(NEW)
    assert printed_commands.problems(copied) == []


NOT_FOUND = [
    ("\n\n```\n$ snakemake describe\n```\n", "not the name of a program"),
    ("\n\n    made_up_program --option\n", "not the name of a program"),
    ("\n\n    snakemake describe && made_up_program\n", "not the name of a program"),
    ("\n\n```klingon\nsnakemake describe\n```\n", "a language that is not known"),
    ("\n\n    cp 'one two\n", "bash cannot read this"),
    ("\n\nThen type snakemake --profile profiles/local and wait.\n", "not marked as one"),
    ("\n\nThen ctpop view demo-001 shows it.\n", "not marked as one"),
]


@pytest.mark.parametrize(("added", "reason"), NOT_FOUND)
def test_what_a_reader_takes_for_a_command_is_reported_if_it_was_not_found(added, reason):
    text = (REPO / "docs" / "cohort.md").read_text()

    [problem, *_] = printed_commands.problems_of_page("docs/cohort.md", text + added)

    assert reason in problem.reason
    assert problem.line > len(text.splitlines())


def test_problems_of_every_page_are_reported(copied):
    pages = ("README.md", "docs/cohort.md", "bench/README.md", "config.yaml", "envs/gpu.yaml")
    for page in pages:
        (copied / page).write_text((copied / page).read_text() + "\n# Then type snakemake --unlock and wait.\n")

    assert [problem.page for problem in printed_commands.problems(copied)] == sorted(
        pages, key=lambda page: (page.endswith(".yaml"), page)
    )


WRONG = [
    "snakemake --profile profiles/local --configfile my_study.yaml describe",
    "snakemake describes --profile profiles/local --configfile my_study.yaml",
    "ctpop plan --number-of-scans 4000",
    "ctpop describes",
    "python bench/packing.py --no-such-option",
    "python bench/no_such_script.py",
    "make no-such-target",
    "pytest tests/no_such_folder",
    "head -n 11 my_cohort/no_such_registry.csv",
]


@pytest.mark.parametrize("text", WRONG)
def test_a_command_that_fails_as_it_is_printed_is_found(text, checkout):
    reader = Reader(checkout, POLICIES, PROMISED)

    assert reader.command(Command("README.md", 1, text)).code != 0


def test_commands_in_messages_of_the_package_are_found():
    text = 'raise ValueError(f"{place}: run `snakemake --unlock` or" " `make demo` again")\n'

    assert [command.text for command in printed_commands.of_messages("a.py", text)] == [
        "snakemake --unlock",
        "make demo",
    ]
    assert printed_commands.of_messages("a.py", '"""Docstring with `make demo`."""\n') == []


def test_the_lines_of_a_loop_are_one_command_and_remarks_are_left_out():
    lines = ["for one in a b; do  # twice", "  cp $one c", "done", "", "# nothing", "head -n 1 'a # b'  # the first"]

    found = list(printed_commands.commands_of_block(list(enumerate(lines, start=1))))

    assert found == [(1, "for one in a b; do\ncp $one c\ndone"), (6, "head -n 1 'a # b'")]


IN_FULL = [  # pages and patterns of commands that do not run to completion by default
    ("docs/guide.md", r"--forcerun segment"),
    ("workflow/ctpop/stages/review/gallery.py", r"--forcerun review"),
    ("docs/dicom.md", r""),
]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("page", "pattern"), IN_FULL)
def test_a_command_that_takes_minutes_does_what_the_page_says(page, pattern, checkout):
    tiny_model.save_model(checkout.folder / "tiny_model")
    policies = [policy for policy in POLICIES if policy.check is not dry_run]
    chosen = [command for command in by_page(PRINTED)[page] if re.search(pattern, command.text)]

    ended = Reader(checkout, policies, PROMISED).page(chosen)

    assert {str(command): found.printed[-3000:] for command, found in ended.items() if found.code} == {}
