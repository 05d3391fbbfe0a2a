# What the rules share: the checked config, paths, and the version of the code that each rule runs.
import sys
from copy import deepcopy
from errno import ENOENT
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

from snakemake.settings.types import DeploymentMethod

SCRIPTS = Path(workflow.basedir) / "workflow/scripts"
SOURCE = (Path(workflow.basedir) / "src").resolve()
sys.path.insert(0, str(SOURCE))
# The logger plugin was imported before: from the checkout that is installed, which need not be this one.
for name in [name for name in sys.modules if name.split(".")[0] == "trex"]:
    if not Path(sys.modules[name].__file__).resolve().is_relative_to(SOURCE):
        del sys.modules[name]

from trex.run.code_version import code_version, put_on_python_path
from trex.config import (
    ConfigError,
    check_files,
    limiting_tokenizers,
    load_run,
    load_yaml,
    pieces_of,
)
from trex.corpora import deal, read_bytes, source_files
from trex.bpe.memory import algorithm_bytes, parity_bytes, training_bytes, used_share
from trex.files import read_json
from trex.run.preflight import (
    check_install_path,
    warn_of_address_space,
    warn_of_slow_pattern,
    warn_of_special_tokens,
)
from trex.layout import (
    BATCH,
    CHOSEN,
    FRONT_POINTS,
    ROUND,
    Layout,
    batches,
    full_scale_draws,
    mixtures_of_batch,
    proxy_batches,
    round_name,
    sampled,
)
from trex.run.disk import DEMO
from trex.run.packages import package_versions, version
from trex.tokenizer.sizes import (
    compared_sizes,
    curve_sizes,
    needed_size,
    planned_size,
)
from trex.run.tasks import Task, batches_of_small
from trex.tokenizer.formats import PACKAGES, export_files, why_not
from trex.tokenizer.special import added_ends, folder_files

put_on_python_path()
BASE = Path.cwd()
RECIPES = {}  # the configs of the recipes of the whole run, by name
# Of a recipe or a split, which are modules (recipes.smk), the config is checked.
if "place" not in config:
    try:
        check_install_path(sys.executable)
    except ValueError as error:
        sys.exit(f"error: {error}")  # Snakemake adds lines of a traceback to exceptions
    try:
        for file in workflow.configfiles:
            # refuses repeated keys, which Snakemake's own reader drops silently
            load_yaml(file)
        WRITTEN = deepcopy(config)
        checked, RECIPES = load_run(config, BASE)
        if workflow.is_main_process:
            # a job on a cluster reads this file again, and need not look at all corpora
            check_files(checked, BASE, RECIPES, WRITTEN)
    except ConfigError as error:
        sys.exit(f"error: {error}")
    config.clear()
    config.update(checked)

FILES = Layout.of(config)
HERE = FILES.here  # for logs and measurements of jobs
if RECIPES:  # what they share is made of the text as the first one splits it
    first = next(iter(RECIPES.values()))
    FILES = Layout.of({**config, "place": {**first["place"], "recipe": None}})
LOGS = HERE / "logs"
BENCHMARKS = HERE / "benchmarks"
CORPORA = list(config["corpora"])
# (evaluation set, corpus) in the order of the config, held_out first
EVALUATION = [("held_out", corpus) for corpus in CORPORA] + [
    (name, corpus)
    for corpus in CORPORA
    for name in config["corpora"][corpus]["evaluation"]
]
# the sources of each corpus by the job that counts them, and the corpora that have more than one
PARTS = {
    corpus: deal(
        settings["source"],
        BASE,
        config["counting"]["parts"],
        config["seed"],
        config["counting"]["draw_from"],
    )
    for corpus, settings in config["corpora"].items()
}
IN_PARTS = [corpus for corpus in CORPORA if len(PARTS[corpus]) > 1]
INDEX = FILES.index
TOKENIZER = config["tokenizer"]
# the config of the split of the text into pieces, which superwords are trained on; none without superwords
PIECES = pieces_of(config)
# the tokenizer to go on from, with its merges
BASE_TOKENIZER = {"base": FILES.base} if TOKENIZER["base"] else {}
# the inputs of every rule that trains, of which trex.proxies.trainers makes the trainer
TRAINED_ON = {
    "word_index": INDEX,
    **{
        "pieces_index": FILES.of_split(pieces["place"]["split"]).index
        for pieces in PIECES
    },
    **BASE_TOKENIZER,
}
# the indexes among them, and the most text that is taken of each; None: as much as is asked for
TEXT_OF_INDEX = {"word_index": None} | (
    {"pieces_index": TOKENIZER["superwords"]["bytes"]} if PIECES else {}
)
TEST_HALF = [FILES.test_documents(*at) for at in EVALUATION]
EXISTING = config["validation"]["tokenizers"]  # to compare with, by name
OBJECTIVE = {**config["objective"], "vocab_size": config["proxies"]["vocab_size"]}
SAMPLING = {
    key: config["proxies"][key]
    for key in ("prior", "strength", "min_share", "max_epochs", "bytes")
}
ENVIRONMENT = "../../envs/trex.yaml"
EXPORT_ENVIRONMENT = "../../envs/export.yaml"
BEHIND = -1  # the priority of jobs that no search waits for; that of all others is 0


