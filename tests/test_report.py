"""The summary of a small made-up run whose numbers are worked out in the comments, and the choice behind it."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

from trex.config import load_config
from trex.rank_invariance import agreement, scales
from trex.report import write_summary
from trex.report_search import costs
from trex.report_validation import write_validation
from trex.results import Results
from trex.search.choose import choose
from trex.validation import validate

CORPORA = ["deu", "eng", "heb"]
MIXTURES = {  # name: role, strategy, predicted, shares
    "paper": ("candidate", "paper", 1.2, [0.5, 0.3, 0.2]),
    "best_draw": ("candidate", "paper", 1.19, [0.6, 0.2, 0.2]),
    "matched": ("baseline", "matched", 1.21, [0.4, 0.4, 0.2]),
    "uniform": ("baseline", "baseline", 1.3, [1 / 3, 1 / 3, 1 / 3]),
}
# Macro NSL of each replicate: paper gains 2 % and 4 % on uniform, 3 % on average with a standard error of 1 %.
MEASURED = {
    "paper": [0.98, 0.96],
    "best_draw": [1.01, 1.01],
    "matched": [0.99, 0.99],
    "uniform": [1.0, 1.0],
}
FULL_SCALE = {"chosen": 0.9, "matched": 0.95, "uniform": 1.0}
EXISTING = {"o200k_base": 1.2}
CAPTIONS = sorted(Path(__file__).parents[1].glob("workflow/report/*.rst"))
RAW = {
    "corpora": {corpus: {"source": {"parquet": f"{corpus}.parquet"}} for corpus in CORPORA},
    "proxies": {"bytes": "2MB", "vocab_size": 8192, "count": 64, "per_job": 64},
    "search": {"strategies": ["paper", "surrogate"]},
    "training": {"vocab_size": 32768},
    "validation": {"tokenizers": {"o200k_base": "o200k_base"}, "mixtures": 3},
    "language_model": {"training_bytes": "3TB", "peak_flops": 1e15, "utilisation": 0.5},
}


def compression(macro: float, vocab_size: int, corpora: list[str]) -> pl.DataFrame:
    """NSL of 0.1 below, at and 0.1 above the mean in three corpora of 1 MB and 1,000 reference tokens each."""
    nsl = macro + np.linspace(-0.1, 0.1, len(corpora))
    return pl.DataFrame({"corpus": corpora, "nsl": nsl}).with_columns(
        evaluation_set=pl.lit("held_out"),
        vocab_size=pl.lit(vocab_size),
        tokens=(1000 * pl.col("nsl")).round().cast(pl.Int64),
        bytes=pl.lit(1_000_000),
        reference_tokens=pl.lit(1000),
    )


def qualities(macro: float, corpora: list[str]) -> pl.DataFrame:
    """The same at full scale, with the other metrics; 2 bytes a token at an NSL of 1."""
    table = compression(macro, 32768, corpora).with_columns(
        spaced=pl.lit(True), bytes_per_token=2 / pl.col("nsl"), fertility=pl.col("nsl")
    )
    return table.with_columns(
        pl.lit(0.25).alias(name)
        for name in ("continued_word_rate", "strr", "renyi_efficiency", "vocabulary_use")
    )


def ledger(shares: list[float], n_bytes: int, corpora: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"corpus": corpora, "asked_share": shares, "share": shares}).with_columns(
        asked_bytes=n_bytes * pl.col("share"),
        given_bytes=(n_bytes * pl.col("share")).round().cast(pl.Int64),
        shards=pl.lit(30),
        epochs=pl.lit(0),
    )


def write_results(
    folder: Path,
    *,
    measured: dict = MEASURED,
    full_scale: dict = FULL_SCALE,
    corpora: list[str] = CORPORA,
    sampled: list = ([0.8, 0.1, 0.1], [0.1, 0.5, 0.4]),
) -> Path:
    """A results folder as the rules write it; 3, 6 and 1 MB of training text."""

    def parquet(path: str, table: pl.DataFrame) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        table.write_parquet(folder / path)

    def labelled(table: pl.DataFrame, **keys) -> pl.DataFrame:
        return table.select(*(pl.lit(value).alias(key) for key, value in keys.items()), pl.all())

    rows = [
        {
            "name": name,
            "role": role,
            "strategy": strategy,
            "predicted": predicted,
            "predicted_std": 0.01,
            **dict(zip(corpora, shares, strict=True)),
        }
        for name, (role, strategy, predicted, shares) in MIXTURES.items()
    ]
    candidates = pl.DataFrame(rows)
    parquet("search/candidates.parquet", candidates)
    (folder / "search/notes.json").write_text('{"paper": {"scored": 1000000, "acceptance_rate": 0.25}}')
    parquet(
        "regression/metrics.parquet",
        pl.DataFrame(
            {
                "model": ["lightgbm", "linear"],
                "used": [True, False],
                "mape": [1.234, 2.5],
                "spearman": [0.987, None],
                "r2": [0.95, 0.5],
                "coverage90": [0.875, None],
                "n": [2, 2],
            }
        ),
    )
    scores = {"mape": [0.5], "spearman": [0.9], "r2": [0.8], "coverage90": [0.9], "n": [2]}
    by_corpus = [
        pl.DataFrame({"model": ["lightgbm"], "evaluation_set": ["held_out"], "corpus": [corpus], **scores})
        for corpus in corpora
    ]
    parquet("regression/corpus_metrics.parquet", pl.concat(by_corpus))
    curve = [
        {"recipe": "lightgbm", "proxies": 16, "repeat": i, "mape": m} for i, m in enumerate([1.0, 3.0, 9.0])
    ]
    same = pl.DataFrame({"spearman": [0.5], "r2": [0.25], "coverage90": [0.75], "n": [48]})
    parquet("regression/learning_curve.parquet", pl.DataFrame(curve).join(same, how="cross"))
    left_out = {"vocab_size": [8192], "outermost": [True], "mape": [0.31], "spearman": [0.91]}
    left_out |= {
        "mape_corpora": [0.42],
        "spearman_corpora": [0.92],
        "mape_with": [0.23],
        "spearman_with": [0.93],
    }
    parquet("regression/vocabulary.parquet", pl.DataFrame(left_out))
    for job, seconds in (
        ("train_proxies/00000-00063", "20.5"),
        ("fit_regression", "30"),
        ("search_mixture/paper", "4"),
        ("index_words", "NA"),
    ):
        path = folder / f"benchmarks/{job}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tcpu_time\n1.0\t{seconds}\n")
    front = {"name": ["pareto_000"], "weight": [0.0], "average": [0.95], "worst": [1.25]}
    parquet(
        "search/pareto.parquet", pl.DataFrame({**front, **{corpus: [1 / len(corpora)] for corpus in corpora}})
    )
    (folder / "search/tables.json").write_text(
        '{"paper": [{"k": 1, "predicted": 0.9}, {"k": 2, "predicted": 0.8}]}'
    )
    parquet(
        "regression/predictions.parquet",
        pl.DataFrame(
            {
                "mixture_id": ["m0"],
                "model": ["linear"],
                "measured": [1.0],
                "predicted": [1.1],
                "predicted_std": [0.1],
            }
        ),
    )
    mixtures = pl.DataFrame(dict(zip(corpora, np.transpose(sampled), strict=True)))
    ids = [f"m{i}" for i in range(len(sampled))]
    parquet("mixtures.parquet", mixtures.insert_column(0, pl.Series("mixture_id", ids)))
    parquet(
        "training_ledger.parquet",
        pl.concat(
            labelled(ledger(shares, 2_000_000, corpora), mixture_id=name)
            for name, shares in zip(ids, sampled, strict=True)
        ),
    )
    replicates = [(name, r, value) for name, values in measured.items() for r, value in enumerate(values)]
    parquet(
        "choice/compression.parquet",
        pl.concat(
            labelled(compression(v, 8192, corpora), name=name, replicate=r) for name, r, v in replicates
        ),
    )
    parquet(
        "choice/ledger.parquet",
        pl.concat(
            labelled(ledger(MIXTURES[name][3], 2_000_000, corpora), name=name, replicate=r)
            for name, r, _ in replicates
        ),
    )
    roles, strategies, predicted = (
        dict(candidates.select("name", column).rows()) for column in ("role", "strategy", "predicted")
    )
    objective = {"aggregate": "macro", "weights": {}, "evaluation_sets": ["held_out"], "vocab_size": 8192}
    choice = choose(measured, roles, strategies, predicted) | {"objective": objective}
    (folder / "choice/choice.json").write_text(json.dumps(choice))
    for name in full_scale:
        shares = MIXTURES[choice["chosen"] if name == "chosen" else name][3]
        parquet(f"tokenizers/{name}/ledger.parquet", ledger(shares, 10_000_000, corpora))
    measured = {name: qualities(value, corpora) for name, value in (full_scale | EXISTING).items()}
    documents = {
        name: table.select(
            "evaluation_set", "corpus", "tokens", "reference_tokens", document=pl.lit(0, pl.UInt32)
        )
        for name, table in measured.items()
    }
    section = objective | {"parallel_set": "held_out", "pivot": corpora[0]}
    parquet("validation/validation.parquet", validate(measured, documents, corpora, section, seed=1))
    scripts = pl.DataFrame({"script": ["Latin", "none"], "entries": [30_000, 2_000], "used": [0.5, 0.25]})
    parquet("validation/scripts.parquet", pl.concat(labelled(scripts, tokenizer=name) for name in measured))
    objectives = np.array([[1.0, 1.2, 1.1], [1.0, 1.3, 1.4], [1.0, 1.1, 1.2], [1.0, 1.1, 1.2]])
    of = [scale.name for scale in scales(load_config(RAW, folder))]
    nsl = np.repeat(objectives[..., None], len(corpora), axis=2)
    parquet("validation/ranks.parquet", agreement(objectives, nsl, of, corpora))
    for corpus, n_bytes in zip(corpora, (3_000_000, 6_000_000, 1_000_000), strict=True):
        counts = {
            "corpus": [corpus] * 2,
            "part": ["held_out", "train"],
            "shard": [0, 1],
            "bytes": [1_000_000, n_bytes],
        }
        parquet(f"counts/{corpus}/ledger.parquet", pl.DataFrame(counts))
    return folder


def summary(folder: Path, **changes) -> str:
    return write_summary(Results.load(write_results(folder, **changes), load_config(RAW, folder)))


def test_a_searched_mixture_wins(tmp_path):
    text = summary(tmp_path)
    assert "**Recommended: the searched mixture `paper`** (strategy paper)." in text
    # Against matched: 1 - .98/.99 = 1.0101 % and 1 - .96/.99 = 3.0303 %; mean 2.0202, standard error 1.0101.
    # Student's t with 1 degree of freedom: 12.7062 standard errors either way.
    assert "2.02 ± 1.01 % smaller than that of the best baseline, `matched`: **within the noise**" in text
    # full scale: 1 - .9/.95, from one document in each corpus, which is the same in every resample
    assert "| `matched` | baseline | +2.02 % | -10.81 to +14.85 % | +5.26 % | +5.26 to +5.26 % |" in text
    assert "| `uniform` | baseline | +3.00 % | -9.71 to +15.71 % | +10.00 % |" in text
    assert "| `best_draw` | candidate | +3.96 % | -8.62 to +16.54 % | – | – |" in text
    assert "At full scale (10.0 MB, vocabulary 32,768) it has 0.9000, 5.26 % less than" in text
    assert "`paper` has 0.9700 ± 0.0100." in text
    assert "`held_out` (3.0 MB in 3 corpora)" in text
    # natural: 6 of 10 MB; sampled between .1 and .5
    assert "| `eng` | 30.00 % | 33.33 % | 60.00 % | 10.00 % | 50.00 % | 6.0 MB |" in text
    assert "| `paper` | candidate | paper | 0.9700 ± 0.0100 | 1.2000 | +23.71 % |" in text  # 1.2 / .97
    assert "| `lightgbm` | yes | 1.23 % | 0.987 | 0.950 | 88 % | 2 |" in text
    assert "| `linear` |  | 2.50 % | – | 0.500 | – | 2 |" in text
    assert "| `heb` | `held_out` | 0.50 % | 0.900 | 0.800 | 90 % |" in text
    assert "| `lightgbm` | 16 | 3.00 % | 0.500 | 0.250 | 75 % |" in text  # the median of three repeats
    assert "| `pareto_000` | 0.9500 | 1.2500 | deu 33.33 %, eng 33.33 %, heb 33.33 % |" in text
    assert "over the limits" not in text
    assert "paper: scored 1,000,000, acceptance_rate 0.25" in text
    assert "| `held_out` (3) | `chosen` | 0.9000 | 0.9000 | 0.9000 | 1.0000 (`heb`) |" in text
    assert "lies between the lowest and the highest sampled one" in text
    assert "- Sampled proxies (2): no text was repeated; every share is within" in text
    # 10 MB of full-scale text, a third of it heb, of which there is 1 MB
    assert "most `heb` of `uniform` (read 3.33 times); every share is within" in text
    assert "demo" not in text
    assert "| 8,192 (outside of the others) | 0.23 % | 0.930 | 0.31 % | 0.910 | 0.42 % | 0.920 |" in text
    assert "smallest at k = 2:" in text
    assert "| 1 | 0.9000 |" in text


def test_a_clear_gain(tmp_path):
    measured = MEASURED | {"paper": [0.98, 0.9801]}
    assert "clear of the noise (95 % interval +0.94 to +1.07 %)" in summary(tmp_path, measured=measured)


def test_noise_unknown(tmp_path):
    one = {name: values[:1] for name, values in MEASURED.items()}
    text = summary(tmp_path / "one", measured=one)
    assert "how much of that is noise is not known." in text
    assert "| `uniform` | baseline | +2.00 % | – | +10.00 % |" in text


def test_a_baseline_wins(tmp_path):
    measured = MEASURED | {"matched": [0.9, 0.9]}
    text = summary(tmp_path, measured=measured, full_scale={"chosen": 0.95, "matched": 0.95, "uniform": 0.9})
    assert "**Recommended: the baseline `matched`. No searched candidate beat it.**" in text
    # 1 - .9/.98 = 8.163 %, 1 - .9/.96 = 6.25 %: mean 7.21, standard error .96
    assert "The best of them, `paper`, is 7.21 ± 0.96 % behind" in text
    assert "the baseline `uniform` is better**: 0.9000 against 0.9500, 5.56 %" in text  # 1 - .95/.9
    assert "| `matched` | baseline | +" not in text


def test_extrapolation_and_missed_shares(tmp_path):
    folder = write_results(tmp_path, sampled=[[0.2, 0.4, 0.4], [0.4, 0.3, 0.3]])
    path = folder / "tokenizers/chosen/ledger.parquet"
    pl.read_parquet(path).with_columns(share=pl.Series([0.53, 0.278, 0.192])).write_parquet(path)
    text = write_summary(Results.load(folder, load_config(RAW, folder)))
    assert "in 2 of 3 corpora: `deu`, `heb`." in text  # .5 above .4, .2 below .3
    # .022 of eng is above a percentage point, .008 of heb is neither above that nor 10 %
    assert "2 of 9 shares are more than 1 percentage point" in text
    assert "most `deu` of `chosen` (asked 50.00 %, given 53.00 %)" in text


def test_few_shards_are_named(tmp_path):
    folder = write_results(tmp_path)
    path = folder / "choice/ledger.parquet"
    few = (pl.col("name") == "paper") & (pl.col("corpus") == "deu")
    shards = pl.when(few).then(3).otherwise("shards")
    pl.read_parquet(path).with_columns(shards=shards).write_parquet(path)
    text = write_summary(Results.load(folder, load_config(RAW, folder)))
    # 3 MB of deu, half of the mixture: 6 MB read it once, and then heb, 1 MB, a fifth of the mixture, 1.2 times
    assert "reads few shards**: `deu` (3 of 100)." in text
    assert "of 6.0 MB or more and `proxies.max_epochs` of 2 every" in text
    assert "reads few shards" not in summary(tmp_path / "other")


def test_an_inferred_baseline_says_what_it_leaves_out(tmp_path):
    folder = write_results(tmp_path)
    (folder / "inference").mkdir()
    summary = {"tokenizer": "o200k_base", "merges": 30000, "unseen": 6000, "residual": 0.25}
    (folder / "inference/uniform.json").write_text(json.dumps(summary))
    config = load_config(RAW, folder)
    config["baselines"]["uniform"] = {"infer": {"tokenizer": "o200k_base", "merges": 30000, "bytes": 8000000}}
    text = write_summary(Results.load(folder, config))
    assert "first 30,000 merges of o200k_base; 20.00 % of them never occur here" in text
    assert "by 25.00 % of their weight" in text


def test_without_full_scale_baselines(tmp_path):
    folder = write_results(tmp_path, full_scale={"chosen": 0.9})
    config = load_config(RAW | {"training": {"vocab_size": 32768, "baselines": False}}, folder)
    text = write_summary(Results.load(folder, config))
    assert "no other mixture was trained to compare with" in text
    assert "| `uniform` | baseline | +3.00 % | -9.71 to +15.71 % | – | – |" in text


def test_the_page_about_costs(tmp_path):
    folder = write_results(tmp_path)
    page = costs(Results.load(folder, load_config(RAW, folder)))
    assert "| `paper` | 64 | 20 s | 30 s | 4 s | 54 s |" in page
    assert "| `surrogate` | 64 | 20 s | 30 s | – | – |" in page  # nobody noted how long it took


def test_the_page_about_the_tokenizers(tmp_path):
    folder = write_results(tmp_path)
    text = write_validation(Results.load(folder, load_config(RAW, folder)))
    assert "| `held_out` | `o200k_base` | +25.00 % (+25.00 to +25.00 %) |" in text  # 1 - .9/1.2
    assert "| `heb` | 1.0000 | 1.0500 | 1.1000 | 1.3000 |" in text  # .1 above the mean
    assert "| `heb` | 1.2500 | 1.2353 | 1.2222 | 1.1818 |" in text  # 1000 / 800 tokens, the pivot deu's
    assert "| Latin | 30,000 (50%) |" in text
    # a TB of each corpus at 2 / .8, 2 / .9 and 2 / 1 bytes a token: 1.35 x 10^12 tokens; 1.2: 1.8
    assert "| `chosen` | 1.35 |" in text
    assert "| `o200k_base` | 1.8 | +25.00 % |" in text
    # order of three mixtures: at 500 kB 1-3-2, then 1-2-3, which is the full scale's
    assert "| 500.0 kB, 2,048 | 1.000 | 0.500 | 0.500 | 0.500 |" in text
    assert (
        "that still rank like the full scale (Spearman of 0.97 or more, as do all larger ones) have 1.0 MB, 4,096"
        in text
    )


@pytest.mark.parametrize("corpora", [["eng", "deu", "heb"], ["deu", "eng", "pol"]])
def test_other_corpora_are_refused(tmp_path, corpora):
    folder = write_results(tmp_path, corpora=corpora)
    with pytest.raises(ValueError, match=r"candidates.parquet has the columns .* delete it and run again"):
        Results.load(folder, load_config(RAW, folder))


def test_a_table_that_lacks_a_corpus_is_refused(tmp_path):
    path = write_results(tmp_path) / "training_ledger.parquet"
    pl.read_parquet(path).filter(pl.col("corpus") != "heb").write_parquet(path)
    with pytest.raises(
        ValueError, match=r"training_ledger.parquet and the config differ in the corpora \['heb'\]"
    ):
        Results.load(tmp_path, load_config(RAW, tmp_path))


@pytest.mark.parametrize(
    "caption", sorted(Path(__file__).parents[1].glob("workflow/report/*.rst")), ids=lambda p: p.stem
)
def test_captions_render(caption, tmp_path):
    """As Snakemake does it, but every warning is an error."""
    config = load_config(RAW, tmp_path)
    template = Environment(undefined=StrictUndefined).from_string(caption.read_text())
    text = template.render(snakemake=SimpleNamespace(config=config))
    assert publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
