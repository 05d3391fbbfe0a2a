"""The configuration of language models as types: their cost, and small ones that are trained."""

from typing import Annotated, Literal

from pydantic import Field, Tag

from trex.config.fields import Bytes, Distinct, Expects, Section, ShapeOf


class LanguageModelCheck(Section):
    """Small language models that are trained with the tokenizers, to measure what compression is worth to a model: bits
    per byte."""

    seeds: int = Field(0, ge=0, le=100)
    """Number of models per tokenizer, which differ in their initial parameters and in the order of documents. At
    least 2 tell differences from noise. 0 turns the check off."""
    mixtures: Distinct[str] = ["chosen", "uniform"]
    """Full-scale tokenizers to check, by mixture: chosen, matched, or baselines. With recipes, of each of them."""
    recipes: Distinct[str] | Literal["all"] = []
    """Recipes to check side by side, on the same text and with the same budgets: all, or a list of their names.
    Without any, every recipe of a run has a check of its own."""
    existing: Distinct[str] = []
    """Existing tokenizers to check, of those that validation.tokenizers names."""
    raw_bytes: bool = True
    """Also train models that read raw bytes, without a tokenizer."""
    proxy_compression: Distinct[str] = []
    """Mixtures, of those above, with whose tokenizers models are trained that read some documents as raw bytes and the
    rest as tokens, and are measured on raw bytes (Proxy Compression, arXiv 2602.04289)."""
    byte_share: float = Field(0.1, gt=0, lt=1)
    """Share of the documents that Proxy Compression reads as raw bytes."""
    bytes: Bytes = 2_000_000
    """Text that every model reads, divided among the corpora as language_model.training_bytes is. A corpus with
    less text gives what it has."""
    evaluation_bytes: Bytes = 50_000
    """Text per corpus and evaluation set on which models are measured, whole documents."""
    depth: int = Field(2, ge=1, le=48)
    """Size of the models: blocks; the width is 64 times as much. Without embeddings, depth 2 has 0.4 million
    parameters, 4 has 3 million, 7 has 17 million, 12 has 85 million."""
    context: int = Field(256, ge=16, le=65_536)
    """Length of the context window, in tokens."""
    batch: int = Field(4, ge=1)
    """Context windows per training step, from as many places of the text. Short trainings of small models need small
    steps, and many of them; large models on a GPU are trained faster with more."""
    learning_rate: float = Field(0.001, gt=0, le=1)
    """Highest learning rate of a model of width 256; others have it times sqrt(256 / width)."""
    weight_decay: float = Field(0.1, ge=0, le=1)
    """Weight decay of AdamW."""
    tied_embeddings: bool = True
    """Input and output share their embeddings."""


class LanguageModel(Section):
    """The language model whose cost is stated, in operations a parameter and token: 6 in training, 2 in use."""

    training_bytes: Annotated[
        Annotated[Bytes, Tag(":single")] | Annotated[dict[str, Bytes], Field(min_length=1), Tag(":mapping")],
        ShapeOf,
        Expects("an amount such as 10TB, or a mapping such as {eng: 8TB, deu: 2TB}"),
    ] = 10_000_000_000_000
    """Training text in bytes, divided evenly among the corpora, or a mapping of corpora to bytes. A corpus
    not named has none."""
    parameters: float = Field(7.0e9, gt=0)
    """Number of parameters without embeddings."""
    width: int = Field(4096, ge=1)
    """Width of the model: the length of an embedding."""
    tied_embeddings: bool = False
    """Input and output share their embeddings."""
    context: int = Field(8192, ge=1)
    """Length of the context window, in tokens."""
    peak_flops: float = Field(9.89e14, gt=0)
    """Peak floating-point operations per second of one GPU. The default is an H100's, dense bf16."""
    utilisation: float = Field(0.4, gt=0, le=1)
    """Share of the peak that training and serving reach."""
    served_tokens: float = Field(1.0, ge=0)
    """Tokens that the model reads or writes in use, for each token of its training, over its whole life."""
    generated_share: float = Field(1.0, ge=0, le=1)
    """Share of the served tokens that the model writes. Those that it only reads, of prompts, need no output layer: the
    lower this is and the more is served, the larger the vocabulary that costs least."""
    check: LanguageModelCheck = Field(default_factory=LanguageModelCheck)
    """Small language models that are trained with the tokenizers."""
