"""Names of mixtures, batches and rounds, and where a run keeps what: each is said here and nowhere else.

Rules, scripts and reports build ids and paths with these functions. A path's name may be a wildcard of Snakemake:
`Layout(results).proxy_compression("{batch}")`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

SAMPLED_MIXTURE = r"m\d+"
BATCH = r"\d+-\d+"
ROUND = r"\d\d"
FRONT_POINTS = ("front_average", "front_knee", "front_worst")  # of the front of the search, that are measured
CHOSEN = "chosen"  # what the full-scale tokenizer of the recommended mixture is called, whatever the mixture's name


def mixture_id(number: int) -> str:
    """Of a sampled mixture.

    >>> mixture_id(12)
    'm00012'
    """
    return f"m{number:05d}"


def is_sampled(name: str) -> bool:
    """Whether a mixture's id is one that `mixture_id` gives, which no explicit mixture may have."""
    return re.fullmatch(SAMPLED_MIXTURE, name) is not None


def batches(count: int, per_job: int, *, full: bool = True) -> list[str]:
    """Names of the batches of `count` sampled mixtures: the first and the last number of each.

    full: the last batch is as large as the others, so that asking for more mixtures leaves the others' names alone;
    otherwise it ends at `count`.

    >>> batches(20, 8)
    ['00000-00007', '00008-00015', '00016-00023']
    >>> batches(20, 8, full=False)[-1]
    '00016-00019'
    """
    ends = ((first, first + per_job - 1) for first in range(0, count, per_job))
    return [f"{first:05d}-{last if full else min(last, count - 1):05d}" for first, last in ends]


def proxy_batches(proxies: Mapping[str, Any]) -> list[str]:
    """The batches of a config's section `proxies`: those of sampled mixtures; an explicit one is a batch of its own."""
    return batches(proxies["count"], proxies["per_job"]) + list(proxies["mixtures"])


def sampled(count: int) -> dict[str, int]:
    """Numbers of the first `count` sampled mixtures, by id."""
    return {mixture_id(number): number for number in range(count)}


def mixtures_of_batch(batch: str, explicit: Mapping[str, Any]) -> dict[str, Any]:
    """What a batch trains, by mixture id: the number of a sampled mixture, or the shares of an explicit one.

    >>> mixtures_of_batch("00008-00009", {})
    {'m00008': 8, 'm00009': 9}
    """
    if batch in explicit:
        return {batch: explicit[batch]}
    first, last = map(int, batch.split("-"))
    return {mixture_id(number): number for number in range(first, last + 1)}


def full_scale_draws(training: Mapping[str, Any]) -> list[int]:
    """The draws of text on which a config's section `training` asks for tokenizers. Three can be independent; of all
    the text there is one.

    >>> full_scale_draws({"draws": None, "bytes": 10**9}), full_scale_draws({"draws": None, "bytes": None})
    ([0, 1, 2], [0])
    """
    return list(range(training["draws"] or (1 if training["bytes"] is None else 3)))


def round_name(number: int) -> str:
    """Of a round of the adaptive search.

    >>> round_name(3)
    '03'
    """
    return f"{number:02d}"


def round_mixture_id(number: int, i: int) -> str:
    """Of proposal i of a round.

    >>> round_mixture_id(3, 0)
    'a03_000'
    """
    return f"a{round_name(number)}_{i:03d}"


