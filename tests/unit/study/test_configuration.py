"""Each invalid setting is reported in one line with its place, the error, and the correction."""

from pathlib import Path

import pytest
import yaml

from ctpop.foundation import json_schema
from ctpop.foundation.errors import ContractError
from ctpop.study import configuration
from support.config_files import config_file

ROOT = Path(__file__).parents[3]
SMALLEST = {
    "study": {"name": "mine", "registry": "registry.csv", "start_from": "segmentations"},
    "structures": "total_117",
}


def lines_about(**changed):
    with pytest.raises(ContractError) as refused:
        configuration.validated({**SMALLEST, **changed})
    head, *lines = str(refused.value).splitlines()
    assert head == "the configuration contains errors:"
    return [line.removeprefix("  ") for line in lines]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"agign": {}}, "agign: unknown key; did you mean 'aging'?"),
        ({"aging": {"alhpa": 0.1}}, "aging.alhpa: unknown key; did you mean 'alpha'?"),
        ({"report": {"zzz": 1}}, "report.zzz: unknown key; valid keys are figure6, dpi"),
        ({"report": {"formats": ["eps"]}}, "report.formats.0: 'eps' is not one of ['pdf', 'svg', 'png']"),
        ({"report": {"formats": ["pdf"]}}, "report.formats: ['pdf'] contains neither png nor svg; add one of"),
        ({"aging": {"alpha": 2}}, "aging.alpha: 2 is greater than or equal to the maximum of 1 (Significance level of"),
        ({"aging": {"alpha": 0}}, "aging.alpha: 0 is less than or equal to the minimum of 0 (Significance level of"),
        ({"aging": {"n_min": 12.5}}, "aging.n_min: 12.5 is not of type 'integer'"),
        ({"segment": {"device": "gpu"}}, "segment.device: 'gpu' is not one of ['auto', 'cpu', 'cuda']"),
        ({"segment": {"shards": 0}}, "segment.shards: 0 is less than the minimum of 1"),
        (
            {"segment": {"step_size": 1.5}},
            "segment.step_size: 1.5 is greater than the maximum of 1 (Step of the sliding",
        ),
        ({"segment": {"resampling_order": 2}}, "segment.resampling_order: 2 is not one of [1, 3] (Order of the spline"),
        (
            {"segment": {"batch_size": 0}},
            "segment.batch_size: 0 is less than the minimum of 1 (Number of windows per forward",
        ),
        ({"segment": {"compile": 1}}, "segment.compile: 1 is not of type 'boolean' (Whether networks are compiled"),
        (
            {"segment": {"weights": ""}},
            "segment.weights: '' should be non-empty (Folder that contains the model folders",
        ),
        (
            {"segment": {"sha256": "A" * 64}},
            f"segment.sha256: '{'A' * 64}' does not match '^[0-9a-f]{{64}}$' (Required SHA-256",
        ),
        (
            {"segment": None},
            "segment: None is not of type 'object' (Segmentation of CT volumes; the key has no value: remove the line",
        ),
        ({"cohort": {"criteria": ["adult"]}}, "cohort.criteria.0: 'adult' is not one of ['age_known',"),
        (
            {"cohort": {"criteria": ["complete", "complete"]}},
            "cohort.criteria: ['complete', 'complete'] has non-unique",
        ),
        ({"screen": {"lower_bound_ml": {"spleen": -1}}}, "screen.lower_bound_ml.spleen: -1 is less than the minimum"),
        ({"screen": {"use_truncated_hu": "yes"}}, "screen.use_truncated_hu: 'yes' is not of type 'boolean'"),
        ({"report": {"figure6": [["aorta", "volume"]]}}, "report.figure6.0.1: 'volume' is not one of ['volume_ml',"),
        ({"report": {"figure6": []}}, "report.figure6: [] should be non-empty"),
        ({"structures": ""}, "structures: '' should be non-empty (Label set: a built-in label set"),
        ({"study": {"name": "mine"}}, "study.registry: missing key; CSV, TSV, spreadsheet"),
    ],
)
def test_an_invalid_setting_is_reported_in_one_line(changed, expected):
    lines = lines_about(**changed)

    assert len(lines) == 1
    assert lines[0].startswith(expected)


@pytest.mark.parametrize("name", ["../mine", "my study", "-mine", ".mine", ""])
def test_a_study_name_that_is_not_a_folder_name_is_rejected(name):
    [line] = lines_about(study={**SMALLEST["study"], "name": name})

    assert line.startswith(f"study.name: {name!r} does not match")


