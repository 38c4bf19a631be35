"""Summary tables of the main page of the report, as rows of text."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts import all_tables
from ctpop.contracts.all_tables import CONTRAST_LOOKS
from ctpop.contracts.reasons import SegmentStatus
from ctpop.figures import flow as flow_figure
from ctpop.figures.association import KEY, Key
from ctpop.figures.formatting import (
    LEFT_OUT_BY_REVIEWER,
    LOOKS,
    MEASURES,
    NOT_MEASURED,
    REASONS,
    count,
    number,
    scans_of_patients,
    structure_text,
)
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.study.patients import distinct, patient_of_scan
from ctpop.study.unmeasured_scans import unmeasured_scans

STATUS = {**{status.name: status.label for status in SegmentStatus}, **NOT_MEASURED}
FLOW_ENDS = ("before", "removed", "after")
FAILURES_SHOWN = 50
CHANGES_SHOWN = 10
BY_PATIENT = "Confidence intervals and P values account for the dependence between scans of the same patient."


def counts(study: FinishedStudy) -> dict[str, int]:
    """Return the numbers of scans, structures, and values at each stage."""
    tables = study.tables
    flow, cohort, measures = tables["flow"], tables["cohort"], tables["measures"]
    associations = tables["associations"].loc[tables["associations"]["structure"].isin(study.label_set.names)]
    segments = tables.get("segments")
    patient_of = patient_of_scan(cohort)
    made = {}
    if segments is not None:
        done = segments.loc[segments["status"].isin(all_tables.USABLE_STATUS), "scan_id"]
        made = _sizes("segmented", done, patient_of)
    registry = (
        flow[["n_before", "n_patients_before"]].iloc[0].tolist() if len(flow) else [len(cohort), study.n_patients]
    )
    single = tables["analysis"]["structure"].isin(study.label_set.names)
    usable = tables["analysis"].loc[single, "measure"].value_counts()
    return {
        "registry": int(registry[0]),
        "registry_patients": int(registry[1]),
        "cohort": len(cohort),
        "patients": study.n_patients,
        "without_patient": int(cohort["patient_id"].isna().sum()),
        **made,
        **_sizes("measured", measures.loc[measures["status"].eq("measured"), "scan_id"].unique(), patient_of),
        "structures": len(study.label_set.names),
        "pairs_of_scan_and_structure": len(measures),
        **{f"usable_{measure}": int(usable.get(measure, 0)) for measure in MEASURES},
        "tested": int(associations["rho"].notna().sum()),
        "significant": int(associations["significant"].sum()),
    }


def _sizes(name: str, scans: Iterable[str], patient_of: pd.Series) -> dict[str, int]:
    """Return the number of scans and the number of different patients, as `name` and `name_patients`."""
    found = patient_of.reindex(pd.Index(scans))
    return {name: len(found), f"{name}_patients": distinct(found.to_numpy())}


def repeated_patients(study: FinishedStudy) -> str:
    """Return a note on the inference from patients with several scans; an empty text without such patients."""
    cohort = study.tables["cohort"]
    patients = study.n_patients
    if patients == len(cohort):
        return ""
    return f"The study included {count(len(cohort), 'scan')} of {count(patients, 'patient')}. {BY_PATIENT}"


def test_names(study: FinishedStudy) -> dict[str, str]:
    """Return the names of the tests of each table; patients with several scans require tests by patient."""
    if study.n_patients < len(study.tables["cohort"]):
        return {"associations": "correlation", "groups": "overall score test", "posthoc": "pairwise score test"}
    return {"associations": "correlation", "groups": "Kruskal-Wallis test", "posthoc": "rank-sum test"}


def tests(study: FinishedStudy) -> dict[str, int]:
    """Return the number of tests of individual structures with a result, by the name of the test."""
    columns, names = {"associations": "rho", "groups": "p", "posthoc": "p"}, study.label_set.names
    tables = {name: study.tables[name] for name in columns}
    return {
        test: int(tables[name].loc[tables[name]["structure"].isin(names), columns[name]].notna().sum())
        for name, test in test_names(study).items()
    }


def flow(study: FinishedStudy) -> list[tuple[str, str, str, str]]:
    """Return each step with the numbers of scans before, excluded, and after, and patient counts if these are smaller.

    Steps after the criteria are included only if segmentations were reviewed.
    """
    rows = [
        (row["sentence"], *(scans_of_patients(row[f"n_{end}"], row[f"n_patients_{end}"]) for end in FLOW_ENDS))
        for row in study.tables["flow"].to_dict("records")
    ]
    steps = flow_figure.source(study.tables).drop_duplicates("step").set_index("step")
    n = {step: scans_of_patients(*row) for step, row in steps[["n", "n_patients"]].dropna().iterrows()}
    if "reviewed" in n:
        rows.append(("Not measured", n["included"], n["unmeasured"], n["measured"]))
        rows.append((LEFT_OUT_BY_REVIEWER, n["measured"], n["excluded_by_reviewer"], n["reviewed"]))
    return rows


def overlap(study: FinishedStudy) -> list[tuple[str, list[str]]]:
    """Return, for each criterion, the numbers of scans that fail both this criterion and each of the criteria.

    The result is empty if no scan fails two criteria. Numbers of patients are included where they are smaller.
    """
    table, sentences = study.tables["overlap"], study.tables["flow"]["sentence"]
    if not table.loc[table["order"] != table["other_order"], "n_both"].any():
        return []
    sizes = table[["n_both", "n_patients_both"]].itertuples(index=False, name=None)
    words = table.assign(words=[scans_of_patients(*size) for size in sizes])
    matrix = words.pivot_table(index="order", columns="other_order", values="words", aggfunc="first")
    return [(sentence, row) for sentence, row in zip(sentences, matrix.to_numpy().tolist(), strict=True)]


def contrast(study: FinishedStudy) -> dict[str, Any]:
    """Return the comparison of recorded contrast administration with attenuation, and the first disagreements."""
    table = study.tables["contrast_check"]
    recorded = table["contrast"].map({True: "given", False: "not given"}).astype("object").fillna("not recorded")
    counts_of = pd.crosstab(recorded, table["looks"]).reindex(columns=list(CONTRAST_LOOKS), fill_value=0)
    against = table.loc[table["agrees"].eq(False).fillna(False)]
    shown = against.head(FAILURES_SHOWN)
    places = ("aorta_hu", "kidneys_hu", "portal_vein_hu")
    return {
        "looks": [LOOKS[look] for look in CONTRAST_LOOKS],
        "rows": [
            (str(words), list(map(int, row))) for words, row in zip(counts_of.index, counts_of.to_numpy(), strict=True)
        ],
        "against": [
            (
                row["scan_id"],
                "given" if row["contrast"] else "not given",
                LOOKS[row["looks"]],
                *[number(row[place]) for place in places],
            )
            for row in shown.to_dict("records")
        ],
        "n_against": len(against),
        "n_measured": int(table["looks"].ne("not_measured").sum()),
    }


def source_conflicts(study: FinishedStudy) -> int:
    """Return the number of scans in the study with contradictory data in the registry and the image headers."""
    return int(study.tables["cohort"]["source_conflict"].notna().sum())


def age_quartiles(ages: pd.Series) -> list[str]:
    """Return the 25th percentile, median, and 75th percentile as text; an empty list if all ages are missing."""
    known = ages.dropna()
    return [] if known.empty else [f"{age:.1f}" for age in np.percentile(known, [25, 50, 75])]


def segmentation(segments: pd.DataFrame) -> dict[str, Any]:
    """Return the number of scans by outcome, and the first scans without a label map with the reasons."""
    outcomes = segments["status"].value_counts()
    failed = segments.loc[~segments["status"].isin(all_tables.USABLE_STATUS)]
    shown = failed.head(FAILURES_SHOWN)[["scan_id", "status", "detail"]].fillna("")
    return {
        "outcomes": [(STATUS[code], int(outcomes[code])) for code in STATUS if code in outcomes],
        "failed": [(scan, STATUS[status], detail) for scan, status, detail in shown.itertuples(index=False)],
        "n_failed": len(failed),
    }


def unmeasured(study: FinishedStudy) -> dict[str, Any]:
    """Return the first scans that were not measured, with the reasons.

    Scans without a label map are not included, unless the study starts from measures.
    """
    scans, segments = unmeasured_scans(study.tables["measures"]), study.tables.get("segments")
    if segments is not None:
        usable = segments.loc[segments["status"].isin(all_tables.USABLE_STATUS), "scan_id"]
        scans = scans[scans["scan_id"].isin(usable)]
    shown = scans.head(FAILURES_SHOWN).fillna("")
    return {
        "scans": [(scan, STATUS[status], detail) for scan, status, detail in shown.itertuples(index=False)],
        "n": len(scans),
    }


def screening_rules(study: FinishedStudy) -> dict[str, Any]:
    """Return the number of verdicts by reason, and the number of verdicts with a decision of a reviewer."""
    verdicts = study.tables["verdicts"]
    n = verdicts["reason"].value_counts()
    return {
        "n": {reason: int(n.get(reason, 0)) for reason in REASONS},
        "reviewed": int(verdicts["reviewer"].notna().sum()),
    }


def incomplete_groups(study: FinishedStudy) -> list[tuple[str, list[str], int]]:
    """Return each group with members missing from the label set: name, available members, and size of the group."""
    size = study.label_set.group_members.groupby("group").size()
    return [
        (structure_text(group), [structure_text(name) for name in members], int(size[group]))
        for group, members in study.label_set.groups.items()
        if len(members) < size[group]
    ]


def sensitive(study: FinishedStudy) -> list[Key]:
    """Return the structures and measures that the report compares in all sensitivity analyses."""
    table = study.tables["sensitivity"]
    change = table.assign(change=table["difference"].abs()).groupby(KEY)["change"].max().dropna()
    most = change[change > 0].sort_values(ascending=False, kind="stable").index[:CHANGES_SHOWN]
    return list(dict.fromkeys([*study.chosen, *most]))
