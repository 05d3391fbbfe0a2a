"""Measure the existing tokenizers that limits compare with, and what the step from proxies to full scale changes."""

from pathlib import Path

from trex.files import write_table
from trex.proxies.trainers import load_trainer
from trex.run.job import job
from trex.search.limits import limits_table
from trex.search.space import SearchSpace
from trex.search.strategies.matched import MATCHED
from trex.tokenizer.existing import load_tokenizer
from trex.validation.quality import encode_documents

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    texts = dict(zip(map(tuple, params.evaluation), files.documents, strict=True))
    encoded = {
        name: encode_documents(load_tokenizer(spec, Path.cwd())[1], texts)
        for name, spec in params.tokenizers.items()
    }
    at_scales = [None, None]
    if params.searched:
        of_proxies = load_trainer(files, params, params.sampling["bytes"], [params.vocab_size])
        shares = SearchSpace.from_params(of_proxies, params, files.inference).baselines[MATCHED]
        full_scale = load_trainer(files, params, *params.full_scale)
        at_scales = [trainer.train(shares).compression for trainer in (of_proxies, full_scale)]
    write_table(limits_table(encoded, *at_scales), snakemake.output.limits)
