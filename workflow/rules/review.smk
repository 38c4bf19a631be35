# The images of the gallery are not declared as output, as label maps are not: existing images are not drawn again, and
# the declared output of a shard is its table. All verdicts are an input because rules compare a scan with the cohort.
GALLERY = []
DECIDED = f"--review {shlex.quote(REVIEW)}" if REVIEW else ""

if START_FROM != "measures":

    rule review:
        input:
            registry=ancient(REGISTRY),
            segments=f"{STUDY}/shards/segments/{{shard}}.parquet",
            measures=f"{STUDY}/shards/measures/{{shard}}.parquet",
            histograms=f"{STUDY}/histograms/{{shard}}.parquet",
            verdicts=f"{STUDY}/tables/verdicts.parquet",
            extremes=f"{STUDY}/tables/extremes.parquet",
        output:
            cases=f"{STUDY}/shards/review/{{shard}}.parquet",
        log:
            rules_of_study.log_file(STUDY, "review", shard=True),
        benchmark:
            f"{STUDY}/benchmarks/review/{{shard}}.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            **rules_of_study.resources("review"),
        params:
            program=program,
            config=settings_file,
            code=code_digest("review"),
            settings=settings_digest("review"),
            reading=reading_digest(),
            structures=label_set,
            labels=LABELS,
            masks=f"{STUDY}/masks",
            gallery=f"{STUDY}/report/review",
        message:
            "review: images of shard {wildcards.shard} for the gallery"
        shell:
            "{params.program} review --registry {input.registry:q}"
            " --segments {input.segments:q} --measures {input.measures:q} --histograms {input.histograms:q}"
            " --verdicts {input.verdicts:q} --extremes {input.extremes:q} --masks {params.masks:q}"
            " --structures {params.structures:q} --config {params.config:q} --gallery {params.gallery:q} --out {output.cases:q} &> {log:q}"

    rule gather_review:
        input:
            shards=expand(f"{STUDY}/shards/review/{{shard}}.parquet", shard=SHARDS),
            code=code("gather"),
        output:
            **tables_of("review"),
        log:
            rules_of_study.log_file(STUDY, "gather_review"),
        benchmark:
            f"{STUDY}/benchmarks/gather_review.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            **rules_of_study.resources("gather_review"),
        params:
            program=program,
            shards=tables_of_shards("review"),
        message:
            "gather_review: cases of all shards"
        shell:
            "{params.program} gather --table review_cases --shards {params.shards} --out {output.review_cases:q} &> {log:q}"

    rule gallery:
        input:
            cases=f"{STUDY}/tables/review_cases.parquet",
            verdicts=f"{STUDY}/tables/verdicts.parquet",
            measures=f"{STUDY}/tables/measures.parquet",
            review=REVIEW,
            structures=STRUCTURES,
            code=code("gallery"),
            templates=sorted(str(path) for path in resource("gallery").iterdir()),
        output:
            expand(
                f"{STUDY}/report/review/{{name}}",
                name=["index.html", "gallery.js", "gallery.css", "cases.js"],
            ),
        log:
            rules_of_study.log_file(STUDY, "gallery"),
        benchmark:
            f"{STUDY}/benchmarks/gallery.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            **rules_of_study.resources("gallery"),
        params:
            program=program,
            config=settings_file,
            study=settings_digest("study"),
            settings=settings_digest("review"),
            review=DECIDED,
            folder=study_folder,
        message:
            "gallery: gallery of masks for reviewers"
        shell:
            "{params.program} gallery --cases {input.cases:q} --verdicts {input.verdicts:q} --measures {input.measures:q}"
            " {params.review} --structures {input.structures:q} --config {params.config:q}"
            " --gallery {params.folder:q}/report/review &> {log:q}"

    GALLERY = rules.gallery.output
