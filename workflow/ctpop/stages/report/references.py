"""References of the manuscript: numbered in the order of citation, in the format of the AMA Manual of Style."""

import re

ENTRY = re.compile(r"@\w+\{(\w+),\n(.*?)\n\}", re.DOTALL)
FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*)\},?$", re.MULTILINE)
MOST_AUTHORS = 6  # SOURCE: AMA Manual of Style, 11th ed. 2020, 3.7 (more than six authors: the first three and "et al")
AUTHORS_SHOWN = 3


class References:
    """Citations of a text: the numbers in parentheses, and the list of the cited references.

    `bibliography` is a text in BibTeX format; the field `shortjournal` is the abbreviation of the journal.
    """

    def __init__(self, bibliography: str) -> None:
        self.known = {key: dict(FIELD.findall(fields)) for key, fields in ENTRY.findall(bibliography)}
        self.cited: list[str] = []

    def cite(self, *keys: str) -> str:
        """Return the numbers of references, such as `(3)` or `(3,4)`; new references have the next numbers.

        Raises
        ------
        KeyError
            If the bibliography does not contain a key.

        """
        for key in keys:
            if key not in self.known:
                raise KeyError(key)
            if key not in self.cited:
                self.cited.append(key)
        return f"({','.join(str(number) for number in sorted(self.cited.index(key) + 1 for key in keys))})"

    def numbered(self) -> list[str]:
        """Return the cited references with their numbers, in the order of citation."""
        return [f"{number}. {printed(self.known[key])}" for number, key in enumerate(self.cited, 1)]


def printed(entry: dict[str, str]) -> str:
    """Return a reference as `Authors. Title. Journal. Year;volume(number):pages. doi:…`."""
    authors = [author_of(name) for name in entry["author"].split(" and ")]
    shown = authors if len(authors) <= MOST_AUTHORS else [*authors[:AUTHORS_SHOWN], "et al"]
    issue = f"({entry['number']})" if "number" in entry else ""
    place = f"{entry['year']};{entry['volume']}{issue}:{entry['pages'].replace('--', '-')}"
    journal = entry.get("shortjournal", entry["journal"])
    parts = [", ".join(shown), re.sub(r"[{}]", "", entry["title"]), journal, place]
    doi = f" doi:{entry['doi']}" if "doi" in entry else ""
    return f"{'. '.join(parts)}.{doi}"


def author_of(name: str) -> str:
    """Return `Bonett DG` for `Bonett, Douglas G.`."""
    family, _, given = name.partition(", ")
    return f"{family} {''.join(word[0] for word in re.split(r'[ -]', given) if word)}".strip()
