"""Search without a surface: reweight the mixture by what its proxy measures, round after round."""

from trex.counting.word_index import WordIndex
from trex.files import write_json
from trex.proxies.train import Trainer
from trex.run.job import job
from trex.search.space import SearchSpace
from trex.search.strategies.direct import Direct
from trex.search.strategy import Study

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    index = WordIndex.load(files.word_index, params.corpora)
    trainer = Trainer(index, params.tokenizer, params.sampling["bytes"], [params.vocab_size])
    space = SearchSpace.from_params(trainer, params, files.inference)
    found = Direct.from_config(params.search, params.seed).search(Study(space))
    write_json(found.to_json(params.corpora), snakemake.output.found)
