"""Train one language model and measure its bits per byte after each budget."""

from trex.files import read_json, remove, write_json, write_table
from trex.language_model.device import prepare
from trex.language_model.jobs import Trained, train_row
from trex.language_model.rows import views_of
from trex.layout import Layout
from trex.run.job import job

with job(snakemake):
    prepare()
    files, output, layout = snakemake.input, snakemake.output, Layout.of(snakemake.config)
    row, seed = snakemake.wildcards.row, int(snakemake.wildcards.seed)
    checkpoint = layout.language_model_checkpoint(row, seed)
    read = zip(files.training, files.measured, map(read_json, files.views), strict=True)
    views = dict(zip(views_of(row), read, strict=True))
    plan = read_json(files.plan)
    if plan["same_as"]:
        trained = Trained.same_as(plan["same_as"])
    else:
        params = snakemake.params
        trained = train_row(row, seed, views, plan["flops"], params.check, checkpoint, code=str(params.code))
    if trained.speed:
        write_json(trained.speed, layout.language_model_speed(row, seed))
    else:
        remove(layout.language_model_speed(row, seed))
    write_table(trained.bits, output.bits)
    write_table(trained.curve, output.curve)
    write_json(trained.about, output.about)
    remove(checkpoint)
