"""Train the full-scale tokenizer of a finalist on a draw of text and measure its compression at many sizes.

Of other mixtures, and of a draw that is no other text, write down that nothing was trained."""

import logging

import polars as pl

from trex.files import read_json, whole, write_table
from trex.proxies.full_scale import COMPRESSION, LEDGER, USES, no_rows, same_text, write_not_trained
from trex.run.job import job
from trex.tokenizer.sizes import needed_by


def train(name: str, draw: int) -> str | None:
    """Trains, or says why not."""
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    if name not in read_json(files.finalists)["finalists"]:
        return f"{name} is no finalist (choice/finalists.json)"
    from trex.proxies.tables import candidate_shares
    from trex.proxies.trainers import load_trainer  # most jobs train nothing, and need not import it

    trainer = load_trainer(
        files,
        params,
        params.n_bytes,
        params.vocab_sizes,
        needed=params.needed,
        needed_by=needed_by(snakemake.config),  # no param: it is for an error alone
        count_uses=True,
    )
    mixtures = pl.read_parquet(files.candidates).select(params.corpora).to_numpy()
    if why := same_text(trainer.index, mixtures, params.n_bytes, draw):
        return why
    shares = candidate_shares(files.candidates, name, params.corpora)
    trained = trainer.train(shares, draw, {"name": name, "draw": draw})
    write_table(trained.compression, output.compression)
    write_table(trained.uses, output.uses)
    write_table(trained.ledger, output.ledger)
    with whole(output.tokenizer) as temporary:
        trainer.finished(trained.model).save(str(temporary))
    return None


with job(snakemake):
    name, output = snakemake.wildcards.name, snakemake.output
    if why := train(name, int(snakemake.wildcards.draw)):
        logging.info("not trained: %s", why)
        write_table(no_rows(COMPRESSION), output.compression)
        write_table(no_rows(USES), output.uses)
        write_table(no_rows(LEDGER), output.ledger)
        write_not_trained(why, name, output.tokenizer)
