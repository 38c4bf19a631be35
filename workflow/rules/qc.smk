# Pictures are side files of the gallery, like label maps: a picture that is there is not drawn again, and the declared
# output of a shard is its table. All verdicts are an input, since bounds and rules compare a scan with the cohort.
GALLERY = []
DECIDED = f"--review {shlex.quote(REVIEW)}" if REVIEW else ""

if DOOR != "measures":

    rule qc:
        input:
            registry=ancient(REGISTRY),
            segments=f"{STUDY}/shards/segments/{{shard}}.parquet",
            measures=f"{STUDY}/shards/measures/{{shard}}.parquet",
            histograms=f"{STUDY}/histograms/{{shard}}.parquet",
            verdicts=f"{STUDY}/tables/verdicts.parquet",
            extremes=f"{STUDY}/tables/extremes.parquet",
        output:
            cases=f"{STUDY}/shards/qc/{{shard}}.parquet",
        log:
            f"{STUDY}/logs/qc/{{shard}}.log",
        benchmark:
            f"{STUDY}/benchmarks/qc/{{shard}}.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            mem_mb=8000,
            runtime=120,
        params:
            code=code_digest(
                "headers",
                "images",
                "registry",
                "registries/*",
                "scans",
                "nifti_file",
                "segmentation/label_file",
                "segmentation/store",
                "quality/album",
                "quality/cases",
                "quality/drawing",
                "quality/pictures",
                "quality/planes",
                "qc",
            ),
            settings=stage_settings("qc"),
            reading=reading_settings(),
            structures=label_set,
            labels=LABELS,
            masks=f"{STUDY}/masks",
            gallery=f"{STUDY}/report/qc",
        message:
            "qc: pictures of shard {wildcards.shard}"
        shell:
            "python -m ctpop qc --registry {input.registry:q} --reading {params.reading:q}"
            " --segments {input.segments:q} --measures {input.measures:q} --histograms {input.histograms:q}"
            " --verdicts {input.verdicts:q} --extremes {input.extremes:q} --masks {params.masks:q}"
            " --structures {params.structures:q} --settings {params.settings:q} --gallery {params.gallery:q} --out {output.cases:q} &> {log:q}"

    rule gather_qc:
        input:
            shards=expand(f"{STUDY}/shards/qc/{{shard}}.parquet", shard=SHARDS),
            code=code("gather"),
        output:
            cases=f"{STUDY}/tables/qc.parquet",
            csv=f"{STUDY}/tables/qc.csv",
        log:
            f"{STUDY}/logs/gather_qc.log",
        benchmark:
            f"{STUDY}/benchmarks/gather_qc.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            mem_mb=4000,
            runtime=30,
        params:
            shards=tables_of_shards("qc"),
        message:
            "gather_qc: cases of all shards"
        shell:
            "python -m ctpop gather --table qc --shards {params.shards} --out {output.cases:q} &> {log:q}"

    rule gallery:
        input:
            cases=f"{STUDY}/tables/qc.parquet",
            verdicts=f"{STUDY}/tables/verdicts.parquet",
            measures=f"{STUDY}/tables/measures.parquet",
            review=REVIEW,
            code=code(
                "headers",
                "images",
                "registry",
                "registries/*",
                "figures/wording",
                "quality/*",
                "templates",
                "gallery",
            ),
            templates=sorted(
                str(path)
                for path in Path(workflow.basedir, "workflow", "gallery").iterdir()
            ),
        output:
            expand(
                f"{STUDY}/report/qc/{{name}}",
                name=["index.html", "gallery.js", "gallery.css", "cases.js"],
            ),
        log:
            f"{STUDY}/logs/gallery.log",
        benchmark:
            f"{STUDY}/benchmarks/gallery.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            mem_mb=12000,
            runtime=30,
        params:
            study=stage_settings("study"),
            settings=stage_settings("qc"),
            review=DECIDED,
            folder=study_folder,
        message:
            "gallery: the page for a reviewer"
        shell:
            "python -m ctpop gallery --cases {input.cases:q} --verdicts {input.verdicts:q} --measures {input.measures:q}"
            " {params.review} --study {params.study:q} --settings {params.settings:q}"
            " --gallery {params.folder:q}/report/qc &> {log:q}"

    GALLERY = rules.gallery.output
