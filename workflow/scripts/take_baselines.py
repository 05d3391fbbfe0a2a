"""The mixtures of a run without a search: the baselines and the matched one, all of them finalists."""

from trex.counting.word_index import WordIndex
from trex.files import write_json, write_table
from trex.run.job import job
from trex.search.no_search import all_finalists, baselines_alone

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    index = WordIndex.load(files.word_index, params.corpora)
    mixtures = baselines_alone(index, params, files.inference)
    write_table(mixtures, output.candidates)
    write_json({**all_finalists(mixtures["name"].to_list()), "objective": params.objective}, output.finalists)
