# What the rules share: the checked config, paths, and the version of the code that each rule runs.
import sys
from copy import deepcopy
from functools import partial
from hashlib import sha256
from pathlib import Path

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
    load_run,
    load_yaml,
    pieces_of,
)
from trex.corpora import deal
from trex.run.preflight import check_install_path
from trex.layout import BATCH, CHOSEN, FRONT_POINTS, ROUND, Layout, batches, sampled
from trex.run.packages import package_versions

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


include: "sources.smk"
include: "resources.smk"
include: "wildcards.smk"
