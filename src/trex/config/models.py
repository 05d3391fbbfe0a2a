"""The configuration as types: every key with its default, its range and what it means.

The one source of all of them: `trex.config.documents` writes the JSON schema and the tables of config/README.md from
here, and `trex.config.errors` what an error message says. A docstring after a key is its description.
"""

import re
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from trex.config.fields import (
    Bytes,
    BytesOrAll,
    CorpusId,
    Distinct,
    Expects,
    License,
    Mixture,
    MixtureName,
    RecipeName,
    Section,
    ShareLimits,
    Shares,
    SpecialToken,
    Strength,
    Text,
    Tokenizer,
    TokenizerName,
    VocabRange,
    VocabSize,
    VocabSizeOrAuto,
)
from trex.config.kinds import KnownMixture, Pattern, Superwords
from trex.config.language_models import LanguageModel
from trex.config.parity import Parity
from trex.config.sources import CorpusOrNull
from trex.config.words import Problem, show
from trex.validation.gate_names import STOPS

Surface = Literal["gaussian_process", "mixing_law", "lightgbm", "lightgbm_objective", "linear", "stack"]
Strategy = Literal["paper", "surrogate", "adaptive", "direct"]


def _results_folder(results: str) -> str:
    path = PurePath(results)
    if ".." in path.parts or not path.name or not re.fullmatch(r"[\w./-]+", results):
        raise Problem(
            f"{show(results)} is not a folder below the working directory or an absolute path, in letters, digits "
            "and the signs . _ - /; write one without .., such as results"
        )
    return str(path)


class Evaluation(Section):
    """How evaluation text is set apart."""

    held_out_share: float = Field(0.1, gt=0, le=0.5)
    """Share of each corpus's documents that is kept out of training. A hash of the content chooses them. Half of them
    serve to choose, half to test what was chosen."""
    max_bytes: Bytes = 20_000_000
    """Cap on evaluation text per corpus and set, in bytes. A hash of their content chooses the documents."""
    max_document_bytes: Bytes = 1_000_000
    """Longest document that is measured, in bytes. Longer ones are left out, and counted in the ledger. Encoding
    a document takes up to 320 times its size in memory."""


class Counting(Section):
    """How words are counted."""

    deduplicate: bool = True
    """Count a document once that occurs several times in a corpus."""
    parts: int = Field(1, ge=1)
    """Maximum number of parallel jobs per corpus. Output does not depend on it. Files of more than
    32 MB are cut: parquet between row groups, uncompressed text and JSON Lines between lines."""
    draw_from: Annotated[float, Field(ge=1)] | None = 10
    """A sample of max_bytes is drawn from at least this many times as much text. Of files that hold more, only
    places, evenly spread, are read. null reads everything, and so does where."""
    max_document_bytes: Bytes = 10_000_000
    """Longest document that is read, in bytes. Longer ones are left out, and counted in the ledger."""