def test_a_number_that_yaml_reads_as_text_has_a_remedy():
    aging = yaml.safe_load("alpha: 1e-4")

    [line] = lines_about(aging=aging)

    assert line.startswith("aging.alpha: '1e-4' is not of type 'number'")
    assert "write the number with a decimal point, such as 1.0e-4, because YAML reads 1e-4 as text" in line


def test_a_name_that_yaml_reads_as_a_number_has_a_remedy():
    [line] = lines_about(study={**SMALLEST["study"], "name": yaml.safe_load("007")})

    assert line.startswith("study.name: 7 is not of type 'string'")
    assert "put the value in quotation marks, because YAML does not read it as text" in line


def test_a_missing_required_section_is_reported():
    with pytest.raises(ContractError) as refused:
        configuration.validated({"study": SMALLEST["study"]})

    assert "  structures: missing key; Label set: a built-in label set" in str(refused.value)


def test_all_invalid_settings_are_reported_in_order():
    lines = lines_about(aging={"alpha": 2, "confidnce": 0.9}, segment={"shards": 0}, cohrt={}, report={"dpi": 1})

    assert [line.split(":")[0] for line in lines] == [
        "aging.alpha",
        "aging.confidnce",
        "cohrt",
        "report.dpi",
        "segment.shards",
    ]


@pytest.mark.parametrize(
    ("study", "segment", "expected"),
    [
        ({"start_from": "measures"}, {}, "study.measures: this setting is missing; start_from measures requires"),
        (
            {"measures": "m.csv"},
            {},
            "study.measures: this setting applies only to start_from measures, but start_from is segmentations",
        ),
        (
            {"start_from": "images"},
            {},
            "segment.model: this setting is missing; start_from images requires a model set",
        ),
    ],
)
def test_contradictory_settings_are_rejected(study, segment, expected):
    [line] = lines_about(study={**SMALLEST["study"], **study}, segment=segment)

    assert line.startswith(expected)


def test_omitted_settings_have_defaults():
    filled = configuration.validated(SMALLEST)

    assert filled["aging"]["alpha"] == 0.0001
    assert filled["cohort"]["criteria"] == ["age_known", "complete", "contrast_enhanced"]
    shares = {"group_hu_share": 0.5, "implausible_share": 0.25}
    assert filled["screen"] == {"rules": "standard", "lower_bound_ml": {}, **shares, "extremes": 3}
    assert set(filled) == {*SMALLEST, *configuration.STAGES}


def test_settings_defined_by_a_model_set_have_no_default():
    filled = configuration.section("segment", None)

    how = {"device": "auto", "batch_size": 1, "compile": False, "cpu_threads": 2}
    assert filled == {**how, "max_failed_share": 0.5, "scans_per_shard": 128}


def test_two_missing_keys_are_reported_in_two_lines():
    with pytest.raises(ContractError) as refused:
        configuration.validated({"study": {}, "structures": "total_117"})

    assert [line.split(";")[0] for line in str(refused.value).splitlines()[1:]] == [
        "  study.name: missing key",
        "  study.registry: missing key",
    ]


def test_entries_of_a_list_have_defaults():
    entry = {"type": "object", "properties": {"fold": {"type": "integer", "default": 0}}}
    schema = {"properties": {"parts": {"type": "array", "items": entry}}}

    assert json_schema.filled_in(schema, {"parts": [{}, {"fold": 3}]}) == {"parts": [{"fold": 0}, {"fold": 3}]}


def test_defaults_do_not_replace_given_settings():
    filled = configuration.validated(
        {**SMALLEST, "aging": {"alpha": 0.05}, "screen": {"lower_bound_ml": {"aorta": None}}}
    )

    assert filled["aging"] == {**configuration.validated(SMALLEST)["aging"], "alpha": 0.05}
    assert filled["screen"]["lower_bound_ml"] == {"aorta": None}
    assert filled["study"] == SMALLEST["study"]


def test_filling_in_defaults_does_not_modify_the_input():
    given = {**SMALLEST, "aging": {"alpha": 0.05}}

    configuration.validated(given)

    assert given == {**SMALLEST, "aging": {"alpha": 0.05}}


@pytest.mark.parametrize("stage", configuration.STAGES)
def test_an_empty_section_equals_the_section_of_a_minimal_study(stage):
    assert configuration.section(stage, None) == configuration.validated(SMALLEST)[stage]


