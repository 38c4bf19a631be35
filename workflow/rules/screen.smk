rule screen:
    input:
        measures=f"{STUDY}/tables/measures.parquet",
        structures=STRUCTURES,
        code=code("screen"),
    output:
        verdicts=f"{STUDY}/tables/verdicts.parquet",
        analysis=f"{STUDY}/tables/analysis.parquet",
        csv=expand(f"{STUDY}/tables/{{table}}.csv", table=["verdicts", "analysis"]),
    log:
        f"{STUDY}/logs/screen.log",
    benchmark:
        f"{STUDY}/benchmarks/screen.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        settings=stage_settings("screen"),
    message:
        "screen: which measures can be trusted"
    shell:
        "python -m ctpop screen --measures {input.measures:q} --structures {input.structures:q}"
        " --settings {params.settings:q} --verdicts {output.verdicts:q} --analysis {output.analysis:q} &> {log:q}"