class TokenizerKind(Section):
    """The kind of byte-level BPE tokenizer."""

    pattern: Pattern = "default"
    """Regex that splits text into words before BPE: default (the paper's), gpt2, cl100k, o200k, llama3, qwen,
    qwen3.5, deepseek, multilingual (ours, which keeps marks with letters), none (nothing is split), or any regex
    that tokenizers.Regex compiles (exact; ten times slower if it is outside the family of docs/patterns.md)."""
    normalizer: Literal["nfc", "none", "nfkc"] = "nfc"
    """Unicode normal form that text is brought to before it is split: nfc (composed), nfkc (composed, and
    variants such as full-width letters made plain, which decoding does not undo), or none."""
    alphabet: Literal["utf8", "latin1"] = "utf8"
    """What tokens are made of: utf8, the bytes of text, or latin1, the bytes of binary corpora, which the
    tokenizer.json reads as Latin-1 text."""
    unit: Literal["line", "document"] = "document"
    """Text that is trained on as one piece, so that no token crosses its ends: a whole document, or a line,
    as tokenizers does when it trains on files. line costs 1.2 to 2.0 % NSL on documents with blank lines."""
    special_tokens: Distinct[SpecialToken] = ["<|endoftext|>"]
    """Tokens that get the first ids and never occur in training. Each must be at least two characters long.
    """
    reserved: int = Field(0, ge=0, le=100_000)
    """Number of further special tokens, <|reserved_0|>, <|reserved_1|> and so on, behind special_tokens: slots for
    those that a later training needs. They count in every vocabulary size."""
    min_frequency: int = Field(0, ge=0)
    """Smallest count of a pair that is still merged."""
    max_token_length: Annotated[int, Field(ge=2)] | None = None
    """Longest token, in bytes. null sets no limit."""
    superwords: Annotated[Superwords | None, Expects("a mapping such as {from: 0.8}, which may be empty")] = (
        None
    )
    """Merge across white space from some point on, so that tokens of several words come about (docs/recipes.md). null
    has none."""
    base: Tokenizer | None = None
    """Existing byte-level BPE tokenizer to extend: its merges come first, and its ids, pattern, normalizer, special
    tokens and post-processor stay (docs/recipes.md). pattern, normalizer and special_tokens are then not given. null
    trains from bytes."""
    keep: Annotated[int, Field(ge=0)] | Literal["all"] = "all"
    """Number of the base's merges that stay. The ids of what the others make go to new tokens. A recipe with another
    base than the file's writes its own."""
    base_size: int | None = None
    """Entries of the base that stay, special tokens included. The run finds it; leave it out."""
    parity: Annotated[Parity | None, Expects("a mapping such as {variant: window}, which may be empty")] = (
        None
    )
    """Parity-aware BPE, in which corpora take turns to choose the next merge (docs/parity.md). Needs search.strategies:
    []. null lets all text choose together."""
    algorithm: Literal["bpe", "unigram", "wordpiece"] = "bpe"
    """Algorithm: bpe, or for comparison unigram or wordpiece, trained by tokenizers itself at one vocabulary size
    (docs/recipes.md). These need search.strategies: []."""


class Proxies(Section):
    """The small tokenizers that the regression learns from."""

    count: int = Field(64, ge=2, le=100_000)
    """Number of sampled mixtures. Must be a multiple of per_job."""
    bytes: Bytes = 2_000_000
    """Training bytes (S) of each proxy."""
    vocab_size: VocabSize = 8192
    """Vocabulary size (V) of each proxy, including the alphabet and the special tokens."""
    vocab_grid: Annotated[list[VocabSize], Expects("a list of vocabulary sizes")] = []
    """Smaller vocabulary sizes at which compression is also measured. They cost no further training."""
    per_job: int = Field(8, ge=1)
    """Number of mixtures that one job trains, one after another."""
    keep_tokenizers: bool = False
    """Keep the proxies' tokenizer.json files."""
    prior: KnownMixture = "uniform"
    """Mixture around which mixtures are sampled. Every share must be above 0."""
    strength: Strength = [0.5, 4]
    """Range [low, high] of how close sampled mixtures stay to the prior, drawn log-uniformly: Dirichlet alpha
    = strength * number of corpora * prior share."""
    min_share: float = Field(0.0, ge=0, le=0.5)
    """Smallest share of every corpus. min_share * number of corpora must be at most 1."""
    max_epochs: float = Field(4, gt=0)
    """How often a corpus's text may be repeated to fill its share."""
    mixtures: Annotated[dict[MixtureName, Shares], Expects("a mapping of names to shares")] = {}
    """Mixtures by name that are trained as additional proxies. A corpus not named gets share 0."""


