"""Checks of several keys of the configuration against each other, and of files that it names."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from trex.config.models import Config
from trex.config.named import (
    evaluation_sets,
    explicit_shares,
    inferred,
    limiting,
    release_tokens,
    sources,
    special_tokens_of,
)
from trex.config.schema import expected, node_at
from trex.config.sources import KINDS, kinds_of
from trex.config.words import enumerated, join, show, suggest
from trex.counting.patterns import PATTERNS
from trex.tokenizer.encodings import BYTES, ENCODINGS
from trex.tokenizer.sizes import ALPHABET_SIZE, DEFAULT_PAD, in_range, smallest_size
from trex.tokenizer.special import AUTO, ROLES

SHARES_TOLERANCE = 1e-6

# trex.surfaces, which are slow to import: LightGBM splits no fewer than 2 * min_data_in_leaf rows, and every surface's
# spread comes from STD_FOLDS folds. A test holds the two together.
FEWEST_PROXIES = 40
STD_FOLDS = 5

Found = Iterator[tuple[str, str]]  # key path, problem
Check = Callable[[Config, Path], Found]
CHECKS: list[tuple[tuple[str, ...], Check]] = []  # the keys that a check is about, the check


def _needs(*paths: str) -> Callable[[Check], Check]:
    """Register a check of several keys, to be run if they are right in themselves."""

    def register(check: Check) -> Check:
        CHECKS.append((paths, check))
        return check

    return register


def _search_needs(*paths: str) -> Callable[[Check], Check]:
    """The same for a check of keys that have no effect without a search."""

    def register(check: Check) -> Check:
        def if_searched(config: Config, base: Path) -> Found:
            yield from check(config, base) if config.search.strategies else ()

        CHECKS.append((paths, if_searched))
        return check

    return register


@_needs("reference", "validation", "baselines")
def _check_existing(config: Config, base: Path) -> Found:
    named = {"reference": config.reference}
    named |= {
        join("validation.tokenizers", name): spec for name, spec in config.validation.tokenizers.items()
    }
    named |= {path: inference.tokenizer for path, inference in inferred(config)}
    for path, spec in named.items():
        if not isinstance(spec, str) or spec in ENCODINGS or (path, spec) == ("reference", BYTES):
            continue
        if not spec.endswith(".json") or not os.path.isfile(base / spec):
            choices = expected(node_at(["reference"]))
            yield path, f"{show(spec)} is no known name and no .json file in {base}; write {choices}"


@_needs("validation", "baselines")
def _check_tokenizer_names(config: Config, _: Path) -> Found:
    for name in config.validation.tokenizers:
        if name in config.baselines:
            yield join("validation.tokenizers", name), "is the name of a baseline too; choose another"


@_needs("corpora", "validation")
def _check_word_lists(config: Config, base: Path) -> Found:
    for key in ("words", "morphemes"):
        path, lists = join("validation", key), getattr(config.validation, key)
        yield from _unknown_corpora(path, lists, config)
        for corpus, file in lists.items():
            if not os.path.isfile(base / file):
                yield (
                    join(path, corpus),
                    f"{show(file)} is no file in {base}; write a text file, one word a line",
                )


@_needs("corpora", "corpus_defaults")
def _check_sources(config: Config, _: Path) -> Found:
    for path, source in sources(config):
        kinds = source.kinds()
        if len(kinds) != 1:
            given = " and ".join(kinds) or "no source"
            yield path, f"gives {given}; give exactly one of {', '.join(KINDS)}"
            continue
        for option in source.model_fields_set - {*KINDS}:
            if getattr(source, option) is not None and kinds[0] not in kinds_of(option):
                suited = " or ".join(kinds_of(option))
                yield join(path, option), f"does not go with {kinds[0]}, only with {suited}; remove it"
        if "max_bad_records" in source.model_fields_set and source.on_bad_record == "fail":
            yield (
                join(path, "max_bad_records"),
                "has no effect, since bad records end the run (on_bad_record: fail); write on_bad_record: skip beside "
                "it, or remove it",
            )


@_needs("corpora", "corpus_defaults", "tokenizer", "baselines", "counting", "evaluation")
def _check_binary(config: Config, _: Path) -> Found:
    kind = config.tokenizer
    is_binary = {path: source.kinds() == ["binary"] for path, source in sources(config)}
    if not any(is_binary.values()):
        if kind.alphabet == "latin1":
            yield "tokenizer.alphabet", "latin1 is for binary sources, and there are none; write utf8"
        return
    if not all(is_binary.values()):
        path = next(path for path, binary in is_binary.items() if not binary)
        yield path, "is text, and other sources are binary; one tokenizer reads either text or bytes"
    right = {"alphabet": "latin1", "normalizer": "none", "unit": "document"}
    for key, value in right.items():
        if getattr(kind, key) != value:
            yield (
                f"tokenizer.{key}",
                f"{show(getattr(kind, key))} is for text; for binary sources write {value}",
            )
    if kind.pattern in PATTERNS.values():
        yield (
            "tokenizer.pattern",
            "splits text into words; for binary sources write none, or a fixed length such as '(?m:.){1,16}'",
        )
    for section in ("evaluation", "counting"):
        most = getattr(config, section).max_document_bytes
        for path, source in sources(config):
            if source.kinds() == ["binary"] and 2 * source.chunk > most:
                yield (
                    join(path, "chunk"),
                    f"chunks of {source.chunk:,} bytes are as text up to {2 * source.chunk:,}, and longer ones than "
                    f"{section}.max_document_bytes ({most:,}) are left out; write at most {most // 2:,}",
                )
    for path, _ in inferred(config):
        yield path, "a mixture can be inferred of text only, and the sources are binary; remove it"


@_needs(
    "tokenizer.special_tokens",
    "tokenizer.reserved",
    "tokenizer.base",
    "proxies.vocab_size",
    "proxies.vocab_grid",
    "training",
    "search.strategies",
    "validation.grid",
)
def _check_vocab_sizes(config: Config, _: Path) -> Found:
    kind, special_tokens = config.tokenizer, special_tokens_of(config)
    smallest = smallest_size({"base_size": kind.base_size, "special_tokens": special_tokens})
    beside = f"{ALPHABET_SIZE} bytes and {len(special_tokens)} special tokens"
    if kind.base_size:
        beside = f"the {kind.base_size} entries of tokenizer.base"
    largest, training = config.proxies.vocab_size, config.training
    sizes = {}
    if training.vocab_size is None:
        sizes["training.vocab_range[0]"] = training.vocab_range[0]
    else:
        sizes["training.vocab_size"] = training.vocab_size
    sizes |= {f"training.ladder[{i}]": size for i, size in enumerate(training.ladder)}
    if config.search.strategies:
        sizes["proxies.vocab_size"] = largest
        sizes |= {f"proxies.vocab_grid[{i}]": size for i, size in enumerate(config.proxies.vocab_grid)}
        scales = config.validation.grid or []
        sizes |= {f"validation.grid[{i}].vocab_size": scale.vocab_size for i, scale in enumerate(scales)}
    for path, size in sizes.items():
        if size < smallest:
            yield path, f"{size} leaves no room for a merge beside {beside}; write at least {smallest}"
        elif "vocab_grid" in path and size > largest:
            yield path, f"{size} is more than proxies.vocab_size; write at most {largest} or raise that"


@_needs("tokenizer", "release")
def _check_release(config: Config, _: Path) -> Found:
    release, special = config.release, special_tokens_of(config)
    for i, token in enumerate(config.tokenizer.special_tokens):
        if token in special[len(config.tokenizer.special_tokens) :]:
            yield f"tokenizer.special_tokens[{i}]", f"{show(token)} is a reserved token; choose another name"
    for role in ROLES:
        token = getattr(release, role)
        if token is not None and token != AUTO and token not in special:
            if config.tokenizer.base:  # its special tokens stay, and are no others
                cure = "is no special token of tokenizer.base; write null, or one of its own"
            else:
                hint = suggest(token, special) if special else "there is none"
                cure = (
                    f"is not in tokenizer.special_tokens; add it there, at the end if ids must stay ({hint})"
                )
            yield f"release.{role}", f"{show(token)} {cure}"
    named = release_tokens(config)
    for end in ("bos", "eos"):
        if getattr(release, f"add_{end}_token") and named[f"{end}_token"] is None:
            cure = "write false" if config.tokenizer.base else "name one of tokenizer.special_tokens"
            yield f"release.add_{end}_token", f"needs release.{end}_token; {cure}"


@_needs("training")
def _check_vocab_range(config: Config, _: Path) -> Found:
    training = config.training
    multiple = training.pad_to or DEFAULT_PAD
    if training.vocab_size is None and not in_range(*training.vocab_range, multiple):
        low, high = training.vocab_range
        yield (
            "training.vocab_range",
            f"[{low}, {high}] has no multiple of training.pad_to ({multiple}); write a wider range",
        )


@_search_needs("proxies.count", "proxies.per_job")
def _check_batches(config: Config, _: Path) -> Found:
    count, per_job = config.proxies.count, config.proxies.per_job
    if count % per_job:
        below = count // per_job * per_job
        nearest = " or ".join(str(multiple) for multiple in (below, below + per_job) if multiple)
        yield "proxies.count", f"{count} is not a multiple of proxies.per_job ({per_job}); write {nearest}"


@_search_needs("proxies.count", "validation.mixtures")
def _check_validation_mixtures(config: Config, _: Path) -> Found:
    mixtures, count = config.validation.mixtures, config.proxies.count
    if mixtures > count or mixtures in (1, 2):
        yield (
            "validation.mixtures",
            f"{mixtures} cannot be ranked; write 0, or from 3 to proxies.count ({count})",
        )


@_search_needs("proxies.count", "regression.folds")
def _check_folds(config: Config, _: Path) -> Found:
    folds, count = config.regression.folds, config.proxies.count
    if folds > count:
        yield "regression.folds", f"{folds} is more than proxies.count; write at most {count}"


@_search_needs("regression")
def _check_stack(config: Config, _: Path) -> Found:
    named = {*config.regression.compare, config.regression.model}
    members = named - {"auto", "stack", "lightgbm_objective"}
    if "stack" in named and len(members) < 2:
        given = f"only {members.pop()} is" if members else "none is"
        yield (
            "regression.compare",
            f"stack is a mean of two or more other surfaces that predict every corpus, and {given} compared; add some, "
            "such as gaussian_process and mixing_law, or take stack out",
        )


@_search_needs("search.draws", "search.top_k")
def _check_top_k(config: Config, _: Path) -> Found:
    top_k, draws = config.search.top_k, config.search.draws
    if top_k > draws:
        yield "search.top_k", f"{top_k} is more than search.draws; write at most {draws}"


@_needs("proxies.min_share", "corpora")
def _check_min_share(config: Config, _: Path) -> Found:
    min_share, corpora = config.proxies.min_share, len(config.corpora)
    if min_share * corpora > 1:
        most = math.floor(1e4 / corpora) / 1e4
        yield "proxies.min_share", f"{min_share} for {corpora} corpora is more than 1; write at most {most}"


@_search_needs("corpora", "corpus_defaults", "proxies.bytes", "proxies.max_epochs")
def _check_bytes(config: Config, _: Path) -> Found:
    """Only where every corpus is limited is the text known before it is counted."""
    limits = [corpus.source.max_bytes or 0 for corpus in config.corpora.values()]
    wanted, epochs = config.proxies.bytes, config.proxies.max_epochs
    if all(limits) and wanted > sum(limits) * epochs:
        yield (
            "proxies.bytes",
            f"{wanted:,} bytes are more than the corpora's max_bytes, {sum(limits):,} in all, repeated "
            f"{epochs:g} times; write at most {int(sum(limits) * epochs):,}",
        )


@_search_needs("proxies.count", "proxies.mixtures", "regression", "search.strategies")
def _check_enough_proxies(config: Config, _: Path) -> Found:
    models = [config.regression.model, *config.regression.compare]
    if "paper" not in config.search.strategies and not any("lightgbm" in model for model in models):
        return
    n = config.proxies.count + len(config.proxies.mixtures)
    folds = min(config.regression.folds, STD_FOLDS)
    if n - math.ceil(n / folds) < FEWEST_PROXIES:
        sampled = math.ceil(FEWEST_PROXIES * folds / (folds - 1)) - len(config.proxies.mixtures)
        per_job = config.proxies.per_job
        least = math.ceil(sampled / per_job) * per_job
        yield (
            "proxies.count",
            f"{n} mixtures leave fewer than the {FEWEST_PROXIES} that LightGBM needs when one of {folds} folds is "
            f"held out; write at least {least}, or leave out what uses it: paper of search.strategies and lightgbm "
            "of regression.compare and regression.model",
        )


@_needs("corpora", "proxies.mixtures", "proxies.prior", "tokenizer.superwords", "baselines")
def _check_shares(config: Config, _: Path) -> Found:
    for path, shares in explicit_shares(config):
        yield from _unknown_corpora(path, shares, config)
        total = math.fsum(shares.values())
        if abs(total - 1) > SHARES_TOLERANCE:
            yield path, f"the shares sum to {total:.7g}; they must sum to 1"
        without = [corpus for corpus in config.corpora if not shares.get(corpus)]
        if path == "proxies.prior.shares" and without:
            yield path, f"every corpus needs a share above 0 in the prior; give one to {enumerated(without)}"


@_needs("corpora", "language_model")
def _check_training_bytes(config: Config, _: Path) -> Found:
    given = config.language_model.training_bytes
    if isinstance(given, dict):
        yield from _unknown_corpora("language_model.training_bytes", given, config)


@_needs("corpora", "objective.weights", "objective.aggregate")
def _check_weights(config: Config, _: Path) -> Found:
    objective = config.objective
    yield from _unknown_corpora("objective.weights", objective.weights, config)
    if objective.aggregate == "weighted" and not any(objective.weights.values()):
        yield "objective.weights", "the weighted aggregate needs a weight above 0, such as {deu: 1, eng: 2}"


@_needs("corpora", "objective")
def _check_evaluation_sets(config: Config, _: Path) -> Found:
    objective, corpora = config.objective, config.corpora
    known = ["held_out", *evaluation_sets(config)]
    counted = list(corpora)
    if objective.aggregate == "weighted":
        counted = [corpus for corpus in corpora if objective.weights.get(corpus)]
    for i, name in enumerate(objective.evaluation_sets):
        path = f"objective.evaluation_sets[{i}]"
        without = [corpus for corpus in counted if name not in corpora[corpus].evaluation]
        if name not in known:
            yield path, f"{show(name)} is no evaluation set; {suggest(name, known)}"
        elif name != "held_out" and without:
            problem = (
                f"{name} is missing for {enumerated(without)}; give corpora.<corpus>.evaluation.{name} for "
                "each corpus that the objective counts, or take the set out of the objective"
            )
            yield path, problem


@_needs("objective", "baselines", "validation")
def _check_max_loss(config: Config, base: Path) -> Found:
    own, existing = [*config.baselines, "matched"], [*config.validation.tokenizers]
    for name, spec in limiting(config).items():
        path = join("objective.max_loss", name)
        if name in existing or name in ENCODINGS:
            continue
        if not name.endswith(".json"):
            known = dict.fromkeys([*own, *existing, *ENCODINGS])
            yield (
                path,
                f"unknown baseline or tokenizer; {suggest(name, known)} (a tokenizer.json by its path; one on the "
                "Hugging Face hub by its name in validation.tokenizers)",
            )
        elif not os.path.isfile(base / str(spec)):
            yield (
                path,
                f"{base / str(spec)} does not exist; write the path of a tokenizer.json, relative to {base}",
            )


@_needs("corpora", "objective")
def _check_parallel_limits(config: Config, _: Path) -> Found:
    objective, corpora, known = config.objective, config.corpora, evaluation_sets(config)
    limited = [key for key in ("max_gini", "max_premium") if getattr(objective, key) is not None]
    name, pivot = objective.parallel_set, objective.pivot
    if name is None and limited:
        example = f", such as {known[0]}" if known else ""
        problem = f"is missing, and {limited[0]} needs it; name an evaluation set of parallel text{example}"
        yield "objective.parallel_set", problem
    elif name is not None and name not in known:
        hint = suggest(name, known) if known else "give one as corpora.<corpus>.evaluation"
        yield "objective.parallel_set", f"{show(name)} is no evaluation set from the corpora; {hint}"
    if pivot is None and objective.max_premium is not None:
        problem = f"is missing, and max_premium needs it; name a corpus, such as {next(iter(corpora))}"
        yield "objective.pivot", problem
    elif pivot is not None and pivot not in corpora:
        yield "objective.pivot", f"{show(pivot)} is no corpus; {suggest(pivot, corpora)}"
    elif pivot is not None and name in known and name not in corpora[pivot].evaluation:
        yield "objective.pivot", f"{pivot} lacks the parallel set; give corpora.{pivot}.evaluation.{name}"


@_needs("corpora", "search.floors", "search.ceilings", "proxies.min_share")
def _check_share_limits(config: Config, _: Path) -> Found:
    corpora, least = config.corpora, config.proxies.min_share
    floors, ceilings = config.search.floors, config.search.ceilings
    for key, named in (("floors", floors), ("ceilings", ceilings)):
        yield from _unknown_corpora(f"search.{key}", named, config)
    for corpus in corpora:
        low, high = max(floors.get(corpus, least), least), ceilings.get(corpus, 1.0)
        if low > high:
            yield f"search.ceilings.{corpus}", f"{high:g} is below the corpus's floor; write at least {low:g}"
    total = math.fsum(max(floors.get(corpus, least), least) for corpus in corpora)
    if total > 1 + SHARES_TOLERANCE:
        yield "search.floors", f"the floors of all corpora sum to {total:.7g}; lower them to 1 or less"
    total = math.fsum(ceilings.get(corpus, 1.0) for corpus in corpora)
    if total < 1 - SHARES_TOLERANCE:
        yield "search.ceilings", f"the ceilings of all corpora sum to {total:.7g}; raise them to 1 or more"


def _unknown_corpora(path: str, named: Iterable[str], config: Config) -> Found:
    for corpus in named:
        if corpus not in config.corpora:
            yield join(path, corpus), f"unknown corpus; {suggest(corpus, config.corpora)}"