WITH_CONDA = bool(
    workflow.deployment_settings
    and DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
)


def one_of(names):
    """The regex of a wildcard that is one of some names, or nothing at all if there are none."""
    return "|".join(names) or "(?!)"


def verbatim(value):
    """A parameter as it is. Snakemake takes braces in a text, or in a list of texts, for wildcards, and the config's own
    texts, such as a regex, may have some. It leaves what a function returns alone, so values that hold such texts are
    passed by one.
    """
    return lambda wildcards: value


wildcard_constraints:
    corpus=one_of(CORPORA),
    evaluation_set=one_of({name for name, _ in EVALUATION}),
    part=r"\d+",


def of_normalizers(recipes):
    """By normalizer the recipe whose test half existing tokenizers read. Recipes that normalize alike have the same
    documents in it, so it is the first one that is counted, if there is one: another first recipe, or another pattern of
    the first one, is then no reason to read the same text again.
    """
    found = {}
    for recipe in recipes:
        alike = found.setdefault(recipe["place"]["normalizer"], [])
        alike.append(recipe)
    return {
        normalizer: next(
            (
                recipe
                for recipe in alike
                if all(
                    Layout.of(recipe).test_documents(*at).exists() for at in EVALUATION
                )
            ),
            alike[0],
        )
        for normalizer, alike in found.items()
    }


def code_of(script, environment=ENVIRONMENT):
    """Goes into a rule's params and its records: the script, what it imports of our package, and the versions of the
    other packages that these import, or, where conda installs them, the environment that it installs.
    """
    path = SCRIPTS / f"{script}.py"
    if WITH_CONDA:
        packages = (
            Path(workflow.basedir) / "envs" / Path(environment).name
        ).read_text()
    else:
        packages = package_versions(path)
    return sha256(f"{code_version(path)}\n{packages}".encode()).hexdigest()


def command_again():
    """The command that repeats the run, with the config files it was given by name."""
    names = [
        path.relative_to(BASE) if path.is_relative_to(BASE) else Path(path.name)
        for path in (Path(file).resolve() for file in workflow.overwrite_configfiles)
    ]
    return " ".join(
        [
            "snakemake --cores all",
            *(["--configfile", *map(str, names)] if names else []),
        ]
    )


@cache
def size_of(path):
    """Megabytes of a file, or of the files in a folder. Snakemake's own input.size_mb takes 2 ms a job and knows no folders."""
    files = Path(path).iterdir() if Path(path).is_dir() else [Path(path)]
    return sum(file.stat().st_size for file in files) / 1e6


def megabytes(base, per_input, of=None, source=None, most=float("inf")):
    """Memory that grows with the size of the inputs, of the named one `of`, or of what is read of a source (a function of
    wildcards), up to `most`, and doubles with every attempt; 200 of it are for the Snakemake that runs the job on a
    cluster.
    """

    def size(wildcards, input):
        if source:
            return read_bytes(source(wildcards), BASE) / 1e6
        return sum(map(size_of, input[of] if of else input))

    return lambda wildcards, input, attempt: int(
        min(200 + base + per_input * size(wildcards, input), most) * 2 ** (attempt - 1)
    )


def training_megabytes(base, n_bytes, vocab_size):
    """Memory of trainings on the word index and that of pieces, by the formula that they check before they start;
    doubles with every attempt. n_bytes: of text, or None for all, or what gives it from the wildcards.
    """

    def megabytes_of(wildcards, input, attempt):
        of_text = n_bytes(wildcards) if callable(n_bytes) else n_bytes
        needs, counts = [], 0
        for name, most in TEXT_OF_INDEX.items():
            try:
                index = read_json(Path(input[name]) / "index.json")
                text_bytes = index["text_bytes"]
            except (OSError, ValueError, KeyError):
                # of an earlier version, damaged or not made yet: Snakemake asks again when the index has been made, if
                # the error names it as the input does
                raise FileNotFoundError(ENOENT, "has no whole index", str(input[name]))
            limits = [limit for limit in (of_text, most) if limit is not None]
            share = used_share(min(limits, default=None), text_bytes)
            words, in_words = int(share * index["words"]), int(share * index["bytes"])
            need = training_bytes(words, in_words, vocab_size, index["columns"])
            if TOKENIZER["parity"]:
                # a count for every corpus and, in development text, for the words of an evaluation set
                entries = min(index["entries"], len(CORPORA) * words) + words
                need += parity_bytes(entries, len(CORPORA), vocab_size)
            elif TOKENIZER["algorithm"] != "bpe":
                need += algorithm_bytes(TOKENIZER["algorithm"], words, in_words)
            needs.append(need)
            counts += 8 * index["words"]  # of the words that are not used
        need = max(needs) + counts  # one after the other
        return int(
            (200 + base + (800 if BASE_TOKENIZER else 0) + need / 1e6)
            * 2 ** (attempt - 1)
        )

    return megabytes_of