class Objective(Section):
    """What the search minimises."""

    aggregate: Literal["macro", "pooled", "worst", "weighted", "soft_worst"] = "macro"
    """How the corpora's NSL become one number: macro (mean), pooled (sum of tokens / sum of reference
    tokens), worst (largest), weighted (mean by weights) or soft_worst (a smooth maximum, between macro and
    worst)."""
    weights: Annotated[
        dict[str, Annotated[float, Field(ge=0, description="Weight of the corpus.")]],
        Expects("a mapping of corpora to weights"),
    ] = {}
    """Weight of each corpus for the weighted aggregate, such as its traffic or the tokens that a model will
    be trained on. A corpus not named weighs 0."""
    evaluation_sets: Annotated[
        Distinct[str], Field(min_length=1), Expects("a list of one or more names of sets")
    ] = ["held_out"]
    """Evaluation sets that the objective averages over: held_out or sets named in the corpora."""
    sharpness: float = Field(20, gt=0, le=1000)
    """Sharpness of soft_worst, log(mean(exp(sharpness * NSL))) / sharpness. At 20, a corpus whose NSL is 0.1
    larger counts 7 times as much; near 0 it is macro."""
    max_loss: Annotated[
        dict[str, Annotated[float, Field(ge=0, description="Percentage of the NSL compared with.")]],
        Expects("a mapping of baselines or existing tokenizers to percentages, such as {uniform: 2}"),
    ] = {}
    """Largest loss of any corpus against a baseline or an existing tokenizer, in percent of its NSL in the
    objective's sets. An existing tokenizer is a name from validation.tokenizers, o200k_base, cl100k_base, or the
    path of a tokenizer.json; it limits the full-scale tokenizers, and guides the searches (docs/search.md)."""
    parallel_set: str | None = None
    """Evaluation set with the same text in every corpus, such as a translated declaration. max_gini and
    max_premium apply to it, and token premiums are reported on it."""
    max_gini: Annotated[float, Field(gt=0, le=1)] | None = None
    """Largest Gini coefficient of the corpora's token counts on the parallel set. null sets no limit."""
    max_premium: Annotated[float, Field(ge=1)] | None = None
    """Largest token count of any corpus on the parallel set, as a multiple of the pivot's. null sets no
    limit."""
    pivot: str | None = None
    """Corpus that max_premium compares with."""


class Regression(Section):
    """The surfaces that predict compression from a mixture."""

    model: Literal["auto"] | Surface = "auto"
    """Surface that the searches use. auto takes the best one in cross-validation."""
    compare: Annotated[Distinct[Surface], Field(min_length=1)] = [
        "gaussian_process", "mixing_law", "lightgbm_objective", "linear", "stack",
    ]  # fmt: skip
    """Surfaces that are cross-validated and reported, besides the one in use. The paper's is
    lightgbm_objective. stack is a weighted mean of the others that predict every corpus, with weights for each
    corpus."""
    folds: int = Field(5, ge=2, le=100)
    """Number of cross-validation folds. Must be at most the number of proxies."""


class Search(Section):
    """How mixtures are searched. Every strategy's candidate is measured, and so is the matched mixture."""

    strategies: Distinct[Strategy] = [
        "paper",
        "surrogate",
        "adaptive",
        "direct",
    ]
    """Strategies to run: paper (the mean of the best random draws), surrogate (the optimum of the surface),
    adaptive (rounds of new proxies where they promise most), direct (reweights corpora from one proxy to the
    next, without a surface). [] searches nothing: no proxies are trained, and the baselines and the matched mixture
    alone are compared, all of them at full scale."""
    kappa: float = Field(1.0, ge=0)
    """Standard deviations that surrogate adds to every predicted NSL, to stay cautious where the surface is
    unsure."""
    rounds: int = Field(3, ge=1, le=99)
    """Maximum number of rounds of adaptive."""
    per_round: int = Field(8, ge=1)
    """Number of proxies per round of adaptive."""
    tolerance: float = Field(0.0005, ge=0)
    """Expected gain, as a share of the objective, below which adaptive stops."""
    direct_rounds: int = Field(24, ge=1)
    """Number of proxies that direct trains, one after another."""
    draws: int = Field(1_000_000, ge=1)
    """Number of random mixtures whose objective paper predicts."""
    top_k: int = Field(1024, ge=1)
    """Number of best predicted mixtures that paper averages. Must be at most draws."""
    within_support: bool = True
    """Search only within the support: for each corpus, the range of shares that proxies were given."""
    strength: Strength | None = None
    """Range of strength for paper's draws. null takes proxies.strength."""
    floors: ShareLimits = {}
    """Smallest shares of single corpora in a candidate. proxies.min_share applies to all corpora."""
    ceilings: ShareLimits = {}
    """Largest shares of single corpora in a candidate. proxies.max_epochs limits all corpora by their
    available text."""