def test_a_section_is_validated_like_the_configuration():
    with pytest.raises(ContractError) as refused:
        configuration.section("aging", config_file(aging={"alpha": 2, "nmin": 3}))

    head, *lines = str(refused.value).splitlines()
    assert head == "the settings contain errors:"
    assert [line.split(": ")[1] for line in lines] == ["aging.alpha", "aging.nmin"]
    assert ".yaml, line 3: aging.nmin: unknown key; did you mean 'n_min'? Replace nmin: with n_min:" in lines[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aging: {", "study.yaml: line 1, at the end of the file: invalid YAML: .* close the bracket"),
        ("- aging", "study.yaml: line 1: sections such as 'study:' are expected at the top level, found a list"),
        ("aging: 5", "aging: 5 is not of type 'object'"),
    ],
)
def test_a_file_without_a_configuration_is_rejected(tmp_path, text, message):
    (tmp_path / "study.yaml").write_text(text)

    with pytest.raises(ContractError, match=message):
        configuration.section("aging", tmp_path / "study.yaml")


def test_a_missing_section_has_defaults():
    assert configuration.section("aging", config_file(screen={})) == configuration.section("aging", None)


@pytest.mark.parametrize(
    ("old", "new"), [("qc", "review"), ("evaluation", "evaluate"), ("convert", "dicom"), ("index", "dicom")]
)
def test_the_old_name_of_a_section_is_rejected_with_the_new_name(old, new):
    with pytest.raises(ContractError, match=f"{old}: this key was renamed {new}; replace {old}: with {new}:"):
        configuration.validated({**SMALLEST, old: {}})


def test_a_written_configuration_is_read_unchanged_and_has_a_stable_name(tmp_path):
    filled = configuration.validated({**SMALLEST, "aging": {"alpha": 1.0e-7}})
    path = configuration.write(filled, tmp_path)

    assert configuration.validated(configuration.read_file(path)) == filled
    assert configuration.write(filled, tmp_path) == path
    assert configuration.write({**filled, "screen": {}}, tmp_path) != path


def test_the_shipped_configuration_contains_every_key_with_its_default():
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    defaults = {stage: configuration.section(stage, None) for stage in configuration.STAGES}
    defaults["segment"] |= {"model": "demo", "scans_per_shard": 10}  # settings of the demo
    defaults["cohort"] |= {"table1": ["bmi"]}
    defaults["screen"] |= {"extremes": 1}  # the demo has 34 values instead of thousands
    defaults["review"] |= {"sample_share": 0.05}  # the demo has a thousand masks instead of a million

    assert {stage: shipped[stage] for stage in configuration.STAGES} == defaults


def test_the_shipped_configuration_is_valid_and_complete():
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))

    assert configuration.validated(shipped) == shipped


def test_every_schema_key_has_a_description_and_rejects_unknown_keys():
    parts = configuration.load_schema()["properties"]

    for name, part in parts.items():
        assert part["description"], name
        if part["type"] == "object":
            assert part["additionalProperties"] is False, name
            assert all(inner["description"] for inner in part["properties"].values()), name


def study_of(structures, **sections):
    study = {"name": "x", "registry": "r.csv", "start_from": "segmentations"}
    return {"study": study, "structures": structures, **sections}


def test_structure_names_in_settings_are_checked_before_the_run():
    wrong = study_of("total_117", report={"figure6": [["hip_lef", "hu_mean"]]}, screen={"lower_bound_ml": {"splen": 3}})

    with pytest.raises(ContractError) as refused:
        configuration.validated(wrong)

    message = str(refused.value)
    assert "report.figure6: label set total_117 does not contain hip_lef; did you mean 'hip_left'?" in message
    assert "screen.lower_bound_ml: label set total_117 does not contain splen" in message


def test_structure_names_of_change_points_are_checked_before_the_run():
    with pytest.raises(ContractError) as refused:
        configuration.validated(study_of("total_117", aging={"change_points": ["hips", "vertebrae_L11"]}))

    expected = "aging.change_points: label set total_117 does not contain vertebrae_L11; did you mean 'vertebrae_L1'?"
    assert expected in str(refused.value)


def test_a_group_of_structures_can_be_a_panel_but_has_no_bound():
    group = study_of("total_117", report={"figure6": [["hips", "hu_mean"]]})
    elsewhere = study_of("demo", report={"figure6": [["ribs", "hu_mean"]]})
    bound = study_of("total_117", screen={"lower_bound_ml": {"hips": 3}})

    assert configuration.validated(group)["report"]["figure6"] == [["hips", "hu_mean"]]
    with pytest.raises(ContractError, match=r"report\.figure6: label set demo does not contain ribs"):
        configuration.validated(elsewhere)
    with pytest.raises(ContractError, match=r"screen\.lower_bound_ml: label set total_117 does not contain hips"):
        configuration.validated(bound)


