"""Tests of the simulated study with the real Snakefile: the workflow recovers the published results."""

import re
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from support.studies import REPO, Study

BANNER = "simulated to the published values; not patient data"
ASKED = pd.read_csv(REPO / "demo" / "simulated_study_structures.csv", keep_default_na=False)
ASKED["pool"] = ASKED["pooled"].where(ASKED["pooled"].ne(""), ASKED["structure"])
ALPHA = 1e-4


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Run the study of demo/simulated_study.yaml up to the comparison with published results."""
    folder = tmp_path_factory.mktemp("simulated")
    subprocess.run(
        [sys.executable, str(REPO / "demo" / "make_simulated_study.py"), "--folder", str(folder / "patients")],
        check=True,
        capture_output=True,
    )
    config = yaml.safe_load((REPO / "demo" / "simulated_study.yaml").read_text())
    config["study"]["registry"] = str(folder / "patients" / "registry.csv")
    config["study"]["measures"] = str(folder / "patients" / "measures.parquet")
    study = Study(folder, config)
    study.run("published")
    return study


def table(study, name):
    return pd.read_parquet(study.results / "tables" / f"{name}.parquet")


def results_of(associations, role, short, measure):
    """Return the correlations of the structures with one role in the simulation, and of their pooled structures."""
    asked = ASKED[ASKED[f"{short}_role"].eq(role)]
    rows = associations[associations["measure"].eq(measure)].set_index("structure")
    return rows.loc[asked["structure"]], rows.loc[asked["pool"].drop_duplicates()]


def test_the_cohort_contains_4004_of_4102_patients(simulated):
    flow, cohort = table(simulated, "flow"), table(simulated, "cohort")

    assert flow[["criterion", "n_before", "n_removed", "n_after"]].to_numpy().tolist() == [
        ["age_known", 4102, 30, 4072],
        ["complete", 4072, 33, 4039],
        ["contrast_enhanced", 4039, 35, 4004],
    ]
    assert cohort["sex"].value_counts().to_dict() == {"male": 2543, "female": 1461}
    assert (cohort["age_years"].min(), cohort["age_years"].max()) == (18, 100)


def test_every_printed_correlation_lies_in_our_interval(simulated):
    rows = table(simulated, "compare_published")
    printed = rows[rows["rho_published"].notna()]

    assert len(printed) == 15  # 13 correlations, two of which the abstract repeats
    assert printed["rho_published"].between(printed["ci_low_here"], printed["ci_high_here"]).all()
    assert printed["outcome"].eq("equivalent").all()
    assert printed["distinct"].sum() == 13
    assert printed["n"].min() > 3800
    assert printed["n"].lt(4004).any()  # screening excluded failed segmentations


def test_every_other_number_of_the_paper_is_recovered(simulated):
    rows = table(simulated, "compare_published")

    assert rows["outcome"].value_counts().to_dict() == {"equivalent": 15, "not_counted": 12, "not_reported": 6}
    numbers = rows[rows["number_published"].notna()]
    assert len(numbers) == 12
    assert numbers["number_here"].eq(numbers["number_published"]).all()


@pytest.mark.parametrize(("short", "measure"), [("volume", "volume_ml"), ("hu", "hu_mean")])
def test_null_structures_are_significant_no_more_often_than_the_family_allows(simulated, short, measure):
    nulls, pools = results_of(table(simulated, "associations"), "null", short, measure)

    assert len(nulls) == {"volume": 12, "hu": 28}[short]
    assert not nulls["significant"].any()
    assert not pools["significant"].any()
    assert nulls["p_bonferroni"].ge(0.05).all()
    assert nulls["p_holm"].ge(0.05).all()
    assert nulls["p_independence"].lt(0.05).sum() <= 5  # more than 5 have a probability of 0.3% of 28, 0.002% of 12
    assert nulls["p_independence"].nunique() == len(nulls)


def test_other_correlations_are_those_that_were_asked_for(simulated):
    associations = table(simulated, "associations")
    for short, measure in (("volume", "volume_ml"), ("hu", "hu_mean")):
        _, pools = results_of(associations, "plausible", short, measure)
        wanted = ASKED.drop_duplicates("pool").set_index("pool")[f"{short}_rho"].loc[pools.index].astype(float)
        gaps = (pools["rho"] - wanted).abs()

        assert len(pools) > 10
        assert gaps.max() < 0.03


def test_sex_and_height_alone_make_a_correlation_with_age(simulated):
    rows, _ = results_of(table(simulated, "associations"), "sex_and_height", "volume", "volume_ml")

    assert len(rows) == 66
    assert rows["rho"].between(-0.3, -0.08).all()
    assert rows["significant"].all()


def test_patients_with_excluded_values_are_older(simulated):
    failures = table(simulated, "failures")

    assert len(failures) > 0
    verdicts, cohort = table(simulated, "verdicts"), table(simulated, "cohort").set_index("scan_id")["age_years"]
    excluded = verdicts.loc[~verdicts["usable_volume"], "scan_id"].map(cohort)
    assert len(excluded) > 5000
    assert excluded.mean() > cohort.mean() + 5
    noted = verdicts["reason"].isin(["above_bound", "unequal_sides"])
    assert set(verdicts.loc[~noted, "reason"]) == {"ok", "absent", "below_bound", "truncated"}
    assert 0 < noted.sum() < 0.0005 * len(verdicts)
    assert verdicts.loc[noted, "usable_volume"].all()


@pytest.mark.exhaustive
def test_every_page_and_figure_states_that_the_study_is_simulated(simulated):
    simulated.run()

    report = simulated.results / "report"
    pages = [path for path in report.rglob("*") if path.suffix in {".html", ".md"}]
    figures = sorted((simulated.results / "figures").glob("*.svg"))
    assert {"index.html", "methods.md"} <= {path.name for path in pages}
    assert len(figures) > 15
    for path in [*pages, *figures]:
        assert BANNER in re.sub(r"\s+", " ", path.read_text()), path.name
    assert {path.stem for path in (simulated.results / "figures").glob("*.png")} == {path.stem for path in figures}


@pytest.mark.exhaustive
def test_adjustment_for_sex_and_height_removes_the_correlations_that_they_cause(simulated):
    simulated.run("adjust")

    adjusted = table(simulated, "adjusted")
    everything = adjusted[
        adjusted["adjusted_for"].str.contains("height_cm") & adjusted["adjusted_for"].str.contains("sex")
    ]
    asked = ASKED[ASKED["volume_role"].eq("sex_and_height")]["structure"]
    rows = everything[everything["structure"].isin(asked) & everything["measure"].eq("volume_ml")]

    assert len(rows) == 66
    assert rows["rho_crude"].lt(-0.08).all()
    assert rows["rho"].abs().max() < 0.06
    assert rows["p_independence"].lt(ALPHA).sum() == 0
