# The corpora's sources as jobs read them: which part of them, which files, which tasks of a batch.
from types import SimpleNamespace

from trex.corpora import deal, source_files
from trex.run.disk import DEMO
from trex.run.tasks import Task


def corpus_sources(wildcards):
    """Of its parts, with their files by name, so that another spelling of the same files is no change."""
    return PARTS[wildcards.corpus]


def corpus_source(wildcards):
    return PARTS[wildcards.corpus][0]


def uncounted_sources(files):
    """The sources of the corpora that no run has counted yet. files: the Layout that has the words."""
    return {
        corpus: config["corpora"][corpus]["source"]
        for corpus in CORPORA
        if not files.words(corpus).exists()
    }


def part_source(wildcards):
    return PARTS[wildcards.corpus][int(wildcards.part)]


def corpus_files(wildcards):
    return sorted(
        {
            file
            for source in PARTS[wildcards.corpus]
            for file in source_files(source, BASE)
        }
    )


def part_files(wildcards):
    return source_files(part_source(wildcards), BASE)


def of_parts_before(file):
    """Files of the parts up to that in wildcards, to leave out what an earlier one has; none if nothing is left out.
    Of all parts, if a sample is drawn from them."""

    def files(wildcards):
        part = int(wildcards.part)
        if config["corpora"][wildcards.corpus]["source"].get("max_bytes"):
            n = len(PARTS[wildcards.corpus])
        else:
            n = part + 1 if part and config["counting"]["deduplicate"] else 0
        return [FILES.part(wildcards.corpus, i, file) for i in range(n)]

    return files


def of_all_parts(file):
    return lambda wildcards: [
        FILES.part(wildcards.corpus, i, file)
        for i in range(len(PARTS[wildcards.corpus]))
    ]


def bytes_to_read(corpus):
    """Of the files of a corpus; None if only the Hugging Face hub knows."""
    source = config["corpora"][corpus]["source"]
    if "huggingface" in source:
        return None
    return (
        DEMO
        if "demo" in source
        else sum(
            file.stat().st_size for file in corpus_files(SimpleNamespace(corpus=corpus))
        )
    )


def is_on_hub(corpus):
    """Whether an evaluation set of a corpus comes from the Hugging Face hub."""
    return any(
        "huggingface" in source
        for source in config["corpora"][corpus]["evaluation"].values()
    )


def counting_tasks(corpora):
    """What rule count_words does for each of some corpora, as tasks of one job."""
    tasks = []
    for corpus in corpora:
        wildcards = SimpleNamespace(corpus=corpus)
        params = {**COUNTING_PARAMS, "source": corpus_source(wildcards)}
        output = {name: str(path(corpus)) for name, path in COUNTED.items()}
        files = {"files": corpus_files(wildcards)}
        tasks.append(Task("count_words", vars(wildcards), files, output, params))
    return tasks


def evaluation_tasks(corpora):
    """What rule count_eval_words does for each evaluation set of some corpora, as tasks of one job."""
    tasks = []
    for evaluation_set, corpus in EVALUATION:
        if corpus not in corpora:
            continue
        wildcards = SimpleNamespace(evaluation_set=evaluation_set, corpus=corpus)
        params = {
            **EVALUATION_PARAMS,
            "source": evaluation_source(wildcards),
            "parallel": is_parallel(wildcards),
        }
        output = {
            name: str(path(evaluation_set, corpus)) for name, path in EVALUATED.items()
        }
        inputs = {
            "files": evaluation_files(wildcards),
            "documents": str(FILES.document_hashes(corpus)),
            "reference": tokenizer_files(config["reference"]),
        }
        tasks.append(Task("count_eval_words", vars(wildcards), inputs, output, params))
    return tasks


def at_most(source, max_bytes):
    """The source as one job reads a sample of it."""
    source = {
        **source,
        "max_bytes": min(source.get("max_bytes") or max_bytes, max_bytes),
    }
    return deal(source, BASE, 1, config["seed"], config["counting"]["draw_from"])[0]


def evaluation_source(wildcards):
    most = config["evaluation"]["max_bytes"]
    if wildcards.evaluation_set == "held_out":
        return {"parquet": str(FILES.held_out(wildcards.corpus)), "max_bytes": most}
    sets = config["corpora"][wildcards.corpus]["evaluation"]
    return at_most(sets[wildcards.evaluation_set], most)


def is_parallel(wildcards):
    """Whether the documents of the evaluation set in wildcards are the same in all corpora."""
    return wildcards.evaluation_set == config["objective"]["parallel_set"]


def evaluation_files(wildcards):
    if wildcards.evaluation_set == "held_out":
        return [FILES.held_out(wildcards.corpus)]
    return source_files(evaluation_source(wildcards), BASE)


def tokenizer_files(spec):
    """An existing tokenizer, where it is a file."""
    return [spec] if isinstance(spec, str) and spec.endswith(".json") else []


def sampled_sources(wildcards):
    """Of every corpus the text that is counted to infer the mixture in wildcards."""
    most = TO_INFER[wildcards.name]["bytes"]
    return {
        corpus: at_most(config["corpora"][corpus]["source"], most) for corpus in CORPORA
    }
