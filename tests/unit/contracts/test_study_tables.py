"""Every table of a study is declared once with the rule that writes it."""

from ctpop.contracts import evaluation, study_tables
from ctpop.contracts.all_tables import TABLES
from ctpop.study.rules import BY_NAME as RULES

CONTRACTS = {table.name: table for table in (*TABLES, *evaluation.TABLES)}


def test_every_table_has_a_contract_and_a_rule():
    assert [table.name for table in TABLES] == list(study_tables.BY_NAME)[: len(TABLES)]
    assert set(study_tables.BY_NAME) == set(CONTRACTS)
    assert {table.rule for table in study_tables.TABLES} <= set(RULES)


def test_a_table_has_rows_of_scans_if_its_contract_has_scans():
    per_scan = {name for name, table in CONTRACTS.items() if "scan_id" in table.columns}

    assert {table.name for table in study_tables.TABLES if table.per_scan} == per_scan


def test_tables_of_groups_have_a_section_in_the_snakemake_report():
    shown = {table.rule for table in study_tables.TABLES if not table.per_scan}

    assert set(study_tables.SECTIONS) == shown


def test_compare_truth_is_written_only_with_a_ground_truth():
    assert [table.name for table in study_tables.of_rule("aging", "truth")][-1] == "compare_truth"
    assert "compare_truth" not in [table.name for table in study_tables.of_rule("aging")]
