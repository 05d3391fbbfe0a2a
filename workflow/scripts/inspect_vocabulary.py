"""Try a tokenizer at every gate, and write down what its vocabulary is made of."""

from pathlib import Path

import polars as pl
from tokenizers import Tokenizer

from trex.bpe.byte_alphabet import ALPHABETS, LATIN1
from trex.files import write_table
from trex.run.job import job
from trex.tokenizer.existing import load_tokenizer
from trex.validation.entries import read_vocabulary
from trex.validation.gates import check_gates
from trex.validation.reach import unreachable
from trex.validation.vocabulary import composition, own_words, read_list

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    alphabet = ALPHABETS[params.alphabet]
    if params.tokenizer is None:
        tokenizer = Tokenizer.from_file(str(files.tokenizer))
    else:
        _, tokenizer = load_tokenizer(params.tokenizer, Path.cwd())
    vocabulary = read_vocabulary(tokenizer, alphabet)
    corpora, counts = pl.read_parquet(files.corpora), pl.read_parquet(files.entries)
    never = unreachable(tokenizer, vocabulary)
    gates = check_gates(tokenizer, vocabulary, never, corpora)

    texts: dict[str, list[pl.Series]] = {}
    for (_, corpus), path in zip(params.evaluation, files.test, strict=True):
        texts.setdefault(corpus, []).append(pl.read_parquet(path)["text"])
    words = {}
    if alphabet is not LATIN1:
        words = {corpus: found for corpus, of in texts.items() if (found := own_words(of)) is not None}
    words |= dict(zip(params.words, map(read_list, files.words), strict=True))
    morphemes = dict(zip(params.morphemes, map(read_list, files.morphemes), strict=True))
    entries, metrics = composition(vocabulary, counts, corpora, words, morphemes)
    entries = entries.join(never, on="id", how="left", maintain_order="left").rename(
        {"reason": "unreachable"}
    )
    write_table(entries, output.vocabulary)
    write_table(metrics, output.composition)
    write_table(gates, output.gates)
