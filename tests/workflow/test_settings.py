"""Programs receive settings unchanged, including settings with special characters."""

import html

import pandas as pd

from support.studies import Study, demo_config, draw_cohort

SENTENCE = 'Older than {shard} {years}, "so" \\{2}'


def test_braces_and_quotes_in_a_setting_are_no_wildcards(tmp_path):
    draw_cohort(tmp_path / "cohort", patients=1)
    config = demo_config(tmp_path / "cohort")
    config["cohort"]["criteria"] = [{"name": "old", "sentence": SENTENCE, "column": "age_years", "between": [0, 60]}]
    config["study"]["banner"] = SENTENCE
    study = Study(tmp_path, config)

    study.run("describe")

    flow = pd.read_parquet(study.results / "tables" / "flow.parquet")
    assert list(flow["sentence"]) == [SENTENCE]
    assert SENTENCE in html.unescape((study.results / "report" / "table1.html").read_text(encoding="utf-8"))
