"""Report terms in the texts of the repository that terms.toml replaces: `python tests/language/check.py [FILE ...]`.

Texts are all lines of documents, pages, scripts, and settings, and the comments and strings of Python and Snakemake
files. The check ignores a term in an inline code span (`name`) or joined to an identifier by an underscore, because
such a term is a name.
"""

import argparse
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TERMS = Path(__file__).with_name("terms.toml")
LINES = {".cff", ".css", ".html", ".js", ".md", ".rst", ".sh", ".svg", ".toml", ".yaml", ".yml"}
NAMES_OF_TEXTS = {"Makefile", "NOTICE", "run"}
CODE = {".py", ".smk"}
TABLES = {"claim.csv", "strobe.csv", "groups.csv", "lower_bounds.csv", "upper_bounds.csv"}
EXCLUDED = re.compile(r"tests/language/|resources/(niivue|datatables|models/demo)/|tests/data/.*LICENSE|\.svg$")
TEXT_TOKENS = {"COMMENT", "STRING", "FSTRING_MIDDLE"}


@dataclass(frozen=True)
class Term:
    """A pattern of a term, the replacement, and the contexts in which the term is correct."""

    pattern: re.Pattern[str]
    write: str
    allowed: tuple[re.Pattern[str], ...]


@dataclass(frozen=True)
class Finding:
    """An occurrence of a term: path, line number (from 1), words found, and replacement."""

    path: str
    line: int
    words: str
    write: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.words!r}; write: {self.write}"


def read_terms(path: Path = TERMS) -> list[Term]:
    """Read the terms, their replacements, and their allowed contexts."""
    rows = tomllib.loads(path.read_text())["terms"]
    return [
        Term(
            re.compile(rf"(?<![\w`])(?:{row['term']})(?![\w`])", re.IGNORECASE),
            row["write"],
            tuple(re.compile(context, re.IGNORECASE | re.MULTILINE) for context in row["allowed"]),
        )
        for row in rows
    ]


def matches_of(term: Term, text: str) -> list[re.Match[str]]:
    """Return the matches of a term outside its allowed contexts."""
    allowed = [context.span() for pattern in term.allowed for context in pattern.finditer(text)]
    return [
        match
        for match in term.pattern.finditer(text)
        if not any(start <= match.start() and match.end() <= end for start, end in allowed)
    ]


def findings_in(text: str, terms: list[Term]) -> Iterator[tuple[int, str, str]]:
    """Yield line number, words, and replacement of each term outside its allowed contexts."""
    for term in terms:
        for match in matches_of(term, text):
            yield text.count("\n", 0, match.start()) + 1, match[0], term.write


def without_code_spans(text: str) -> str:
    """Replace the characters of inline code spans with backticks, so that all positions stay the same."""
    return re.sub(r"`[^`\n]*`", lambda span: "`" * len(span[0]), text)


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a file, each with the line number at which it begins."""
    if path.suffix not in CODE and path.name != "Snakefile":
        yield 1, without_code_spans(path.read_text(encoding="utf-8"))
        return
    with tokenize.open(path) as file:
        tokens = [token for token in tokenize.generate_tokens(file.readline) if is_text(token)]
    for token in tokens:
        yield token.start[0], without_code_spans(without_expressions(token.string))


def without_expressions(text: str) -> str:
    """Replace the expressions of an f-string, which is a single token before Python 3.12, with spaces."""
    if not re.match(r"\w*f\w*[\"']", text, re.IGNORECASE):
        return text
    return re.sub(r"\{[^{}]*\}", lambda expression: re.sub(r"[^\n]", " ", expression[0]), text)


def is_text(token: tokenize.TokenInfo) -> bool:
    """Return whether a token of Python is a comment or a string."""
    return tokenize.tok_name[token.type] in TEXT_TOKENS


def is_checked(path: str) -> bool:
    """Return whether the check covers a tracked file."""
    file = Path(path)
    named = file.suffix in LINES | CODE or file.name in NAMES_OF_TEXTS | TABLES or file.name == "Snakefile"
    return named and not EXCLUDED.search(path)


def check_file(path: Path, terms: list[Term]) -> list[Finding]:
    """Return the findings of one file in the order of their lines."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
    return sorted(
        (
            Finding(name, start + line - 1, words, write)
            for start, text in texts_of(path)
            for line, words, write in findings_in(text, terms)
        ),
        key=lambda finding: finding.line,
    )


def tracked_files() -> list[Path]:
    """Return the tracked files that the check covers."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and is_checked(name) and (ROOT / name).is_file()]


def main() -> int:
    """Check the given files, or all tracked files; return 1 if there are findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="files to check (default: all tracked files with text)")
    files = [path.resolve() for path in parser.parse_args().files] or tracked_files()
    terms = read_terms()
    found = [finding for path in files for finding in check_file(path, terms)]
    print(*found, sep="\n", end="\n" if found else "")
    print(f"checked {len(files)} files; terms to replace: {len(found)}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
