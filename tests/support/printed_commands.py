"""Extraction of all commands that users can see in pages, YAML comments, templates, and messages.

No command is listed manually. A command begins with the name of a program and is a line of a block, a span in backticks
(`<code>` in HTML), or a column of a comment or docstring. `problems` reports commands that are not marked in one of
these ways, and blocks whose lines are not commands.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ctpop.commands import COMMANDS

PAGES = (
    *("README.md", "CONTRIBUTING.md", "docs/**/*.md", "bench/*.md", "results/README.md"),
    "workflow/ctpop/resources/**/*.md",
)
COMMENTED = (
    *("config.yaml", "docs/*.yaml", "docs/examples/*.yaml", "demo/*.yaml", "profiles/*/config.yaml", "envs/*.yaml"),
    *("workflow/ctpop/resources/schemas/*.yaml", "workflow/ctpop/resources/**/*.yaml"),
)
SCREENS = (
    "workflow/ctpop/resources/report/*.html",
    "workflow/ctpop/resources/gallery/*.html",
    "workflow/ctpop/resources/gallery/*.js",
    "workflow/ctpop/resources/viewer/*.html",
)
PROGRAMS = frozenset(
    [
        "snakemake",
        "python",
        "python3",
        "make",
        "ctpop",
        "pytest",
        "ruff",
        "pip",
        "conda",
        "mamba",
        "npm",
        "git",
        "curl",
        "wget",
        "unzip",
        "tar",
        "srun",
        "sbatch",
        "squeue",
        "scancel",
        "sinfo",
        "sacct",
        "scontrol",
        "tmux",
        "apt-get",
        "docker",
        "apptainer",
        "cd",
        "cp",
        "mv",
        "rm",
        "ls",
        "ln",
        "mkdir",
        "head",
        "tail",
        "cat",
        "grep",
        "awk",
        "sed",
        "sort",
        "md5sum",
        "sha256sum",
        "source",
        "for",
    ]
)
PROGRAM_FAMILIES = ("nnUNetv2_",)
COMPLETE_ALONE = frozenset({"sinfo", "squeue"})  # programs that are complete commands without arguments
NO_COMMANDS = frozenset({"yaml", "text", "csv", "json", "python", "html", "bibtex"})  # languages of other blocks
SHELL = frozenset({"", "bash", "sh"})
ASSIGNMENT = re.compile(r"^[A-Z_][A-Z0-9_]*=\S+\s+")
FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*([^\s`]*)")
ITEM = re.compile(r"^(\s*)(?:[-*+]|\d+[.)])(\s+)\S")
HEADING = re.compile(r"^#{1,6} ")
SPAN = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n[ \t]*\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
CODE_ELEMENT = re.compile(r"<code>(.+?)</code>", re.DOTALL)
COMMENT = re.compile(r"(?:^|(?<=\s))#(.*)$")
UNMARKED = re.compile(
    r"(?<![\w./`-])(?:snakemake\s+(?:-|…|\.\.\.)|"
    rf"ctpop (?:{'|'.join(COMMANDS)}) (?:-|\S*[/.=]\S|\S+-\d)|"
    r"python (?:bench|demo)/|conda env |pip install |"
    r"git clone |nnUNetv2_\w+ -)"
)


@dataclass(frozen=True)
class Command:
    """A printed command with its page, line, and section, and whether it is in a block."""

    page: str
    line: int
    text: str
    in_block: bool = False
    section: int = 0

    def __str__(self) -> str:
        return f"{self.page}:{self.line} {self.text}"


@dataclass(frozen=True)
class Problem:
    """A text that resembles a command but is not extracted."""

    page: str
    line: int
    reason: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.reason}: {self.text}"


def begins_with_a_program(text: str) -> bool:
    """Return whether the first word after variable assignments is the name of a program."""
    while found := ASSIGNMENT.match(text):
        text = text[found.end() :]
    first = text.split(maxsplit=1)[0].rpartition("/")[2] if text.split() else ""
    return first in PROGRAMS or first.startswith(PROGRAM_FAMILIES)


def is_command(text: str) -> bool:
    """Return whether a span or a field is a command and not only the name of a program."""
    return begins_with_a_program(text) and (len(text.split()) > 1 or text in COMPLETE_ALONE)


def without_remark(line: str) -> str:
    """Return a shell line without its trailing comment; a `#` in quotes or within a word does not start a comment."""
    return re.sub(r"""^((?:[^'"\s#]|'[^']*'|"[^"]*"|\s+(?!#)|(?<=\S)#)*)(?:\s+#.*|#.*)?$""", r"\1", line).rstrip()


def is_whole(text: str) -> bool:
    """Return whether a text is complete for bash."""
    return subprocess.run(["bash", "-n", "-c", text], capture_output=True, check=False).returncode == 0


def commands_of_block(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the commands of a block with their first line numbers; loops and continued lines are one command."""
    begin, collected = 0, ""
    for number, line in lines:
        text = without_remark(line.strip())
        if not text and not collected.strip():
            continue
        if not collected:
            begin = number
        collected = (
            f"{collected.removesuffix(chr(92)).rstrip()} {text}" if collected.endswith("\\") else collected + text
        )
        if collected and not collected.endswith("\\") and is_whole(collected):
            yield begin, collected
            collected = ""
        elif collected and not collected.endswith("\\"):
            collected += "\n"
    if collected:
        yield begin, collected


@dataclass(frozen=True)
class Block:
    """A block of a page: its language (empty for an indented block) and its lines with their numbers."""

    language: str
    lines: list[tuple[int, str]]


class Page:
    """A Markdown page, divided into blocks and prose."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.blocks: list[Block] = []
        self.prose: list[str] = []  # the lines of the page, with empty lines for blocks
        self._split()

    def _split(self) -> None:
        number, depth = 0, 0
        while number < len(self.lines):
            line = self.lines[number]
            depth = self._depth(line, depth)
            end = self._end_of_fence(number) or self._end_of_indented(number, depth)
            self.prose.extend([""] * (end - number) if end else [line])
            number = end or number + 1

    @staticmethod
    def _depth(line: str, depth: int) -> int:
        """Return the indentation of the text of a list item; unindented text ends the list."""
        item = ITEM.match(line)
        if item:
            return item.end() - 1
        return 0 if line.strip() and not line.startswith(" ") else depth

    def _end_of_fence(self, begin: int) -> int:
        opened = FENCE.match(self.lines[begin])
        if not opened:
            return 0
        end = next(n for n in range(begin + 1, len(self.lines)) if self.lines[n].strip() == opened[2])
        self._add(opened[3].lower(), begin + 1, end)
        return end + 1

    def _end_of_indented(self, begin: int, depth: int) -> int:
        margin = " " * (depth + 4)
        if not self.lines[begin].startswith(margin) or (begin and self.lines[begin - 1].strip()):
            return 0
        end = begin
        while end < len(self.lines) and (self.lines[end].startswith(margin) or not self.lines[end].strip()):
            end += 1
        self._add("", begin, end)
        return end

    def _add(self, language: str, begin: int, end: int) -> None:
        self.blocks.append(Block(language, [(number + 1, self.lines[number]) for number in range(begin, end)]))

    @cached_property
    def sections(self) -> list[int]:
        """Return the line of each heading."""
        return [number + 1 for number, line in enumerate(self.prose) if HEADING.match(line)]

    def section_of(self, line: int) -> int:
        """Return the line number of the heading above a line."""
        return max((heading for heading in self.sections if heading <= line), default=0)


def spans(text: str, pattern: re.Pattern[str] = SPAN) -> Iterator[tuple[int, str]]:
    """Yield the spans of a text with their first line numbers; multiline spans are joined."""
    for found in pattern.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, " ".join(found[pattern.groups].split())


def fields(line: str) -> list[str]:
    """Return the columns of a comment line, which are separated by at least two blanks; other text is prose."""
    return [without_remark(field) for field in re.split(r"\s{2,}", line.rstrip())[1:]]


def comments_of(text: str) -> list[str]:
    """Return the comment of each line, or an empty text."""
    return [found[1] if (found := COMMENT.search(line)) else "" for line in text.splitlines()]


def of_page(page: str, text: str) -> list[Command]:
    """Return the commands of a Markdown page."""
    parts = Page(text)
    found = [
        Command(page, line, command, in_block=True)
        for block in parts.blocks
        if block.language in SHELL
        for line, command in commands_of_block(block.lines)
        if begins_with_a_program(command)
    ]
    found += [Command(page, line, span) for line, span in spans("\n".join(parts.prose)) if is_command(span)]
    placed = [replace(command, section=parts.section_of(command.line)) for command in found]
    return sorted(placed, key=lambda command: command.line)


def of_lines(page: str, lines: list[str]) -> list[Command]:
    """Return the commands of a comment or docstring: columns of its lines and spans."""
    listed = [
        Command(page, number, field, in_block=True)
        for number, line in enumerate(lines, start=1)
        for field in fields(SPAN.sub("", line))
        if is_command(field)
    ]
    return listed + [Command(page, line, span) for line, span in spans("\n".join(lines)) if is_command(span)]


def of_yaml(page: str, text: str) -> list[Command]:
    """Return the commands of a YAML file: commands in comments and spans in texts."""
    inside = "\n".join(re.sub(r"^\s*#", "", line) for line in text.splitlines())
    found = of_lines(page, comments_of(text))
    known = {command.text for command in found}
    return found + [Command(page, n, span) for n, span in spans(inside) if is_command(span) and span not in known]


def of_screen(page: str, text: str) -> list[Command]:
    """Return the commands of a template (`<code>`) or script (backticks) without evaluating expressions."""
    pattern = CODE_ELEMENT if page.endswith(".html") else SPAN
    return [Command(page, line, span) for line, span in spans(text, pattern) if is_command(span)]


def of_messages(page: str, text: str) -> list[Command]:
    """Return the commands in the texts of a Python file that users can see (all except docstrings)."""
    return [Command(page, line, span) for line, told in messages(text) for _, span in spans(told) if is_command(span)]


def messages(text: str) -> list[tuple[int, str]]:
    """Return the texts of a Python file with line numbers, without docstrings; `{…}` represents inserted values."""
    tree = ast.parse(text)
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    filled = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    nodes = [node for node in ast.walk(tree) if id(node) not in statements | filled]
    return [(node.lineno, told) for node in nodes if (told := _text_of(node)) is not None]


def _text_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
        for part in node.values
        if isinstance(part, ast.Constant | ast.FormattedValue)
    )


def files(root: Path, patterns: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the name and text of each matching file."""
    paths = sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()})
    return [(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


def sources_in_python(root: Path) -> list[tuple[str, str]]:
    """Return the files of the package that can print a command because they contain the name of a program."""
    named = re.compile(rf"`(?:{'|'.join(sorted(PROGRAMS))})\s|{UNMARKED.pattern}")
    return [(page, text) for page, text in files(root, ("workflow/ctpop/**/*.py",)) if named.search(text)]


def docstring_of_the_snakefile(root: Path) -> list[str]:
    """Return the lines of the docstring at the beginning of the Snakefile."""
    docstring = (root / "Snakefile").read_text(encoding="utf-8").split('"""')[1]
    return [f"  {line}" for line in docstring.splitlines()]


def commands(root: Path) -> list[Command]:
    """Return all commands that the files of a checkout print, ordered by page and line."""
    found = [command for page, text in files(root, PAGES) for command in of_page(page, text)]
    found += [command for page, text in files(root, COMMENTED) for command in of_yaml(page, text)]
    found += of_lines("Snakefile", docstring_of_the_snakefile(root))
    found += [command for page, text in files(root, SCREENS) for command in of_screen(page, text)]
    return found + [command for page, text in sources_in_python(root) for command in of_messages(page, text)]


def problems(root: Path) -> list[Problem]:
    """Return texts that resemble commands but are not extracted, so that no command is omitted without a report."""
    found = [problem for page, text in files(root, PAGES) for problem in problems_of_page(page, text)]
    for page, text in files(root, COMMENTED):
        found += unmarked(page, "\n".join(comments_of(text)), columns=True)
    found += unmarked("Snakefile", "\n".join(docstring_of_the_snakefile(root)), columns=True)
    for page, text in files(root, SCREENS):
        found += unmarked(page, CODE_ELEMENT.sub("", text))
    return found + [
        replace(problem, line=line)
        for page, text in sources_in_python(root)
        for line, told in messages(text)
        for problem in unmarked(page, told)
    ]


def problems_of_page(page: str, text: str) -> list[Problem]:
    """Return blocks of a page that are neither commands nor marked as other content, and unmarked commands."""
    parts = Page(text)
    found = [problem for block in parts.blocks for problem in problems_of_block(page, block)]
    return found + unmarked(page, "\n".join(parts.prose))


def problems_of_block(page: str, block: Block) -> list[Problem]:
    """Return the problems of a block: an unknown language or lines that are not commands."""
    if block.language in NO_COMMANDS:
        return []
    if block.language not in SHELL:
        return [Problem(page, block.lines[0][0], "a block of a language that is not known here", block.language)]
    listed = list(commands_of_block(block.lines))
    found = [Problem(page, line, "not the name of a program", text) for line, text in listed if not _readable(text)]
    return found + [Problem(page, line, "bash cannot read this", text) for line, text in listed if not is_whole(text)]


def _readable(text: str) -> bool:
    return all(begins_with_a_program(part.strip()) for part in re.split(r"&&|\|\||(?<!\w)\|(?!\w)", text.split(";")[0]))


def unmarked(page: str, text: str, *, columns: bool = False) -> list[Problem]:
    """Return commands in prose that are neither in backticks nor at the beginning of a column."""
    prose = SPAN.sub(lambda span: "\n" * span[0].count("\n"), text)
    kept = [_without_commands(line) if columns else line for line in prose.splitlines()]
    return [
        Problem(page, number, "a command that is not marked as one", line.strip())
        for number, line in enumerate(kept, start=1)
        if UNMARKED.search(line)
    ]


def _without_commands(line: str) -> str:
    for field in filter(is_command, fields(line)):
        line = line.replace(field, "")
    return line