def bytes_of_scale(wildcards):
    """Of the text of a scale in the check of ranks; None: all."""
    return None if wildcards.n_bytes == "all" else int(wildcards.n_bytes)


def minutes(base, per_input_mb=0.0, source=None):
    """The same of time."""

    def size(wildcards, input):
        if source:
            return read_bytes(source(wildcards), BASE) / 1e6
        return sum(map(size_of, input))

    return (
        lambda wildcards, input, attempt: int(
            (base + per_input_mb * size(wildcards, input)) * 2 ** (attempt - 1)
        )
        + 1
    )


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


def batch_mixtures(wildcards):
    """What a batch trains, by mixture id: the number of a sampled mixture, or the shares of an explicit one."""
    return mixtures_of_batch(wildcards.batch, config["proxies"]["mixtures"])


def rounds_before(file):
    """Files of the rounds of the adaptive search before the one in wildcards; file: a method of Layout."""
    return lambda wildcards: [
        file(round_name(number)) for number in range(int(wildcards.round))
    ]


def rounds_for(wildcards):
    """The rounds whose proxies the strategy in wildcards waits for."""
    return ROUNDS if STRATEGIES[wildcards.strategy].needs == "rounds" else []


def threads_of_strategy(wildcards):
    """The paper's 50 million draws take minutes; a million, as by default, do not need more than one thread."""
    if STRATEGIES[wildcards.strategy].needs_paper:
        return min(1 + config["search"]["draws"] // 10_000_000, 4)
    return 1


def settings_of_strategy(wildcards):
    """Of the section `search`, what the strategy in wildcards reads, and what every search space does."""
    keys = (*STRATEGIES[wildcards.strategy].settings, "floors", "ceilings")
    return {key: config["search"][key] for key in keys}


def sampled_sources(wildcards):
    """Of every corpus the text that is counted to infer the mixture in wildcards."""
    most = TO_INFER[wildcards.name]["bytes"]
    return {
        corpus: at_most(config["corpora"][corpus]["source"], most) for corpus in CORPORA
    }


def mixtures_of_tokenizer(wildcards):
    """The mixtures whose tokenizer is written: any may be the chosen one."""
    return MIXTURES if wildcards.name == CHOSEN else [wildcards.name]


def trained_tokenizers(wildcards):
    """Their tokenizers, trained on the first draw of text."""
    return [
        FILES.trained_tokenizer(mixture, 0)
        for mixture in mixtures_of_tokenizer(wildcards)
    ]


def view_tokenizer(wildcards):
    """The tokenizer of a view of the language models' text, where it is a file; none for raw bytes."""
    if wildcards.view == RAW_BYTES:
        return []
    if wildcards.view in EXISTING:
        return tokenizer_files(EXISTING[wildcards.view])
    of_recipe, mixture = recipe_of_view(wildcards.view)
    return [Layout.of(of_recipe).tokenizer(mixture)]


def view_normalizer(wildcards):
    """What the tokenizer of a view does to text before it splits it; none, which nothing may be lost of, where it is not
    ours.
    """
    if wildcards.view == RAW_BYTES or wildcards.view in EXISTING:
        return "none"
    of_recipe, _ = recipe_of_view(wildcards.view)
    return of_recipe["tokenizer"]["normalizer"]


def recipe_of_view(view):
    """The config that one of our tokenizers is made by, and the name of its mixture."""
    if not RECIPES:
        return config, view
    recipe, mixture = recipe_and_mixture(view)
    return RECIPES[recipe], mixture


def views_of_row(file):
    """A file of every view that the models of the row in wildcards read; file: a function of the view."""
    return lambda wildcards: [file(view) for view in views_of(wildcards.row)]


def exports(wildcards):
    """The input of the target `export`, or an error that says what keeps the chosen tokenizer from being exported."""
    formats = config["release"]["exports"]
    for one in formats:
        reason = why_not(
            one,
            (TOKENIZER["superwords"] or TOKENIZER)["pattern"],
            TOKENIZER["alphabet"],
            config["release"]["eos_token"],
            TOKENIZER["algorithm"],
        )
        if reason:
            raise WorkflowError(f"release.exports: {one} cannot be made: {reason}")
        package = PACKAGES.get(one)
        if package and not (WITH_CONDA or version(package)):
            raise WorkflowError(
                f"release.exports: {one} needs the package {package}; run ./install.sh --export"
            )
    return [FILES.export(CHOSEN, file) for file in export_files(formats)]


def needs_search(wildcards):
    """The input of the target `proxies` without a search: an error that says why there are none."""
    raise WorkflowError(
        "proxies: there are none, for search.strategies is []; name one or more strategies, such as [surrogate]"
    )


def needs_seeds(wildcards):
    """The input of the target `language_models` while the check is turned off: an error that says how to turn it on."""
    raise WorkflowError(
        "language_models: there are none, for language_model.check.seeds is 0; write a number of seeds such as 3. A check "
        "of several recipes (language_model.check.recipes) is the target language_models of the whole run"
    )