def test_the_error_for_an_unknown_label_set_lists_the_shipped_label_sets():
    with pytest.raises(ContractError, match=r"'nope' is neither a built-in label set \(demo, paper_104, total_117\)"):
        configuration.validated(study_of("nope"))


def test_default_panels_contain_structures_of_the_label_set(tmp_path):
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    header = "label,structure,side,group,lower_bound_ml\n"
    one.write_text(header + "1,liver,,abdomen,\n2,aorta,,vessels,\n")
    other.write_text(header + "1,liver,,abdomen,\n")

    assert configuration.validated(study_of(str(one)))["report"]["figure6"] == [["aorta", "volume_ml"]]
    assert configuration.validated(study_of(str(other)))["report"]["figure6"] == [["liver", "volume_ml"]]


def test_the_digest_of_labels_depends_on_labels_names_and_sides_but_not_bounds(tmp_path):
    header = "label,structure,side,group,lower_bound_ml\n"
    contents = {
        "first": "1,liver,,abdomen,500\n2,aorta,,vessels,40\n",
        "other_bound": "2,aorta,,vessels,30\n1,liver,,abdomen,\n",
        "other_label": "3,liver,,abdomen,500\n2,aorta,,vessels,40\n",
        "other_name": "1,spleen,,abdomen,500\n2,aorta,,vessels,40\n",
        "other_side": "1,liver,right,abdomen,500\n2,aorta,,vessels,40\n",
    }
    for name, rows in contents.items():
        (tmp_path / f"{name}.csv").write_text(header + rows)

    digests = {name: configuration.labels_digest(str(tmp_path / f"{name}.csv")) for name in contents}

    assert digests["first"] == digests["other_bound"]
    assert len(set(digests.values())) == 4


def one_table(**changed):
    study = {"name": "mine", "start_from": "measures", "measures": "mine.csv"}
    return configuration.validated({"study": study, "structures": "total_117", **changed})


def test_a_study_without_a_registry_requires_only_the_age():
    filled = one_table()

    assert filled["cohort"]["criteria"] == ["age_known"]
    assert configuration.patients_in_measures(filled["study"])


def test_criteria_also_apply_without_a_registry():
    assert one_table(cohort={"criteria": ["complete"]})["cohort"]["criteria"] == ["complete"]


def test_the_same_file_as_registry_and_measures_is_one_table():
    study = {"name": "mine", "start_from": "measures", "measures": "mine.csv"}

    assert configuration.patients_in_measures({**study, "registry": "mine.csv"})
    assert not configuration.patients_in_measures({**study, "registry": "registry.csv"})
    assert not configuration.patients_in_measures(SMALLEST["study"])


@pytest.mark.parametrize(("name", "value"), [("columns", {"ID": "scan_id"}), ("confirmed", ["liver_volume_ml"])])
def test_a_column_map_without_a_table_of_measures_is_rejected(name, value):
    [line] = lines_about(measure={name: value})

    assert line.startswith(f"measure.{name}: this setting applies only to start_from measures, but start_from is seg")


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"study": {**SMALLEST["study"], "registry": "a{b}/registry.csv"}}, "study.registry"),
        ({"screen": {"review": "{x}.csv"}}, "screen.review"),
    ],
)
def test_braces_in_a_path_are_rejected(changed, place):
    [line] = lines_about(**changed)

    assert line.startswith(f"{place}: ")
    assert line.endswith("contains braces, which Snakemake interprets as wildcards; rename the file or folder")


ONE_FILE = {"study": {"name": "mine", "measures": "m.csv", "start_from": "measures"}}


def test_settings_of_one_table_are_read_from_either_section():
    cohort = {"columns": {"Age": "age_years"}, "separator": ";", "missing": ["-99"]}
    measure = {"columns": {"vol_*": "*_volume_ml"}, "decimal": ","}

    found = configuration.validated({**SMALLEST, **ONE_FILE, "cohort": cohort, "measure": measure})

    assert found["measure"]["columns"] == {"Age": "age_years", "vol_*": "*_volume_ml"}
    assert (found["measure"]["separator"], found["measure"]["decimal"]) == (";", ",")
    assert not {"columns", "separator"} & set(found["cohort"])
    assert configuration.validated(found) == found


def test_contradictory_settings_of_one_table_are_rejected():
    lines = lines_about(
        **ONE_FILE,
        cohort={"columns": {"ID": "scan_id"}, "decimal": "."},
        measure={"columns": {"ID": "patient_id"}, "decimal": ","},
    )

    assert [line.partition(":")[0] for line in lines] == [
        *("cohort.columns.ID and measure.columns.ID", "cohort.decimal and measure.decimal"),
    ]
