"""Tests of the comparison of two studies."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts import all_tables
from ctpop.figures import forest
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging import compare, shared_patients


def config(name="one", confidence=0.95, banner=None, structures="paper_104"):
    study = {"name": name, **({"banner": banner} if banner else {})}
    return {"study": study, "structures": structures, "aging": {"confidence": confidence, "alpha": 1e-4}}


def rows(*results, family="structures"):
    columns = ["structure", "measure", "n", "n_patients", "rho", "ci_low", "ci_high"]
    return pd.DataFrame(list(results), columns=columns).assign(family=family)


def study(*results, groups=(), members=None, **options):
    table = pd.concat([rows(*results), rows(*groups, family="groups")], ignore_index=True)
    return compare.ComparedStudy(options.get("name", "one"), config(**options), table, members or {}, scans_of())


def scans_of(*scans, **columns):
    names = ["scan_id", "patient_id", "images_digest", "mask_sha256", "age_years", "sex"]
    return pd.DataFrame({"scan_id": list(scans), **columns}, dtype="str").reindex(columns=names)


def liver(rho, width=0.1, n=100, name="liver", measure="volume_ml"):
    return (name, measure, n, n, rho, rho - width, rho + width)


def compared(first, second):
    return all_tables.COMPARISON.check(compare.compare(first, second)).set_index(["structure", "measure"])


def test_the_difference_is_the_second_minus_the_first_with_its_test():
    row = compared(study(liver(0.2)), study(liver(0.5))).loc[("liver", "volume_ml")]

    errors = [(math.atanh(r + 0.1) - math.atanh(r - 0.1)) / (2 * 1.959963985) for r in (0.2, 0.5)]
    assert row["difference"] == pytest.approx(0.3)
    assert row["z"] == pytest.approx((math.atanh(0.5) - math.atanh(0.2)) / math.hypot(*errors), rel=1e-9)
    assert row["difference_low"] == pytest.approx(0.3 - math.hypot(0.1, 0.1))
    assert row["difference_high"] == pytest.approx(0.3 + math.hypot(0.1, 0.1))
    assert (row["n_a"], row["n_b"], row["counterpart"]) == (100, 100, "same")
    assert row["p"] == pytest.approx(10 ** row["log10_p"])


def test_structures_of_only_one_study_have_rows_without_a_difference():
    found = compared(study(liver(0.2), liver(0.1, name="spleen")), study(liver(0.2), liver(0.3, name="heart")))

    assert found["counterpart"].to_dict() == {
        ("heart", "volume_ml"): "only_in_b",
        ("liver", "volume_ml"): "same",
        ("spleen", "volume_ml"): "only_in_a",
    }
    assert found["difference"].notna().sum() == 1
    assert found.loc[("heart", "volume_ml"), "rho_b"] == 0.3
    assert pd.isna(found.loc[("heart", "volume_ml"), "n_a"])


def test_the_sacrum_of_one_generation_is_compared_with_sacrum_and_s1_of_the_other():
    v1 = study(
        liver(-0.5, name="sacrum"), groups=[liver(-0.5, name="sacrum_v1")], members={"sacrum_v1": frozenset({"sacrum"})}
    )
    v2 = study(
        liver(-0.4, name="sacrum"),
        liver(-0.3, name="vertebrae_S1"),
        groups=[liver(-0.45, name="sacrum_v1")],
        members={"sacrum_v1": frozenset({"sacrum", "vertebrae_S1"})},
    )

    found = compared(v1, v2)

    assert found["counterpart"].droplevel("measure").to_dict() == {
        "sacrum": "other_extent",
        "sacrum_v1": "same",
        "vertebrae_S1": "only_in_b",
    }
    assert found["difference"].dropna().to_dict() == {("sacrum_v1", "volume_ml"): pytest.approx(0.05)}
    assert compared(v1, v1).loc[("sacrum", "volume_ml"), "counterpart"] == "same"


def test_groups_with_different_members_are_not_compared():
    whole = study(groups=[liver(0.2, name="ribs")], members={"ribs": frozenset({"rib_left_1", "rib_left_2"})})
    part = study(groups=[liver(0.3, name="ribs")], members={"ribs": frozenset({"rib_left_1"})})

    row = compared(whole, part).loc[("ribs", "volume_ml")]

    assert (row["counterpart"], pd.isna(row["difference"]), row["rho_b"]) == ("other_members", True, 0.3)
    assert compared(whole, whole).loc[("ribs", "volume_ml"), "counterpart"] == "same"


def test_p_values_are_adjusted_separately_over_structures_and_groups():
    names = ["liver", "spleen", "aorta"]
    first = study(*(liver(0.2, name=name) for name in names), groups=[liver(0.2, name="ribs")])
    second = study(*(liver(0.3, name=name) for name in names), groups=[liver(0.3, name="ribs")])

    found = compared(first, second)

    p = found.loc[("liver", "volume_ml"), "p"]
    assert found.loc[("liver", "volume_ml"), "p_bonferroni"] == pytest.approx(min(1, 3 * p))
    assert found.loc[("ribs", "volume_ml"), "p_bonferroni"] == pytest.approx(p)


def test_a_result_missing_in_one_study_has_no_difference():
    missing = ("liver", "volume_ml", 3, 3, math.nan, math.nan, math.nan)

    row = compared(study(missing), study(liver(0.2))).loc[("liver", "volume_ml")]

    assert (row["counterpart"], row["n_a"], pd.isna(row["z"])) == ("same", 3, True)


def test_studies_with_different_confidence_levels_are_rejected():
    with pytest.raises(ContractError, match=r"confidence levels of the studies differ: 0.95 in one and 0.9 in two"):
        compare.compare(study(liver(0.2)), study(liver(0.2), name="two", confidence=0.9))


def test_a_page_is_full_and_repeats_its_heading():
    names = [f"s{number}" for number in range(100)]

    pages = forest.pages_of([("spine", names), ("ribs", ["r"])])

    assert [len(block[1]) for page in pages for block in page] == [57, 43, 1]
    assert [block[0] for block in pages[1]] == ["spine", "ribs"]
    assert [name for page in pages for _, block in page for name in block] == [*names, "r"]


def test_a_heading_is_never_the_last_row_of_a_page():
    pages = forest.pages_of([("one", [f"s{number}" for number in range(56)]), ("two", ["x"])])

    assert [[heading for heading, _ in page] for page in pages] == [["one"], ["two"]]


def test_different_banners_contain_the_names_of_their_studies():
    synthetic = study(liver(0.2), name="a", banner="synthetic")

    assert compare.banner_of((synthetic, study(liver(0.2), name="b", banner="synthetic"))) == "synthetic"
    assert compare.banner_of((synthetic, study(liver(0.2), name="b"))) == "a: synthetic"
    assert compare.banner_of((study(liver(0.2)), study(liver(0.2), name="b"))) is None


def results(folder, name, rho, scans):
    """Write the result tables of a study with three structures and one group."""
    tables = folder / name / "tables"
    kidneys = ["kidney_left", "kidney_right"]
    table = pd.concat(
        [
            rows(
                *(
                    liver(rho, name=each, measure=measure)
                    for each in ["liver", *kidneys]
                    for measure in all_tables.MEASURES
                )
            ),
            rows(*(liver(rho, name="kidneys", measure=measure) for measure in all_tables.MEASURES), family="groups"),
        ]
    )
    tables.mkdir(parents=True)
    table.to_parquet(tables / "associations.parquet")  # contains only the columns that the command reads
    members = pd.DataFrame({"group": "kidneys", "structure": kidneys, "in_label_set": True})
    all_tables.GROUP_MEMBERS.write(members, tables / "group_members.parquet")
    patients = pd.DataFrame({"scan_id": scans}).reindex(columns=list(all_tables.COHORT.columns))
    all_tables.COHORT.write(patients.astype(all_tables.COHORT.empty().dtypes.to_dict()), tables / "cohort.parquet")
    text = json.dumps({"config": config(name=name, banner="synthetic", structures="demo")})
    (folder / name / "provenance.json").write_text(text)
    return folder / name


def test_the_command_writes_reproducible_tables_and_figures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results(tmp_path / "results", "one", 0.1, ["a", "b"])
    results(tmp_path / "results", "two", 0.6, ["c", "d"])

    assert main(["compare", "one", "results/two", "--dpi", "80"]) == 0

    out = tmp_path / "results" / "one_and_two"
    found = all_tables.COMPARISON.read(out / "comparison.parquet")
    assert len(found) == 8
    assert found["difference"].round(9).eq(0.5).all()
    names = {path.name for path in (out / "figures").iterdir()}
    assert names == {
        f"forest_{measure}_p01.{suffix}" for measure in all_tables.MEASURES for suffix in ("pdf", "svg", "png", "csv")
    }
    drawn = pd.read_csv(out / "figures" / "forest_volume_ml_p01.csv")
    assert drawn["structure"].tolist() == ["kidney_right", "kidney_left", "liver", "kidneys"]
    figure = (out / "figures" / "forest_volume_ml_p01.svg").read_text()
    assert "synthetic" in figure
    assert all(words in figure for words in ("Abdomen and pelvis", "Left kidney", "Kidneys"))
    assert main(["compare", "one", "two", "--dpi", "80", "--out", "again"]) == 0
    for path in out.rglob("*.*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(out)).read_bytes()


def test_studies_that_share_some_patients_are_compared_with_a_warning_and_flagged(tmp_path, caplog):
    places = [results(tmp_path, name, 0.1, scans) for name, scans in (("one", ["a", "b"]), ("two", ["b", "c"]))]

    assert main(["compare", *map(str, places), "--dpi", "80", "--out", str(tmp_path / "out")]) == 0

    assert "1 scan and 1 patient are in both studies: the studies are not independent" in caplog.text
    found = all_tables.COMPARISON.read(tmp_path / "out" / "comparison.parquet")
    assert found[["n_shared_scans", "n_shared_patients"]].eq(1).all(axis=None)
    assert not found["independent"].any()


def test_studies_of_the_same_patients_are_rejected_with_a_remedy(tmp_path, capsys):
    places = [results(tmp_path, name, 0.1, scans) for name, scans in (("one", ["a", "b"]), ("two", ["a", "b", "c"]))]

    assert main(["compare", *map(str, places), "--dpi", "80", "--out", str(tmp_path / "out")]) == 1

    error = capsys.readouterr().err
    assert "all patients of one or of two are also in the other study (2 patients)" in error
    assert "cohort: {criteria: [{name: site_a" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (scans_of("a", "b"), scans_of("c", "d"), (0, 0, False)),
        (scans_of("a", "b"), scans_of("b", "c"), (1, 1, False)),
        (scans_of("a", "b", patient_id=["p", "p"]), scans_of("c", "d", patient_id=["p", "q"]), (0, 1, True)),
        (scans_of("a", "b", patient_id=["p", "q"]), scans_of("c", "d", patient_id=["q", "r"]), (0, 1, False)),
        (scans_of("a", "b", images_digest=["x", "y"]), scans_of("c", "d", images_digest=["y", "z"]), (1, 1, False)),
        (scans_of("a", "b", mask_sha256=["x", None]), scans_of("c", "d", mask_sha256=["x", None]), (1, 1, False)),
        (scans_of("a", "b", patient_id=["p", None]), scans_of("c", "d", patient_id=["p", None]), (0, 1, False)),
        (scans_of(), scans_of("c"), (0, 0, False)),
    ],
)
def test_shared_scans_and_patients_are_found_by_ids_and_checksums(first, second, expected):
    found = shared_patients.shared(first, second)

    assert (found.scans, found.patients, found.all_of_one) == expected
    assert shared_patients.shared(second, first) == found


@pytest.mark.parametrize(
    ("facts", "shared"),
    [
        ({"sex": ["male", "male", "male"]}, True),
        ({"sex": ["male", "female", "male"]}, False),
        ({"age_years": [60, 70, 50]}, True),
        ({"age_years": [60.5, 69.5, 51]}, True),
        ({"age_years": [60, 40, 80]}, False),
    ],
)
def test_scans_with_equal_ids_and_contradictory_ages_or_sexes_are_different(facts, shared):
    one = scans_of("1", "2", "3", sex=["male"] * 3, age_years=["60", "70", "50"])
    other = one.assign(**{name: pd.Series(values, dtype="str") for name, values in facts.items()})

    assert shared_patients.shared(one, other).all_of_one == shared


def test_patients_with_equal_ids_can_be_older_in_the_other_study():
    one = scans_of("a", "b", patient_id=["1", "2"], age_years=["60", "70"])
    other = scans_of("c", "d", patient_id=["1", "2"], age_years=["65", "74"])

    assert shared_patients.shared(one, other).patients == 2


def test_checksums_of_label_maps_are_read_if_available(tmp_path):
    for name, scan in (("one", "a"), ("two", "b")):
        tables = results(tmp_path, name, 0.1, [scan]) / "tables"
        row = {"scan_id": scan, "status": "existing", "mask_path": "m.nii.gz", "mask_sha256": "0" * 64}
        segments = pd.DataFrame([row]).reindex(columns=list(all_tables.SEGMENTS.columns))
        all_tables.SEGMENTS.write(
            segments.astype(all_tables.SEGMENTS.empty().dtypes.to_dict()), tables / "segments.parquet"
        )

    scans = [shared_patients.read_scans(tmp_path / name / "tables") for name in ("one", "two")]

    assert shared_patients.shared(*scans).scans == 1


def test_a_folder_that_is_not_a_study_is_rejected(tmp_path, capsys):
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 1
    assert "does not contain a finished study; missing: provenance.json, tables/ass" in capsys.readouterr().err


def test_a_figure_states_patient_counts_if_patients_have_several_scans():
    shown = compare.compare(study(liver(0.2, width=0.02)), study(liver(0.5, width=0.02)))
    blocks = [("abdomen", ["liver"])]
    style = forest.ForestStyle(("x", "y"), 0.95, 1e-4, None)
    n = [int(shown[f"n_{name}"].iloc[0]) for name in "ab"]

    def words(table):
        figure = forest.draw(forest.source(table, blocks, "volume_ml"), blocks, "volume_ml", style)
        return [text.get_text() for text in [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]]

    assert {"n", f"{n[0]:,} / {n[1]:,}"} <= set(words(shown))
    assert {"Scans (patients)", f"{n[0]:,} (7) / {n[1]:,} ({n[1]:,})"} <= set(words(shown.assign(n_patients_a=7)))


def test_the_forest_plot_draws_both_correlations_and_the_difference():
    shown = compare.compare(study(liver(0.2, width=0.02)), study(liver(0.5, width=0.02)))
    blocks = [("abdomen", ["liver"])]

    figure = forest.draw(
        forest.source(shown, blocks, "volume_ml"),
        blocks,
        "volume_ml",
        forest.ForestStyle(("x", "y"), 0.95, 1e-4, "synthetic"),
    )

    dots = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "o"]
    assert sorted(round(float(np.ravel(dot.get_xdata())[0]), 9) for dot in dots) == [0.2, 0.3, 0.5]
    assert [dot.get_markerfacecolor() for dot in dots if round(float(np.ravel(dot.get_xdata())[0]), 9) == 0.3] == [
        "#1c2126"
    ]
