"""Tests of the meta-analysis of several studies."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts import all_tables
from ctpop.contracts.effects import AGE_MODELS
from ctpop.figures import pooled_forest
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging import pool, pooled_studies
from ctpop.stages.aging.stored_models import models_by_key
from ctpop.stats.meta_analysis import pooled
from support import age_models

SITES = {  # slope in HU per decade, standard error, number of scans
    **{"A": (-8.9, 0.22, 4004), "B": (-7.2, 0.61, 610), "C": (-10.4, 0.88, 350), "D": (-8.1, 0.40, 1280)},
    **{"E": (-9.8, 1.15, 220), "F": (-6.0, 1.90, 95), "G": (-9.3, 0.31, 2100), "H": (-11.2, 0.75, 480)},
}


def line(slope, error, n, **options):
    """Return a row of `age_models` with a straight line that has this slope and standard error."""
    sexes = options.pop("sexes", "all")
    count = len(sexes.split(";"))
    heights = [0.0, 6 * slope] * count  # knots at 25 and 85 years
    covariance = np.zeros((2 * count, 2 * count))
    for sex in range(count):
        covariance[2 * sex + 1, 2 * sex + 1] = (6 * error) ** 2 * count
    return {
        **age_models.missing_row("ok"),
        **{"sexes": sexes, "knots": "25.0;85.0", "coefficients": age_models.written(heights)},
        "covariance": age_models.written(covariance[np.triu_indices(2 * count)]),
        **{"residual_sd": 17.0, "df": float(n - 2), "n": n, "n_patients": n},
        **{"age_low": 20.0, "age_high": 90.0, "age_mean": 55.0, "age_sd": 20.0},
        **options,
    }


def study(name, *rows, **options):
    return pooled_studies.PooledStudy(name, models_by_key(age_models.table_of(*rows)), **options)


def eight(**options):
    return [study(name, line(*site, **options)) for name, site in SITES.items()]


def found(studies):
    table = all_tables.POOLED.check(pool.pool(studies, 0.95))
    assert not table.duplicated(list(all_tables.POOLED.key)).any()
    return table


def of(table, kind):
    return table[table["kind"].eq(kind)].set_index("study")


def test_the_example_of_eight_sites_is_reproduced_from_stored_curves():
    table = found(eight())

    row = of(table, "pooled").loc["all"]
    assert row[["effect", "ci_low", "ci_high"]].tolist() == pytest.approx([-8.99969, -10.23282, -7.76656], abs=1e-5)
    assert row[["prediction_low", "prediction_high"]].tolist() == pytest.approx([-12.049023, -5.950356], abs=1e-5)
    assert row[["tau_squared", "i_squared", "q"]].tolist() == pytest.approx([1.39102, 85.955916, 28.678103], rel=1e-5)
    assert row["p_q"] == pytest.approx(1.65603e-4, rel=1e-5)
    assert (row["studies"], row["n"], row["window_low"], row["window_high"]) == (8, 9139, 20, 90)
    assert of(table, "without").loc["H", "effect"] == pytest.approx(-8.698876016, rel=1e-6)
    assert of(table, "without")["studies"].eq(7).all()
    sites = of(table, "study")
    assert sites["slope"].tolist() == pytest.approx([slope for slope, _, _ in SITES.values()])
    assert sites["slope_se"].tolist() == pytest.approx([error for _, error, _ in SITES.values()])
    assert sites["weight"].sum() == pytest.approx(1)
    assert sites["ci_high"].gt(sites["effect"]).all()


def test_volumes_are_pooled_on_the_logarithmic_scale():
    slopes = [(-0.05, 0.01), (-0.07, 0.012), (-0.04, 0.008), (-0.06, 0.02), (-0.05, 0.01)]
    volume = {"measure": "volume_ml", "unit": "percent per decade"}
    studies = [study(name, line(*slope, 100, **volume)) for name, slope in zip("ABCDE", slopes, strict=True)]

    row = of(found(studies), "pooled").loc["all"]

    expected = pooled(*np.array(slopes).T, 0.95)
    assert row["slope"] == pytest.approx(expected.mean)
    assert row["effect"] == pytest.approx(100 * math.expm1(expected.mean))
    assert row["prediction_low"] == pytest.approx(100 * math.expm1(expected.prediction.low))
    assert row["unit"] == "percent per decade"


@pytest.mark.parametrize(("count", "kinds"), [(4, {"study", "pooled", "without"}), (3, {"study", "pooled"})])
def test_few_studies_have_no_prediction_interval(count, kinds):
    table = found(eight()[:count])

    assert set(table["kind"]) == kinds
    assert table["prediction_low"].isna().all()
    assert of(table, "pooled").loc["all", "reason"] == "ok"


def test_two_studies_have_a_difference_and_no_pooled_estimate():
    table = found(eight()[:2])

    gap = of(table, "difference").loc["all"]
    assert (gap["effect"], gap["slope_se"]) == pytest.approx((1.7, math.hypot(0.22, 0.61)))
    assert gap["ci_low"] == pytest.approx(1.7 - 1.959963985 * gap["slope_se"])
    whole = of(table, "pooled").loc["all"]
    assert (whole["reason"], pd.isna(whole["effect"]), whole["studies"]) == ("few_studies", True, 2)
    assert of(table, "study")["weight"].isna().all()


def test_one_study_is_rejected():
    with pytest.raises(ContractError, match=r"requires several studies, found 1 study \(A\)\. Enter .* at least two"):
        pool.pool(eight()[:1], 0.95)


def test_studies_with_the_same_name_are_rejected():
    with pytest.raises(ContractError, match="several studies have the name A"):
        pool.pool([*eight()[:3], eight()[0]], 0.95)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (line(-9, 0.3, 500, age_low=85.0), "short_overlap"),
        (line(-9, 0.3, 500, sexes="female"), "sexes_differ"),
    ],
)
def test_studies_without_a_common_basis_are_not_pooled(other, reason):
    table = found([*eight(), study("X", other)])

    assert table["reason"].eq(reason).all()
    assert table["effect"].isna().all()


def test_a_study_without_a_curve_is_left_out():
    missing = study("X", age_models.missing_row(n=20, n_patients=20))
    table = found([*eight(), missing])

    assert of(table, "pooled").loc["all", "effect"] == pytest.approx(-8.999689290, rel=1e-6)
    assert of(table, "pooled").loc["all", "studies"] == 8
    row = of(table, "study").loc["X"]
    assert (row["reason"], row["n"], pd.isna(row["effect"])) == ("no_model", 20, True)


def test_a_study_without_a_standard_error_is_left_out():
    table = found([*eight(), study("X", line(-9, 0.0, 50))])

    assert of(table, "study").loc["X", "reason"] == "no_interval"
    assert of(table, "pooled").loc["all", "studies"] == 8


def test_studies_without_any_curve_have_a_reason():
    table = found([study(name, age_models.missing_row()) for name in "AB"])

    assert table["reason"].tolist() == ["no_model"] * 3


def test_the_effect_applies_to_the_sex_that_all_studies_have():
    both = [study(name, line(*site, sexes="female;male")) for name, site in SITES.items()]
    assert found(both)["sex"].eq("standardized").all()

    women = study("X", line(-9, 0.3, 500, sexes="female"))
    assert found([*both, women])["sex"].eq("female").all()


def test_only_curves_with_the_same_covariates_are_pooled():
    rows = [(line(*site), line(*site, adjusted_for="kvp")) for site in SITES.values()]
    studies = [study(name, *pair) for name, pair in zip(SITES, rows, strict=True)]
    alone = study("X", line(-9, 0.3, 500, adjusted_for="height_cm"))

    table = found([*studies, alone])

    assert set(table["adjusted_for"]) == {"none", "kvp"}
    assert of(table[table["adjusted_for"].eq("kvp")], "pooled").loc["all", "studies"] == 8


def test_groups_with_different_members_are_not_pooled():
    group = {"structure": "ribs", "family": "groups"}
    members = [{"ribs": frozenset({"rib_left_1"})}] * 3 + [{"ribs": frozenset({"rib_left_1", "rib_left_2"})}]

    def studies(chosen):
        return [
            study(name, line(*SITES[name], **group), members=each) for name, each in zip("ABCD", chosen, strict=False)
        ]

    assert found(studies(members))["reason"].eq("not_counterpart").all()
    assert of(found(studies(members[:3])), "pooled").loc["all", "reason"] == "ok"
    assert of(found(studies([None, *members[:2]])), "pooled").loc["all", "reason"] == "ok"  # summary tables only


def test_the_sacrum_of_different_generations_is_not_pooled():
    sacrum, s1 = {"structure": "sacrum"}, {"structure": "vertebrae_S1"}
    first = [study(name, line(*SITES[name], **sacrum)) for name in "ABC"]
    second = study("D", line(*SITES["D"], **sacrum), line(*SITES["D"], **s1))

    table = found([*first, second])

    assert table.loc[table["structure"].eq("sacrum"), "reason"].eq("not_counterpart").all()
    assert of(found(first), "pooled").loc["all", "reason"] == "ok"


def folders(path, names="ABC", banner="synthetic", csv=False):
    """Write folders that contain only summary tables."""
    for number, name in enumerate(names):
        (path / name).mkdir(parents=True)
        table = age_models.table_of(line(*SITES[name]), line(-0.05 - number / 100, 0.01, 500, measure="volume_ml"))
        AGE_MODELS.write(table, path / name / "age_models.parquet")
        if csv:
            (path / name / "age_models.parquet").unlink()
    return [str(path / name) for name in names]


@pytest.mark.parametrize("csv", [False, True])
def test_the_command_requires_only_the_tables_of_curves(tmp_path, caplog, csv):
    caplog.set_level("INFO")
    asked = ["pool", *folders(tmp_path, SITES, csv=csv), "--out", str(tmp_path / "out"), "--dpi", "80"]

    assert main(asked) == 0

    table = all_tables.POOLED.read(tmp_path / "out" / "pooled.parquet")
    hu = table[table["measure"].eq("hu_mean")]
    assert of(hu, "pooled").loc["all", "effect"] == pytest.approx(-8.999689290, rel=1e-6)
    assert "8 studies: 2 of 2 effects pooled; table and 2 figures" in caplog.text
    names = {path.stem for path in (tmp_path / "out" / "figures").iterdir()}
    assert names == {"pooled_hu_mean_p01", "pooled_volume_ml_p01"}


def finished(path, name, scans):
    """Write a result folder with a cohort."""
    tables = path / name / "tables"
    tables.mkdir(parents=True)
    AGE_MODELS.write(age_models.table_of(line(*SITES[name])), tables / "age_models.parquet")
    patients = pd.DataFrame({"scan_id": scans}).reindex(columns=list(all_tables.COHORT.columns))
    all_tables.COHORT.write(patients.astype(all_tables.COHORT.empty().dtypes.to_dict()), tables / "cohort.parquet")
    config = {"study": {"name": f"site_{name}", "banner": "synthetic"}, "structures": "demo"}
    (path / name / "provenance.json").write_text(json.dumps({"config": config}))
    return str(path / name)


def test_shared_patients_are_reported(tmp_path, caplog, capsys):
    scans = {"A": ["a", "b"], "B": ["b", "c"], "C": ["d"]}
    places = [finished(tmp_path, name, each) for name, each in scans.items()]
    asked = ["pool", *places, "--out", str(tmp_path / "out"), "--dpi", "80", "--formats", "svg"]

    assert main(asked) == 0

    assert "site_A and site_B share 1 patient: the studies are not independent" in caplog.text
    assert "synthetic" in (tmp_path / "out" / "figures" / "pooled_hu_mean_p01.svg").read_text()
    places = [finished(tmp_path / "again", name, ["a"]) for name in "AB"]
    assert main(["pool", *places, "--out", str(tmp_path / "none")]) == 1
    assert "pool: all patients of site_A or of site_B are also in the other study" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["A"], "requires several studies, found 1 study (A)"),
        (["A", "missing/X"], "the folder does not exist"),
        (["A", "."], "the table age_models is missing"),
    ],
)
def test_errors_of_the_command(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    folders(tmp_path)

    assert main(["pool", *options]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("level", ["0.4", "1", "high"])
def test_invalid_confidence_levels_are_rejected(level, capsys):
    with pytest.raises(SystemExit):
        main(["pool", "A", "B", "--confidence", level])
    assert "--confidence" in capsys.readouterr().err


def test_the_forest_plot_draws_studies_pooled_estimates_and_estimates_without_each_study():
    table = found(eight())
    blocks = [("abdomen", ["liver"])]
    shown = pooled_forest.source(table[table["effect"].notna()], blocks)

    figure = pooled_forest.draw(
        shown, blocks, "hu_mean", pooled_forest.PoolStyle(tuple(SITES), 0.95, banner="synthetic")
    )

    def positions(marker, axes):
        lines = [each for each in axes.lines if each.get_marker() == marker]
        return sorted(round(float(np.ravel(each.get_xdata())[0]), 6) for each in lines)

    _, left, *_, right = [axes for axes in figure.axes if axes.get_zorder() >= 0]
    assert positions("o", left) == sorted(slope for slope, _, _ in SITES.values())
    assert positions("D", left) == [-8.999689]
    assert positions("o", right) == sorted(of(table, "without")["effect"].round(6))
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "8   86%" in words


def test_estimates_for_one_sex_have_the_scans_of_this_sex():
    women = {f"{name}_female": size for name, size in (("n", 70), ("n_patients", 60))}
    both = line(-9, 0.3, 100, sexes="female;male", **women)
    studies = [study("A", both), study("B", both), study("C", line(-9, 0.3, 80, sexes="female", **women))]

    table = found(studies)

    assert table["sex"].eq("female").all()
    assert of(table, "study")["n"].tolist() == [70, 70, 70]
    assert of(table, "pooled").loc["all", ["n", "n_patients"]].tolist() == [210, 180]
