# What the rules share: the checked config, paths, and the version of the code that each rule runs.
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

SCRIPTS = Path(workflow.basedir) / "workflow/scripts"
sys.path.insert(0, str(Path(workflow.basedir) / "src"))

from trex.code_version import code_version, put_on_python_path
from trex.config import ConfigError, check_files, load_config, load_yaml
from trex.config_checks import inferred, sources
from trex.corpora import deal_files, source_files
from trex.run.packages import package_versions

put_on_python_path()
BASE = Path.cwd()
try:
    for file in workflow.configfiles:
        load_yaml(
            file
        )  # refuses repeated keys, which Snakemake's own reader drops silently
    checked = load_config(config, BASE)
    if (
        workflow.is_main_process
    ):  # a job on a cluster reads this file again, and need not look at all corpora
        check_files(checked, BASE)
except ConfigError as error:
    raise WorkflowError(str(error))
config.clear()
config.update(checked)

RESULTS = Path(config["results"])
LOGS = RESULTS / "logs"
BENCHMARKS = RESULTS / "benchmarks"
CORPORA = list(config["corpora"])
# (evaluation set, corpus) in the order of the config, held_out first
EVALUATION = [("held_out", corpus) for corpus in CORPORA] + [
    (name, corpus)
    for corpus in CORPORA
    for name in config["corpora"][corpus]["evaluation"]
]
# the files of each corpus by the job that counts them, and the corpora that have more than one
PARTS = {
    corpus: deal_files(settings["source"], BASE, config["counting"]["parts"])
    for corpus, settings in config["corpora"].items()
}
IN_PARTS = [corpus for corpus in CORPORA if len(PARTS[corpus]) > 1]
INDEX = RESULTS / "index"
TOKENIZER = config["tokenizer"]
ENVIRONMENT = "../../envs/trex.yaml"


def one_of(names):
    """The regex of a wildcard that is one of some names, or nothing at all if there are none."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    corpus=one_of(CORPORA),
    evaluation_set=one_of({name for name, _ in EVALUATION}),
    part=r"\d+",


def code_of(script):
    """Goes into a rule's params and its records: the script, what it imports of our package, and the versions of the
    other packages that these import, or, where conda installs them, the environment that it installs.
    """
    path = SCRIPTS / f"{script}.py"
    deployment = workflow.deployment_settings
    if deployment and DeploymentMethod.CONDA in deployment.deployment_method:
        packages = (Path(workflow.basedir) / "envs/trex.yaml").read_text()
    else:
        packages = package_versions(path)
    return sha256(f"{code_version(path)}\n{packages}".encode()).hexdigest()


def files_of_config():
    """The files that the config names, by key."""
    files = {key: source_files(source, BASE) for key, source in sources(config)}
    named = {
        "reference": config["reference"],
        **{
            f"validation.tokenizers.{name}": file
            for name, file in config["validation"]["tokenizers"].items()
        },
        **{
            f"{key}.infer": spec["infer"]["tokenizer"] for key, spec in inferred(config)
        },
    }
    return files | {
        key: [file]
        for key, file in named.items()
        if isinstance(file, str) and Path(file).exists()
    }


@cache
def size_of(path):
    """Megabytes of a file, or of the files in a folder. Snakemake's own input.size_mb takes 2 ms a job and knows no folders."""
    files = Path(path).iterdir() if Path(path).is_dir() else [Path(path)]
    return sum(file.stat().st_size for file in files) / 1e6


def megabytes(base, per_input, of=None):
    """Memory that grows with the size of the inputs, or of the named one `of`, and doubles with every attempt; 200 of it
    are for the Snakemake that runs the job on a cluster."""
    return lambda wildcards, input, attempt: int(
        (200 + base + per_input * sum(map(size_of, input[of] if of else input)))
        * 2 ** (attempt - 1)
    )


def minutes(base, per_input_mb=0.0):
    return (
        lambda wildcards, input, attempt: int(
            (base + per_input_mb * sum(map(size_of, input))) * 2 ** (attempt - 1)
        )
        + 1
    )


def corpus_source(wildcards):
    return config["corpora"][wildcards.corpus]["source"]


def corpus_files(wildcards):
    return [file for files in PARTS[wildcards.corpus] for file in files]


def part_files(wildcards):
    return PARTS[wildcards.corpus][int(wildcards.part)]


def hashes_up_to(wildcards):
    """Hashes of the earlier parts, and last of the part itself; none if it has no duplicates to leave out."""
    part = int(wildcards.part)
    n = part + 1 if part and config["counting"]["deduplicate"] else 0
    return [
        RESULTS / f"counts/{wildcards.corpus}/parts/{i}.hashes.npy" for i in range(n)
    ]


def of_all_parts(suffix):
    return lambda wildcards: [
        RESULTS / f"counts/{wildcards.corpus}/parts/{i}.{suffix}"
        for i in range(len(PARTS[wildcards.corpus]))
    ]


def evaluation_source(wildcards):
    if wildcards.evaluation_set == "held_out":
        return {"parquet": str(RESULTS / f"counts/{wildcards.corpus}/held_out.parquet")}
    return config["corpora"][wildcards.corpus]["evaluation"][wildcards.evaluation_set]


def evaluation_files(wildcards):
    if wildcards.evaluation_set == "held_out":
        return [RESULTS / f"counts/{wildcards.corpus}/held_out.parquet"]
    return source_files(evaluation_source(wildcards), BASE)


def reference_files(wildcards):
    """The reference tokenizer, where it is a file."""
    reference = config["reference"]
    return (
        [reference]
        if isinstance(reference, str) and reference.endswith(".json")
        else []
    )


def batch_mixtures(wildcards):
    """What a batch trains, by mixture id: the number of a sampled mixture, or the shares of an explicit one."""
    if wildcards.batch in config["proxies"]["mixtures"]:
        return {wildcards.batch: config["proxies"]["mixtures"][wildcards.batch]}
    first, last = map(int, wildcards.batch.split("-"))
    return {f"m{number:05d}": number for number in range(first, last + 1)}


def rounds_before(kind):
    """Files of the rounds of the adaptive search before the one in wildcards."""
    return lambda wildcards: [
        RESULTS / f"search/rounds/{number:02d}{kind}"
        for number in range(int(wildcards.round))
    ]


def sampled_sources(wildcards):
    """Of every corpus the text that is counted to infer the mixture in wildcards."""
    most = TO_INFER[wildcards.name]["bytes"]
    sources = {corpus: config["corpora"][corpus]["source"] for corpus in CORPORA}
    return {
        corpus: {**source, "max_bytes": min(source.get("max_bytes") or most, most)}
        for corpus, source in sources.items()
    }
