"""Comparison of the column names of users' tables with the standard column names of this package.

Case, spaces, periods, and hyphens are ignored: `Scan ID` matches `scan_id`. Synonyms of standard names (`Age`, `Case`)
are not mapped automatically because their unit or meaning is unknown. They raise an error that contains the line of the
study file that maps the column.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

# SOURCE: docs/methods/confounders.md; the covariates that the reviewers of the paper requested
USUAL_COVARIATES = ("sex", "height_cm", "kvp", "scanner", "phase", "year")
KNOWN = (
    *("scan_id", "patient_id", "age_years", "sex", "ct_path", "segmentation_path", "complete", "contrast"),
    *(
        "complete_header",
        "contrast_header",
        "known_absent",
        "height_cm",
        "weight_kg",
        "kvp",
        "scanner",
        "phase",
        "year",
    ),
)
SYNONYMS = {  # common column names, in normalized form, that can denote each standard column
    "scan_id": (
        *(
            "id",
            "row_names",
            "case",
            "case_id",
            "caseid",
            "scan",
            "scanid",
            "scan_number",
            "image",
            "image_id",
            "imageid",
            "exam_id",
        ),
        *(
            "study_id",
            "subject",
            "subject_id",
            "subjectid",
            "sub_id",
            "participant_id",
            "record_id",
            "accession_number",
        ),
    ),
    "patient_id": ("patient", "patientid", "pat_id", "patid", "person", "person_id", "mrn", "pseudonym"),
    "age_years": (
        *("age", "ages", "age_y", "age_yrs", "age_yr", "age_in_years", "age_at_scan", "age_at_ct", "age_at_exam"),
        *("patient_age", "patientage", "alter", "alter_jahre"),
    ),
    "sex": (
        "gender",
        "patient_sex",
        "patientsex",
        "sex_at_birth",
        "geschlecht",
        "sexe",
        "sexo",
        "female",
        "male",
        "is_female",
        "is_male",
    ),
    "ct_path": ("ct", "ct_file", "image_path", "image_file", "filename", "file", "path", "nifti"),
    "segmentation_path": ("segmentation", "seg_path", "mask", "mask_path", "label_path", "label_map", "labels"),
    "height_cm": ("height", "patient_size", "groesse", "größe"),
    "weight_kg": ("weight", "patient_weight", "gewicht"),
}
NO_TEXT_IN_YAML = {"yes", "no", "true", "false", "null", "on", "off", "y", "n"}
POWERS = str.maketrans("²³", "23")
CLOSE = 0.84  # minimum similarity of two names; the names differ in one or two letters
CLOSE_WORDS = 0.7  # minimum similarity of two words; the similarity of `cm` and `m` is 0.67


def normalized(name: str) -> str:
    """Convert a name to lower case and replace each run of characters except letters and digits with an underscore.

    Powers are written as digits: `cm³` and `cm^3` become `cm3`.

    Parameters
    ----------
    name : str
        Name of a column.

    Returns
    -------
    str
        Normalized name.

    Examples
    --------
    >>> normalized(" Scan ID"), normalized("Liver Volume (ml)")
    ('scan_id', 'liver_volume_ml')

    """
    plain = name.translate(POWERS).replace("^", "")
    return re.sub(r"[\W_]+", "_", plain.strip().lower()).strip("_")


def respelled(columns: Sequence[str], mapped: Iterable[str]) -> dict[str, str]:
    """Map columns to the standard names from which they differ only in spelling.

    Parameters
    ----------
    columns : sequence of str
        Columns of a table.
    mapped : iterable of str
        Columns of the table that the settings map; these columns are excluded from the comparison.

    Returns
    -------
    dict of str to str
        Standard name by column. A name that matches several columns is omitted.

    Examples
    --------
    >>> respelled(["Scan ID", "AGE_YEARS", "sex", "clinic"], [])
    {'Scan ID': 'scan_id', 'AGE_YEARS': 'age_years'}

    """
    names = {column: normalized(column) for column in columns if column not in KNOWN and column not in set(mapped)}
    meant = {column: name for column, name in names.items() if name in KNOWN and name not in columns}
    return {column: name for column, name in meant.items() if list(meant.values()).count(name) == 1}


def spelled_as(columns: Sequence[str], own: Iterable[str]) -> dict[str, str]:
    """Map columns to the columns of a table's contract from which they differ only in spelling.

    Parameters
    ----------
    columns : sequence of str
        Columns of a table.
    own : iterable of str
        Columns of the contract.

    Returns
    -------
    dict of str to str
        Column of the contract by column of the table. A name that matches several columns is omitted.

    Examples
    --------
    >>> spelled_as(["Scan ID", "Lower bound (ml)", "note"], ["scan_id", "lower_bound_ml"])
    {'Scan ID': 'scan_id', 'Lower bound (ml)': 'lower_bound_ml'}

    """
    known = set(own)
    meant = {column: normalized(column) for column in columns if column not in known}
    free = {column: name for column, name in meant.items() if name in known and name not in columns}
    return {column: name for column, name in free.items() if list(free.values()).count(name) == 1}


def candidates(column: str, columns: Iterable[str]) -> list[str]:
    """Return the columns of a table that can correspond to a standard column, the most likely column first.

    Parameters
    ----------
    column : str
        Standard column.
    columns : iterable of str
        Columns of the table.

    Returns
    -------
    list of str
        Columns whose name is a synonym of the standard name, followed by columns with a similar name.

    Examples
    --------
    >>> candidates("age_years", ["ID", "Age", "age_year"])
    ['Age', 'age_year']

    """
    names = {name: normalized(name) for name in columns}
    synonyms = [name for name, normal in names.items() if normal in SYNONYMS.get(column, ())]
    similar = [
        name
        for name, normal in names.items()
        if name not in synonyms and difflib.SequenceMatcher(None, normal, column).ratio() >= CLOSE
    ]
    return [*synonyms, *similar]


def closest_known(name: str) -> str | None:
    """Return the standard column whose name is most similar to a column name.

    Parameters
    ----------
    name : str
        Name of a column.

    Returns
    -------
    str or None
        Column of the registry; None if no name is similar.

    Examples
    --------
    >>> closest_known("sexx"), closest_known("Sex"), closest_known("bmi")
    ('sex', 'sex', None)

    """
    return next(iter(difflib.get_close_matches(normalized(name), KNOWN, n=1, cutoff=CLOSE)), None)


def misspelled_known(name: str) -> str | None:
    """Return the standard column of which a column name is a misspelling.

    Parameters
    ----------
    name : str
        Name of a column.

    Returns
    -------
    str or None
        Column of the registry. None for a name that differs in a whole word (`height_m`, `scan_nr`), contains an
        additional word (`contrast_ml`), or is a plural (`phases`), because such a name has a different meaning.

    Examples
    --------
    >>> [misspelled_known(name) for name in ("heigth_cm", "scanid", "height_m", "phases")]
    ['height_cm', 'scan_id', None, None]

    """
    close = closest_known(name)
    normal = normalized(name)
    if close is None or ("_" not in close and normal == f"{close}s"):
        return None
    theirs, ours = normal.split("_"), close.split("_")
    if len(theirs) < len(ours):  # joined words, as in `scanid`
        return close
    return close if len(theirs) == len(ours) and all(map(_are_alike, theirs, ours)) else None


def mapping_line(pairs: Mapping[str, str | tuple[str, ...]], section: str = "cohort") -> str:
    """Return the line of the study file that maps columns.

    Parameters
    ----------
    pairs : mapping of str to (str or tuple of str)
        Standard column by column of the table; `()` excludes the column.
    section : str
        Section of the study file.

    Returns
    -------
    str
        Line in YAML.

    Examples
    --------
    >>> mapping_line({"Age": "age_years", "Scan #": "scan_id"})
    'cohort: {columns: {Age: age_years, "Scan #": scan_id}}'
    >>> mapping_line({"liver_z": ()}, "measure")
    'measure: {columns: {liver_z: []}}'

    """
    words = [f"{quoted(theirs)}: {quoted(ours) if isinstance(ours, str) else '[]'}" for theirs, ours in pairs.items()]
    return f"{section}: {{columns: {{{', '.join(words)}}}}}"


def overlooked(columns: Sequence[str]) -> dict[str, str]:
    """Return columns that can correspond to a standard column that is missing from the table.

    Parameters
    ----------
    columns : sequence of str
        Columns of a table, with standard names where these are recognized.

    Returns
    -------
    dict of str to str
        Missing standard column by column of the table.

    Examples
    --------
    >>> overlooked(["scan_id", "age_years", "Gender", "clinic"])
    {'Gender': 'sex'}

    """
    lacking = [name for name in SYNONYMS if name not in columns]
    others = [column for column in columns if column not in KNOWN]
    return {column: name for name in lacking for column in others if normalized(column) in SYNONYMS[name]}


def _are_alike(first: str, second: str) -> bool:
    return sorted(first) == sorted(second) or difflib.SequenceMatcher(None, first, second).ratio() >= CLOSE_WORDS


def missing_line(column: str, words: Iterable[str]) -> str:
    """Return the line of the study file that declares words of a registry column as missing values.

    Parameters
    ----------
    column : str
        Column of the registry.
    words : iterable of str
        Cells of the column.

    Returns
    -------
    str
        Setting in YAML.

    Examples
    --------
    >>> missing_line("age_years", ["0", "99"])
    'cohort: {values: {age_years: {"0": null, "99": null}}}'

    """
    pairs = ", ".join(f'"{word}": null' for word in words)
    return f"cohort: {{values: {{{quoted(column)}: {{{pairs}}}}}}}"


def as_they_are(words: Iterable[str]) -> str:
    """Return a YAML mapping of each word to itself, which declares the words as valid values.

    Parameters
    ----------
    words : iterable of str
        Cells of a column.

    Returns
    -------
    str
        Mapping in YAML.

    Examples
    --------
    >>> as_they_are(["0", "0.0"])
    '{"0": "0", "0.0": "0.0"}'

    """
    pairs = ", ".join(f'"{word}": "{word}"' for word in words)
    return f"{{{pairs}}}"


def quoted(word: str) -> str:
    """Return a word in a form that YAML reads as text.

    Parameters
    ----------
    word : str
        Name or word.

    Returns
    -------
    str
        The word, with quotation marks if YAML requires them.

    Examples
    --------
    >>> quoted("liver_z"), quoted("Scan #"), quoted("no")
    ('liver_z', '"Scan #"', '"no"')

    """
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", word) and word.lower() not in NO_TEXT_IN_YAML
    return word if plain else '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
