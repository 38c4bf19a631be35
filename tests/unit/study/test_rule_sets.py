"""A rule set defines rules, their limits, and the measures that they exclude; all other content is an error."""

import pytest

from ctpop.contracts.all_tables import MEASURES, RULES
from ctpop.foundation.errors import ContractError
from ctpop.study import label_sets, rule_sets

SHIPPED = ("none", "paper", "standard", "strict")
BOTH = {"volume_ml", "hu_mean"}


def write(folder, text):
    path = folder / "mine.yaml"
    path.write_text(text)
    return str(path)


def refused(folder, text):
    with pytest.raises(ContractError) as error:
        rule_sets.read(write(folder, text))
    return str(error.value)


def test_the_shipped_sets_are_the_documented_sets():
    assert tuple(sorted(path.stem for path in rule_sets.SHIPPED.glob("*.yaml"))) == SHIPPED


NOTED = ("laterality", "above_bound", "unequal_sides")


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("none", []),
        ("paper", ["below_bound", *NOTED]),
        ("standard", ["padding", "truncated", "below_bound", *NOTED]),
        ("strict", list(RULES)),
    ],
)
def test_a_shipped_set_applies_its_rules_and_excludes_both_measures_or_only_flags_scans(name, rules):
    found = rule_sets.read(name)

    assert found.name == name
    assert list(found.rules) == rules
    noted = NOTED if name != "strict" else ()
    assert all(set(rule.drops) == (set() if key in noted else BOTH) for key, rule in found.rules.items())
    assert set(MEASURES) == BOTH


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("label_set", ["paper_104", "total_117", "demo"])
def test_a_shipped_set_is_valid_for_every_shipped_label_set(name, label_set):
    rule_sets.refuse_unknown_structures(rule_sets.read(name), label_sets.read(label_set).names)


def test_a_user_set_is_read_with_its_limits_and_exceptions(tmp_path):
    path = write(
        tmp_path,
        "rules: {fragmented: {drops: [volume_ml], largest_share_below: 0.5, not_for: [colon]}, truncated: {drops: []}}",
    )

    found = rule_sets.read(path)

    assert found.name == "mine"
    assert found.rules["fragmented"] == rule_sets.ScreeningRule(
        ("volume_ml",), ("colon",), {"largest_share_below": 0.5}
    )
    assert found.rules["truncated"] == rule_sets.ScreeningRule((), (), {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rules: {truncatd: {drops: []}}", "rules.truncatd: unknown key; did you mean 'truncated'?"),
        ("rules: {truncated: {}}", "rules.truncated.drops: missing key"),
        (
            "rules: {truncated: {drops: [volume]}}",
            "rules.truncated.drops.0: 'volume' is not one of ['volume_ml', 'hu_mean']",
        ),
        (
            "rules: {fragmented: {drops: []}}",
            "rules.fragmented.largest_share_below: missing key; Proportion of the voxels",
        ),
        (
            "rules: {fragmented: {drops: [], largest_share_below: 80}}",
            "rules.fragmented.largest_share_below: 80 is greater than the maximum of 1",
        ),
        (
            "rules: {laterality: {drops: [], wrong_side_mm_above: -5}}",
            "rules.laterality.wrong_side_mm_above: -5 is less than the minimum of 0",
        ),
        (
            "rules: {asymmetric: {drops: [], robust_z_above: 5, pairs_at_least: 2}}",
            "rules.asymmetric.pairs_at_least: 2 is less than the minimum of 3",
        ),
        ("drops: []", "rules: missing key"),
        ("", "line 1: the rule set is empty; add rules, for example rules: {below_bound: {drops:"),
    ],
)
def test_an_invalid_set_is_rejected_with_the_place_and_the_valid_values(tmp_path, text, expected):
    assert expected in refused(tmp_path, text)


def test_invalid_yaml_is_rejected(tmp_path):
    assert "line 2: the key 'rules' already occurs in line 1" in refused(tmp_path, "rules: {}\nrules: {}")
    assert "mine.yaml: line 1, at the end of the file: invalid YAML" in refused(tmp_path, "rules: [")


def test_an_unknown_set_is_rejected_with_a_list_of_shipped_sets():
    with pytest.raises(ContractError) as error:
        rule_sets.read("strickt")

    expected = (
        "screen.rules: 'strickt' is neither a built-in rule set (none, paper, standard, strict) nor the path of a YAML"
        " file; did you mean strict? Set rules: strict"
    )
    assert str(error.value) == expected


def test_an_exception_for_an_unknown_structure_is_rejected(tmp_path):
    found = rule_sets.read(write(tmp_path, "rules: {truncated: {drops: [], not_for: [colon, livr, my_organ]}}"))

    with pytest.raises(ContractError) as error:
        rule_sets.refuse_unknown_structures(found, ["my_organ"])

    expected = "mine.yaml, line 1: rules.truncated.not_for: no label set contains livr; did you mean 'liver'?"
    assert str(error.value).endswith(f"{expected} Replace livr with liver")


# Attenuation of truncated structures


@pytest.mark.parametrize(("use", "drops"), [(None, BOTH), (False, BOTH), (True, {"volume_ml"})])
def test_the_setting_for_truncated_attenuation_changes_only_this_rule(use, drops):
    standard = rule_sets.read("standard")

    changed = standard.with_truncated_hu(use)

    assert set(changed.rules["truncated"].drops) == drops
    assert changed.rules["below_bound"] == standard.rules["below_bound"]


def test_a_set_that_uses_truncated_attenuation_can_be_changed_to_exclude_it(tmp_path):
    found = rule_sets.read(write(tmp_path, "rules: {truncated: {drops: [volume_ml]}}"))

    assert set(found.with_truncated_hu(use=False).rules["truncated"].drops) == BOTH
    assert found.with_truncated_hu(use=None) == found


def test_a_set_without_a_rule_for_truncation_remains_unchanged():
    paper = rule_sets.read("paper")

    assert paper.with_truncated_hu(use=False) == paper