class Choice(Section):
    """The proxies that are trained on candidates and baselines."""

    replicates: int = Field(3, ge=1, le=3)
    """Number of times each candidate is trained, each time on other text, to measure the noise. At most 3,
    because training text is dealt into three independent groups."""


class Training(Section):
    """The full-scale tokenizers."""

    bytes: BytesOrAll = "all"
    """Training bytes (S). all takes as many bytes as the corpora hold together. A corpus with too little text
    is repeated."""
    vocab_size: VocabSizeOrAuto = 32768
    """Vocabulary size (V), including the alphabet and the special tokens. auto takes the smallest one in vocab_range
    at which training and serving language_model cost at most 1 % more than at the cheapest."""
    vocab_range: VocabRange = [16_384, 262_144]
    """Range [low, high] in which auto looks. Every full-scale training goes to its end."""
    pad_to: Annotated[int, Field(ge=1, le=65_536)] | None = None
    """Round the vocabulary up to a multiple of this, since GPUs multiply other shapes more slowly: with auto by more
    merges, otherwise by unused entries behind them. null takes 128 with auto, otherwise 1."""
    ladder: Annotated[Distinct[VocabSize], Expects("a list of vocabulary sizes")] = []
    """Further vocabulary sizes. Each tokenizer also comes in these sizes, cut from the same training: a smaller one is
    the beginning of a larger one."""
    draws: Annotated[int, Field(ge=1, le=3)] | None = None
    """Number of times each finalist is trained, each time on other text, to measure the noise. null takes 3, or 1
    if bytes is all. A draw that would mostly be the text of the first one is not trained."""
    baselines: bool = True
    """Also keep and validate the full-scale tokenizers of the baselines, which are trained in any case, for the
    choice."""


class Release(Section):
    """What transformers and the Hugging Face Hub read beside the tokenizer.json, and exports to other programs."""

    bos_token: SpecialToken | None = None
    """Special token that begins a text. null has none."""
    eos_token: SpecialToken | None = "auto"
    """Special token that ends a text. auto takes the first of tokenizer.special_tokens; null has none."""
    pad_token: SpecialToken | None = "auto"
    """Special token that fills up a batch. auto takes eos_token, which most programs then mask in the loss too; null
    has none, and padding is an error."""
    unk_token: SpecialToken | None = None
    """Special token for what cannot be encoded, which byte-level BPE never needs. null has none."""
    add_bos_token: bool = False
    """Begin every encoded text with bos_token. Measured texts never do."""
    add_eos_token: bool = False
    """End every encoded text with eos_token."""
    chat_template: Text | None = None
    """File of a Jinja template that writes a conversation as one text. What it writes that looks like <|this|> must be
    a special token."""
    model_max_length: Annotated[int, Field(ge=1)] | None = None
    """Tokens at which transformers truncates if asked to. null sets no limit."""
    license: License | None = None
    """License of the tokenizer by its identifier on the Hugging Face Hub, such as apache-2.0. null says unknown."""
    exports: Distinct[Literal["tiktoken", "gguf", "vocab"]] = ["tiktoken", "gguf", "vocab"]
    """What `snakemake export` writes: tiktoken (ranks), gguf (the vocabulary of llama.cpp) and vocab (vocab.json and
    merges.txt)."""


class Scale(Section):
    """A scale."""

    bytes: Bytes
    """Training bytes (S)."""
    vocab_size: VocabSize
    """Vocabulary size (V)."""


Gate = Literal[tuple(STOPS)]
WordLists = Annotated[
    dict[str, Text], Expects("a mapping of corpora to text files, such as {tur_Latn: words.txt}")
]