@dataclass(frozen=True)
class Layout:
    """The files of a results folder; `docs/contracts.md` says what they hold.

    Attributes:
        root: of the run, or of one of its recipes.
        shared: of the whole run; None: root.
        counted: of the words as one split of the text gives them; None: shared.
        existing: of what existing tokenizers make of the text after one normalizer; None: in shared.
    """

    root: Path
    shared: Path | None = None
    counted: Path | None = None
    existing: Path | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Of a loaded config, which may be that of a recipe or of a split of its text (`trex.config.recipes`)."""
        results, place = Path(config["results"]), config.get("place", {})
        recipe, split, normalizer = (place.get(key) for key in ("recipe", "split", "normalizer"))
        existing = results / "validation/existing"
        files = cls(
            results / "recipes" / recipe if recipe else results,
            results,
            existing=existing / normalizer if normalizer else existing,
        )
        return files.of_split(split) if split else files

    def of_split(self, split: str) -> Self:
        """The same run's with the words of another split of the text."""
        return replace(self, counted=self._shared / "splits" / split)

    @property
    def here(self) -> Path:
        """For logs and measurements of jobs: the folder of the run, the recipe or the split."""
        return self._counted if self.root == self._shared else self.root

    @property
    def _shared(self) -> Path:
        return self.shared or self.root

    @property
    def _counted(self) -> Path:
        return self.counted or self._shared

    def words(self, corpus: str) -> Path:
        return self._counted / f"counts/{corpus}/words.arrow"

    def held_out(self, corpus: str) -> Path:
        return self._counted / f"counts/{corpus}/held_out.parquet"

    def document_hashes(self, corpus: str) -> Path:
        return self._counted / f"counts/{corpus}/documents.npy"

    def counts_ledger(self, corpus: str) -> Path:
        return self._counted / f"counts/{corpus}/ledger.parquet"

    def part(self, corpus: str, part: int | str, file: str) -> Path:
        """Of one part of a corpus; file: hashes.npy, sizes.npy, words.arrow, ledger.parquet, held_out.parquet or
        documents.npy."""
        return self._counted / f"counts/{corpus}/parts/{part}.{file}"

    def evaluation_words(self, evaluation_set: str, corpus: str) -> Path:
        return self._counted / f"evaluation/{evaluation_set}/{corpus}.parquet"

    def evaluation_ledger(self, evaluation_set: str, corpus: str) -> Path:
        return self._counted / f"evaluation/{evaluation_set}/{corpus}.ledger.parquet"

    def selection_documents(self, evaluation_set: str, corpus: str) -> Path:
        """The half of an evaluation set that everything is chosen on."""
        return self._counted / f"evaluation/{evaluation_set}/{corpus}.selection.parquet"

    def test_documents(self, evaluation_set: str, corpus: str) -> Path:
        """The half that validation alone reads."""
        return self._counted / f"evaluation/{evaluation_set}/{corpus}.test.parquet"

    @property
    def hygiene(self) -> Path:
        return self._shared / "hygiene.json"

    @property
    def hygiene_page(self) -> Path:
        return self._shared / "hygiene.md"

    @property
    def hygiene_link(self) -> str:
        """The path of hygiene.md from the pages of a run or of a recipe."""
        return Path(os.path.relpath(self.hygiene_page, self.root)).as_posix()

    @property
    def index(self) -> Path:
        return self._counted / "index"

    @property
    def base(self) -> Path:
        """The tokenizer to go on from, with its merges."""
        return self.root / "base/tokenizer.json"

    @property
    def mixtures(self) -> Path:
        return self.root / "mixtures.parquet"

    @property
    def support(self) -> Path:
        return self.root / "support.csv"

    def proxy_compression(self, batch: str) -> Path:
        return self.root / f"proxies/{batch}.parquet"

    def proxy_ledger(self, batch: str) -> Path:
        return self.root / f"proxies/{batch}.ledger.parquet"

    def proxy_tokenizers(self, batch: str) -> Path:
        """A folder."""
        return self.root / f"proxies/{batch}.tokenizers"

    @property
    def training_set(self) -> Path:
        return self.root / "training_set.parquet"

    @property
    def training_ledger(self) -> Path:
        return self.root / "training_ledger.parquet"

    def surfaces(self, table: str) -> Path:
        """table: metrics, corpus_metrics, learning_curve, vocabulary or predictions."""
        return self.root / f"surfaces/{table}.parquet"

    @property
    def models(self) -> Path:
        return self.root / "surfaces/models.json"

    @property
    def models_of_other_sizes(self) -> Path:
        return self.root / "surfaces/other_sizes.json"

    def inferred(self, baseline: str) -> Path:
        return self.root / f"inference/{baseline}.json"

    def inferred_shares(self, baseline: str) -> Path:
        return self.root / f"inference/{baseline}.parquet"

    @property
    def limits(self) -> Path:
        return self.root / "search/limits.parquet"

    def round_compression(self, round_name: str) -> Path:
        return self.root / f"search/rounds/{round_name}.parquet"

    def round_ledger(self, round_name: str) -> Path:
        return self.root / f"search/rounds/{round_name}.ledger.parquet"

    def round_notes(self, round_name: str) -> Path:
        return self.root / f"search/rounds/{round_name}.json"

    def found(self, strategy: str) -> Path:
        """What a strategy found."""
        return self.root / f"search/{strategy}.json"

    @property
    def candidates(self) -> Path:
        return self.root / "search/candidates.parquet"

    @property
    def pareto(self) -> Path:
        return self.root / "search/pareto.parquet"

    def front_point(self, name: str) -> Path:
        """Measurements of one of FRONT_POINTS."""
        return self.root / f"search/front/{name}.parquet"

    @property
    def search_notes(self) -> Path:
        return self.root / "search/notes.json"

    @property
    def search_tables(self) -> Path:
        return self.root / "search/tables.json"

    def candidate_compression(self, name: str) -> Path:
        return self.root / f"choice/proxies/{name}.parquet"

    def candidate_ledger(self, name: str) -> Path:
        return self.root / f"choice/proxies/{name}.ledger.parquet"

    def candidate_documents(self, name: str) -> Path:
        return self.root / f"choice/proxies/{name}.documents.parquet"

    @property
    def choice_compression(self) -> Path:
        return self.root / "choice/compression.parquet"

    @property
    def choice_ledger(self) -> Path:
        return self.root / "choice/ledger.parquet"

    @property
    def finalists(self) -> Path:
        return self.root / "choice/finalists.json"

    @property
    def choice(self) -> Path:
        return self.root / "choice/choice.json"

    def trained_tokenizer(self, mixture: str, draw: int | str) -> Path:
        """At full scale, of the largest vocabulary that is asked for; of a mixture that is no finalist, a note that
        says so."""
        return self.root / f"full_scale/{mixture}/{draw}.tokenizer.json"

    def full_scale(self, mixture: str, draw: int | str, table: str) -> Path:
        """table: compression, uses, ledger or documents; without rows where nothing was trained."""
        return self.root / f"full_scale/{mixture}/{draw}.{table}.parquet"

    @property
    def vocab_size(self) -> Path:
        return self.root / "choice/vocab_size.json"

    @property
    def vocab_curve(self) -> Path:
        return self.root / "choice/vocab_curve.parquet"

    def tokenizer(self, name: str) -> Path:
        """name: `chosen`, or that of a baseline."""
        return self.tokenizer_file(name, "tokenizer.json")

    def tokenizer_file(self, name: str, file: str) -> Path:
        """Another file of its folder, such as tokenizer_config.json."""
        return self.root / f"tokenizers/{name}/{file}"

    def ladder_file(self, name: str, vocab_size: int, file: str) -> Path:
        """The same of another vocabulary size."""
        return self.tokenizer_file(name, f"ladder/{vocab_size}/{file}")

    def export(self, name: str, file: str) -> Path:
        return self.root / f"exports/{name}/{file}"

    @property
    def validation(self) -> Path:
        return self.root / "validation/validation.parquet"

    @property
    def scripts(self) -> Path:
        return self.root / "validation/scripts.parquet"

    def inspected(self, kind: str, name: str, table: str) -> Path:
        """Of a tokenizer; kind: tokenizers or existing; table: those of quality, and gates, vocabulary, composition."""
        if kind == "existing":
            return self.existing_quality(name, table)
        return self.root / f"validation/{kind}/{name}.{table}.parquet"

    @property
    def gates(self) -> Path:
        return self.root / "validation/gates.parquet"

    @property
    def gates_passed(self) -> Path:
        return self.root / "validation/gates_passed.txt"

    @property
    def composition(self) -> Path:
        return self.root / "validation/composition.parquet"

    def grid_compression(self, n_bytes: str, batch: str) -> Path:
        return self.root / f"validation/grid/{n_bytes}/{batch}.parquet"

    def language_model_text(self, corpus: str) -> Path:
        return self.root / f"language_model/text/{corpus}.parquet"

    def language_model_ids(self, view: str, split: str) -> Path:
        """Text as a tokenizer's ids or raw bytes; split: training or measured."""
        return self.root / f"language_model/ids/{view}.{split}.parquet"

    def language_model_view(self, view: str) -> Path:
        return self.root / f"language_model/ids/{view}.json"

    @property
    def language_model_budget(self) -> Path:
        return self.root / "language_model/budget.json"

    def language_model_plan(self, row: str) -> Path:
        """What its trainings are told, in a file of its own, so that another row changes nothing for it."""
        return self.root / f"language_model/plans/{row}.json"

    def language_model(self, row: str, seed: int | str, table: str) -> Path:
        """table: bits or curve."""
        return self.root / f"language_model/models/{row}/{seed}.{table}.parquet"

    def language_model_about(self, row: str, seed: int | str) -> Path:
        return self.root / f"language_model/models/{row}/{seed}.json"

    def language_model_checkpoint(self, row: str, seed: int | str) -> Path:
        """Hidden, for it is no result: what a killed training goes on from."""
        return self.root / f"language_model/models/{row}/.{seed}.checkpoint.npz"

    def language_model_speed(self, row: str, seed: int | str) -> Path:
        """Beside Snakemake's own measurements, for it is no result either."""
        return self.root / f"benchmarks/train_language_model/{row}/{seed}.speed.json"

    @property
    def bits_per_byte(self) -> Path:
        return self.root / "language_model/bits_per_byte.parquet"

    @property
    def ranks(self) -> Path:
        return self.root / "validation/ranks.parquet"

    @property
    def scales(self) -> Path:
        return self.root / "validation/scales.parquet"

    def tokenizer_quality(self, name: str, table: str) -> Path:
        """Of a full-scale tokenizer; table: corpora, documents, scripts, entries or words."""
        return self.root / f"validation/tokenizers/{name}.{table}.parquet"

    def existing_quality(self, name: str, table: str) -> Path:
        """The same of an existing tokenizer."""
        return (self.existing or self._shared / "validation/existing") / f"{name}.{table}.parquet"

    @property
    def records(self) -> Path:
        """The folder by which a results folder is known, of what `trex.run` writes down about jobs and locks."""
        return self._shared / ".artifacts"

    def page(self, name: str) -> Path:
        """name: summary, details, validation, vocabulary, costs or language_models."""
        return self.root / f"{name}.md"

    @property
    def doubts(self) -> Path:
        """Why summary.md says not to trust the result, for the comparison of recipes."""
        return self.root / "validation/doubts.json"

    @property
    def pages_from_run(self) -> dict[str, str]:
        """The pages of a recipe by name, relative to the folder of the run, where the comparison lies."""
        files = [
            *(self.page(name) for name in ("summary", "details", "validation", "vocabulary")),
            self.report,
        ]
        return {file.name: file.relative_to(self._shared).as_posix() for file in files}

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def candidates_csv(self) -> Path:
        return self.root / "candidates.csv"

    @property
    def corpora_csv(self) -> Path:
        return self.root / "corpora.csv"

    def figure(self, name: str) -> Path:
        return self.root / f"figures/{name}.svg"

    @property
    def recipes_table(self) -> Path:
        """Of the comparison of recipes, which lies beside the folder of these."""
        return self.root / "recipes.parquet"

    @property
    def recipes_page(self) -> Path:
        return self.root / "recipes.html"

    @property
    def recipes_csv(self) -> Path:
        return self.root / "recipes.csv"

    @property
    def provenance(self) -> Path:
        return self.root / "provenance.json"