class Validation(Section):
    """What the full-scale tokenizers are compared with."""

    tokenizers: Annotated[
        dict[TokenizerName, Tokenizer],
        Expects("a mapping of names to tokenizers, such as {o200k_base: o200k_base}"),
    ] = {"o200k_base": "o200k_base", "cl100k_base": "cl100k_base"}
    """Existing tokenizers to compare with, by name. Naming any replaces the defaults."""
    mixtures: int = Field(16, ge=0)
    """Number of sampled mixtures, from the first one on, that are trained at every scale of the grid. 0 turns
    this off."""
    grid: (
        Annotated[list[Scale], Expects("a list of scales such as {bytes: 10MB, vocab_size: 8192}")] | None
    ) = None
    """Scales at which the order of mixtures is compared, besides the proxies' scale and the full one. null
    takes a quarter and a half of the proxies' scale."""
    waived_gates: Distinct[Gate] = []
    """Gates at which this run's tokenizers may fail. Any other failure ends the run with an error, when all else
    is done. docs/validation.md says what each gate is."""
    words: WordLists = {}
    """Valid words of some corpora: text files, one word a line. The share of the vocabulary entries in use that
    are words is measured with them. Other corpora take the words that occur more than once in their own text."""
    morphemes: WordLists = {}
    """Roots and affixes of some corpora: text files, one a line. The share of the vocabulary entries in use that
    are one of them is measured."""


Overrides = Annotated[dict[str, Any], Expects("a mapping of keys of that section")]


class Recipe(Section):
    """What one recipe has instead of the run's own settings: single keys of these sections, checked as if they stood
    there. Of baselines, all."""

    tokenizer: Overrides = {}
    """Such as {pattern: o200k}."""
    training: Overrides = {}
    """Such as {vocab_size: 65536}."""
    proxies: Overrides = {}
    """Such as {count: 32}."""
    regression: Overrides = {}
    """Such as {model: linear}."""
    search: Overrides = {}
    """Such as {strategies: [direct]}."""
    objective: Overrides = {}
    """Such as {aggregate: worst}. parallel_set is the same in all recipes."""
    baselines: Annotated[dict[str, Any], Expects("a mapping of names to mixtures")] | None = None
    """Mixtures to compare with, in place of the run's own. null takes those."""
    choice: Overrides = {}
    """Such as {replicates: 1}."""
    release: Overrides = {}
    """Such as {add_bos_token: true}."""


class Config(Section):
    """What to train, measure and search."""

    seed: int = Field(1, ge=0, le=2**31 - 1)
    """Seed of every random choice. The same seed and data give the same results."""
    results: Annotated[Text, AfterValidator(_results_folder)] = "results"
    """Folder of all outputs, relative to the working directory or absolute."""
    reference: Tokenizer = "o200k_base"
    """Tokenizer whose token counts ours are divided by (NSL), or bytes, so that NSL is tokens per byte."""
    corpus_defaults: CorpusOrNull = {}
    """Settings of all corpora, merged deeply under each one's own. {corpus} inside their strings becomes the
    corpus id."""
    corpora: Annotated[dict[CorpusId, CorpusOrNull], Field(min_length=2), Expects("at least 2 corpora by id")]
    """The corpora of the mixture, by id. Ids become file names and columns."""
    evaluation: Evaluation = Field(default_factory=Evaluation)
    counting: Counting = Field(default_factory=Counting)
    tokenizer: TokenizerKind = Field(default_factory=TokenizerKind)
    proxies: Proxies = Field(default_factory=Proxies)
    objective: Objective = Field(default_factory=Objective)
    regression: Regression = Field(default_factory=Regression)
    search: Search = Field(default_factory=Search)
    baselines: Annotated[dict[TokenizerName, Mixture], Expects("a mapping of names to mixtures")] = {
        "uniform": "uniform",
        "natural": "natural",
        "tempered": {"tempered": 0.3},
    }
    """Mixtures to compare with, by name. Naming any replaces the defaults."""
    choice: Choice = Field(default_factory=Choice)
    training: Training = Field(default_factory=Training)
    release: Release = Field(default_factory=Release)
    validation: Validation = Field(default_factory=Validation)
    language_model: LanguageModel = Field(default_factory=LanguageModel)
    recipes: Annotated[
        dict[RecipeName, Recipe | None], Expects("a mapping of names to what each recipe changes")
    ] = {}
    """Recipes that are run side by side and compared, by name: {o200k: {tokenizer: {pattern: o200k}}}. Without any, the
    run has one: the other keys of the file."""
