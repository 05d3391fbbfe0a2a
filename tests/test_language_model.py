"""Small language models: text in the same order for all, budgets, training that goes on, bits per byte, intervals."""

import json
import os
import re

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny import texts
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from trex.config import ConfigError, load_config, load_run
from trex.counting.documents import document_hashes
from trex.language_model import device, jobs
from trex.language_model.budgets import EQUAL_BYTES, EQUAL_COMPUTE, segments, steps_of
from trex.language_model.compare import compare, gain
from trex.language_model.documents import training_documents
from trex.language_model.shape import Shape
from trex.language_model.text import (
    bytes_of_documents,
    mixed_stream,
    of_bytes,
    of_proxy,
    of_tokenizer,
    shifted,
    stream,
)
from trex.report.figures import save
from trex.report.language_model_sentence import labels, sentence
from trex.report.language_models import (
    beside_recipes,
    bits_figure,
    curves_figure,
    recipes_section,
    write_language_models,
)

needs_jax = pytest.mark.skipif(
    not device.installed(), reason="JAX or Optax is not installed: ./install.sh --language-model"
)
CHECK = {
    "depth": 1, "context": 32, "batch": 8, "learning_rate": 0.01, "weight_decay": 0.1, "tied_embeddings": True,
    "byte_share": 0.1,
}  # fmt: skip
N_MEASURED = 20


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(texts("aaa"), trainer)
    return made


@pytest.fixture(scope="module")
def files(tokenizer, tmp_path_factory):
    """What the job of a row reads, of the view `words`."""
    folder = tmp_path_factory.mktemp("language_model")
    written = texts("aaa")
    training = pa.table({"text": pa.array(written[N_MEASURED:], pa.large_string())})
    measured = pa.table({"text": pa.array(written[:N_MEASURED], pa.large_string())})
    pq.write_table(training, folder / "text.parquet")
    pq.write_table(measured, folder / "documents.parquet")
    encoded = jobs.encode_view(
        tokenizer,
        "words",
        [folder / "text.parquet"],
        {("held_out", "aaa"): folder / "documents.parquet"},
        10**6,
    )
    pq.write_table(encoded.training, folder / "training.parquet")
    pq.write_table(encoded.measured, folder / "measured.parquet")
    return {"words": (folder / "training.parquet", folder / "measured.parquet", encoded.about)}


@pytest.fixture(scope="module")
def trained(files, tmp_path_factory):
    import jax

    # the tests compile the same programs again and again
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("jax")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    return jobs.train_row("words", 1, files, flops=1e18, check=CHECK)


# --- Text -----------------------------------------------------------------------------------------------------


def shown(ids: np.ndarray) -> str:
    return "".join(chr(i) if i < 256 else "|" for i in ids)


def test_a_stream_has_every_document_between_borders_in_the_same_order_for_all():
    written = ["aab", "b", "ccc"]
    orders = {shown(stream(bytes_of_documents(written), of_bytes(), seed)) for seed in range(20)}
    assert {"|aab|b|ccc|", "|ccc|b|aab|"} < orders
    longer = [2 * text for text in written]
    for seed in range(3):
        ids, other = (shown(stream(bytes_of_documents(of), of_bytes(), seed)) for of in (written, longer))
        assert other == "|".join(2 * text for text in ids.split("|"))


def test_proxy_compression_reads_some_documents_raw_and_drops_the_tokens_at_the_end():
    written = [f"text {i}" for i in range(2000)]
    vocabulary = of_proxy(300)
    raw = bytes_of_documents(written)
    compressed = shifted(bytes_of_documents(["x"] * 2000), vocabulary.other.first)
    ids = mixed_stream(raw, compressed, vocabulary, 0.1, seed=1)
    text = shown(ids)  # of both borders, as "|", and x for tokens
    texts_of_raw = re.findall(r"text \d+", text)
    assert 150 < len(texts_of_raw) < 260
    border, other = vocabulary.measured.border, vocabulary.other.border
    ends = [i for i, id in enumerate(ids[:-1]) if id < 256 and ids[i + 1] >= 256]
    assert (
        ids[[i + 1 for i in ends]] == border
    ).all()  # a raw document ends with the border of its own view,
    assert len(ends) == len(texts_of_raw)
    begins = [i for i, id in enumerate(ids) if i and id < 256 and ids[i - 1] >= 256]
    assert (ids[[i - 1 for i in begins]] == border).all()  # and begins after it
    assert (ids == other).sum() > 1700
    assert ids.max() < vocabulary.size == 256 + 1 + 300 + 1
    possible = vocabulary.measured.possible(vocabulary.size)
    assert possible.sum() == 257
    assert not possible[vocabulary.other.first :].any()


def test_training_documents_are_those_of_the_tokenizers_each_once_until_there_are_enough():
    written = [f"document {i:03d}" for i in range(100)]
    array = pa.array([*written, *written, "not for training"], pa.large_string())
    hashes = np.sort(document_hashes(pa.array(written, pa.large_string()), 1))
    assert training_documents([array], hashes, 1, "nfc", 10**6).to_pylist() == written
    assert training_documents([array], hashes, 1, "nfc", 25).to_pylist() == written[:3]  # 12 bytes each
    assert training_documents([array.slice(0, 2), array], hashes, 1, "nfc", 36).to_pylist() == written[:3]
    assert len(training_documents([array], hashes, 1, "nfc", 0)) == 0


def test_a_tokenizer_that_loses_text_is_refused(tmp_path):
    lossy = Tokenizer(models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    lossy.pre_tokenizer = pre_tokenizers.Whitespace()
    pq.write_table(pa.table({"text": ["a b"]}), tmp_path / "text.parquet")
    with pytest.raises(ValueError, match="the tokenizer lossy does not give back the text"):
        jobs.encode_view(
            lossy, "lossy", [tmp_path / "text.parquet"], {("s", "c"): tmp_path / "text.parquet"}, 100
        )


def test_a_tokenizer_may_normalize_and_lose_nothing_else(tokenizer, tmp_path):
    """Bytes are those of the text that all are given."""
    folding = Tokenizer.from_str(tokenizer.to_str())
    folding.normalizer = normalizers.NFKC()
    pq.write_table(pa.table({"text": ["ﬁn", "b"]}), tmp_path / "text.parquet")
    at = [tmp_path / "text.parquet"], {("s", "c"): tmp_path / "text.parquet"}, 100
    for view, normalizer in ((tokenizer, "none"), (folding, "nfkc")):
        assert jobs.encode_view(view, "x", *at, normalizer).measured["bytes"].to_pylist() == [4, 1]
    with pytest.raises(ValueError, match="the tokenizer x does not give back the text"):
        jobs.encode_view(folding, "x", *at, "nfc")


# --- Budgets --------------------------------------------------------------------------------------------------


def test_flops_by_hand():
    shape = Shape(depth=2, vocab_size=1000, context=100)  # width 128
    assert shape.block_parameters == 2 * 12 * 128**2 == 393_216
    assert shape.parameters == 393_216 + 128_000
    # 6 for each parameter that multiplies, and for attention 3 times 2 x 2 x (100 / 2 seen) x 128 in each of 2 blocks
    assert shape.training_flops == 6 * (393_216 + 128_000) + 3 * 2 * 2 * 2 * 50 * 128
    assert Shape(2, 1000, 100, tied_embeddings=False).training_flops == shape.training_flops


def test_both_budgets_share_the_steps_before_the_rate_falls():
    steps = steps_of(tokens=10_000, flops_per_token=2.0, equal_flops=10_000.0, step_tokens=100)
    assert steps == {EQUAL_BYTES: 100, EQUAL_COMPUTE: 50}
    plan = segments(steps)
    assert [(part.first, part.last, part.budgets) for part in plan] == [
        (0, 40, ()), (40, 50, (EQUAL_COMPUTE,)), (40, 80, ()), (80, 100, (EQUAL_BYTES,)),
    ]  # fmt: skip
    assert plan[0].rates[-1] == plan[2].rates[0] == plan[3].rates[0] == 1
    assert plan[3].rates[-1] == pytest.approx(1 / 20)
    assert [part.budgets for part in segments({"a": 30, "b": 30})] == [(), ("a", "b")]
    with pytest.raises(ValueError, match=r"at least 4 are needed: raise language_model\.check\.bytes"):
        steps_of(300, 2.0, 600.0, 100)
    view = {"ids": 300, "border": 0, "tokens": 2000, "documents": 10, "bytes": 9000, "sha256": "a"}
    large = view | {"ids": 200_000, "sha256": "b"}
    check = {**CHECK, "batch": 8, "context": 32}
    assert jobs.equal_flops(["chosen"], {"chosen": view}, check)["bytes"] == 9000
    with pytest.raises(
        ValueError, match=r"^`o200k_base`: 2,010 tokens of text, \d+ of them at equal compute"
    ):
        jobs.equal_flops(["chosen", "o200k_base"], {"chosen": view, "o200k_base": large}, check)


# --- Training and measuring -----------------------------------------------------------------------------------


@needs_jax
def test_loss_falls_below_the_unigram_entropy(trained, files):
    from trex.language_model.text import Documents

    ids = Documents.read(files["words"][0]).ids
    shares = np.bincount(ids) / len(ids)
    entropy = -(shares[shares > 0] * np.log2(shares[shares > 0])).sum()
    of_bytes_budget = trained.bits.filter(budget=EQUAL_BYTES)
    assert of_bytes_budget["bits"].sum() / (of_bytes_budget["tokens"] + 1).sum() < entropy - 0.5
    assert trained.curve["nats"][-1] < trained.curve["nats"][0]


@needs_jax
def test_a_uniform_model_needs_log2_v_bits_a_token(trained, files):
    """Also that every token counts once, in documents of several windows."""
    import jax

    from trex.language_model.evaluate import make_measure, windows
    from trex.language_model.model import initial_parameters
    from trex.language_model.text import Documents

    documents = Documents.read(files["words"][1])
    n = files["words"][2]["ids"]
    vocabulary = of_tokenizer(n, 0)
    shape = Shape(1, n, 32)
    assert documents.tokens.max() > 32
    measure = make_measure(shape, vocabulary.measured.possible(shape.rows), 256)
    zeros = jax.tree.map(lambda x: 0 * x[None], initial_parameters(jax.random.key(0), shape))
    bits = measure(zeros, windows(documents, 0, 32), len(documents))[0]
    assert bits / documents.n_bytes == pytest.approx(
        np.log2(n) * (documents.tokens + 1) / documents.n_bytes, rel=1e-6
    )


@needs_jax
def test_a_frequent_token_gets_its_whole_gradient():
    """In bfloat16, where that of a look-up ends at 256: one more is lost in rounding."""
    import jax
    import jax.numpy as jnp

    from trex.language_model.model import rows_by_product

    embedding, ids = jnp.zeros((64, 4), jnp.bfloat16), jnp.full((4, 512), 7)
    looked_up = jax.grad(lambda rows: rows[ids].astype(jnp.float32).sum())(embedding)
    assert looked_up[7].tolist() == [256.0] * 4  # if this changes, a look-up does
    gradient = jax.grad(lambda rows: rows_by_product(rows, ids).astype(jnp.float32).sum())(embedding)
    assert gradient[7].tolist() == [2048.0] * 4
    assert not gradient[8:].any()


@needs_jax
def test_the_code_for_gpus_computes_what_that_for_cpus_does(monkeypatch):
    """Both on a CPU: with matrices in bfloat16, and the gradient of the embedding as a matrix product."""
    import jax
    import jax.numpy as jnp

    from trex.language_model.model import initial_parameters, losses

    shape = Shape(1, 300, 32)
    zeros = initial_parameters(jax.random.key(0), shape)  # some of them are
    parameters = jax.tree.map(lambda x: x + 0.1 * jax.random.normal(jax.random.key(x.size), x.shape), zeros)
    tokens = jnp.asarray(np.random.default_rng(0).integers(0, 300, (4, 33))).at[3, 20:].set(-1)
    possible = jnp.arange(shape.rows) < shape.vocab_size

    def nats(parameters):
        return losses(parameters, tokens, possible).mean()

    loss, gradient = jax.value_and_grad(nats)(parameters)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    on_gpu, gradient_on_gpu = jax.value_and_grad(nats)(parameters)
    assert float(on_gpu) == pytest.approx(float(loss), rel=1e-3)
    for name, expected in gradient.items():
        far = jnp.linalg.norm(gradient_on_gpu[name] - expected) / jnp.linalg.norm(expected)
        assert float(far) < 0.03, name


@needs_jax
def test_a_killed_training_goes_on_with_the_same_numbers(trained, files, tmp_path, monkeypatch):
    """And a tokenizer against itself gives equal bits."""
    from trex.language_model import train

    checkpoint = tmp_path / "checkpoint.npz"
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0.0)
    saved, save = [], train.save

    last, kept = [], tmp_path / "kept.npz"

    def save_and_die(progress, path, identity):
        save(progress, path, identity)
        saved.append(progress.step)
        last[:] = [(progress.state, identity)]
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(train, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        jobs.train_row("words", 1, files, 1e18, CHECK, checkpoint)
    assert list(tmp_path.iterdir()) == [checkpoint]
    kept.write_bytes(checkpoint.read_bytes())
    again = jobs.train_row("words", 1, files, 1e18, CHECK, checkpoint)
    assert again.bits.equals(trained.bits)
    assert again.curve.equals(trained.curve)

    whole, (like, identity) = kept.read_bytes(), last[0]
    assert train.load(kept, like, identity) is not None
    flipped = [bytearray(whole) for _ in range(20)]
    for i, content in enumerate(flipped):
        content[len(content) * i // 20] ^= 1 << i % 8
    for damaged in (b"", b"half", whole[: len(whole) // 2], whole[:-1], *flipped):
        kept.write_bytes(damaged)
        assert train.load(kept, like, identity) is None


@needs_jax
def test_a_checkpoint_of_another_training_is_not_taken(files, tmp_path, monkeypatch):
    """Of other text, or of other documents to measure, which are part of the digest; or by other code."""
    from trex.language_model import train

    checkpoint, identities = tmp_path / "checkpoint.npz", []
    checkpoint.touch()

    def look(path, like, identity):
        identities.append(identity)
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "load", look)
    training, measured, about = files["words"]
    other = {"words": (training, measured, about | {"sha256": "0"})}
    for read, code in ((files, ""), (other, ""), (files, "new"), (files, "")):
        with pytest.raises(KeyboardInterrupt):
            jobs.train_row("words", 1, read, 1e18, CHECK, checkpoint, code=code)
    assert len(set(identities)) == 3


def test_without_jax_the_error_says_what_to_type(monkeypatch):
    monkeypatch.setattr(device, "installed", lambda: False)
    with pytest.raises(ValueError, match=r"run \./install\.sh --language-model"):
        device.prepare()


def test_jobs_share_a_gpu_unless_the_user_wants_otherwise(monkeypatch):
    monkeypatch.setattr(device, "installed", lambda: True)
    monkeypatch.setenv("XLA_FLAGS", "--mine=1")
    for given, taken in ((None, "false"), ("true", "true")):
        monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE", raising=False)
        if given:
            monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", given)
        device.prepare()
        assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == taken
    assert os.environ["XLA_FLAGS"].startswith("--mine=1 --xla_cpu")


# --- Comparing ------------------------------------------------------------------------------------------------


def _bits(factors: dict[str, float], seeds: int, noise: float) -> dict:
    """Tables of bits of 30 documents in two corpora, as many times as many for each row."""
    rng = np.random.default_rng(1)
    n_bytes, base = rng.integers(500, 1500, 60), rng.uniform(1.8, 2.2, 60)
    tables = {}
    for row, factor in factors.items():
        for seed in range(1, seeds + 1):
            of_seed = np.exp(0.05 * np.sin(seed) + noise * rng.standard_normal())
            of = pl.DataFrame(
                {
                    "evaluation_set": ["held_out"] * 60, "corpus": ["aaa"] * 30 + ["bbb"] * 30,
                    "document": [*range(30)] * 2, "bytes": n_bytes, "tokens": n_bytes // 4,
                    "bits": n_bytes * base * factor * of_seed,
                }
            )  # fmt: skip
            budgets = [
                of.select(pl.lit(budget).alias("budget"), pl.all()) for budget in (EQUAL_BYTES, EQUAL_COMPUTE)
            ]
            tables[row, seed] = pl.concat(budgets)
    return tables


ABOUT = {"reading_flops_per_token": 2e6, "parameters": 1_400_000}


def test_gains_are_paired_and_their_interval_holds_the_truth():
    factors = {"chosen": 0.98, "uniform": 1.0, "same": 1.0}
    table = compare(_bits(factors, 3, 0.001), dict.fromkeys(factors, ABOUT), seed=1)
    row = table.filter(row="chosen", against="uniform", metric="gain_macro", budget=EQUAL_COMPUTE).row(
        0, named=True
    )
    assert row["low"] < 2 < row["high"]
    assert row["high"] - row["low"] < 1.5  # though seeds move all rows by several percent
    assert re.search(r"needs (1\.9|2\.0)\d ± 0", sentence(table))
    assert "fewer bits per byte with `chosen` than with `uniform`" in sentence(table)
    no_difference = compare(
        _bits({"chosen": 1.0, "uniform": 1.0}, 3, 0.001), dict.fromkeys(factors, ABOUT), seed=1
    )
    assert sentence(no_difference).startswith("No difference could be measured")
    table = table.filter(budget=EQUAL_COMPUTE, row="same")
    capacity = table.filter(metric="information_capacity")["value"].item()
    macro = table.filter(metric="bpb_macro")["value"].item()
    assert capacity == pytest.approx((8 - macro) / np.log2(2e6 / 4), rel=1e-3)


def test_the_page_has_every_row_and_corpus_and_the_figures_can_be_drawn(tmp_path):
    tables = _bits({"chosen": 0.98, "raw_bytes": 1.3, "chosen.and_bytes": 1.1}, 2, 0.001)
    of = {**ABOUT, "vocab_size": 500, "flops_per_token": 6e6}
    about = dict.fromkeys(("chosen", "raw_bytes", "chosen.and_bytes"), of)
    table = compare(tables, about, seed=1)
    check = {"depth": 2, "seeds": 2, "bytes": 2_000_000}
    page = write_language_models(table, about, check, {"flops": 1e12, "same": {}, "bytes": 1_990_000})
    for text in (
        sentence(table),
        "Proxy Compression of `chosen`",
        "on 2.0 MB of text that",
        "`bbb`",
        "1e+12 operations",
    ):
        assert text in " ".join(page.split())
    assert re.search(r"60 documents, \d\d\.\d kB, 30 a corpus\.", page)
    curve = pl.DataFrame(
        {"step": [1, 2, 3], "tokens": [9, 18, 27], "budget": [None, None, "bytes"], "nats": [3.0, 2, 1]}
    )
    for name, figure in (
        ("bits", bits_figure(table)),
        ("curves", curves_figure(dict.fromkeys(tables, curve), about, labels(table))),
    ):
        save(figure, tmp_path / f"{name}.svg")


def test_a_row_that_is_another_one_is_named_with_it_and_counts_once():
    factors = {"chosen": 1.0, "natural": 1.02}
    tables = _bits(factors, 3, 0.001)
    of = {**ABOUT, "vocab_size": 500, "flops_per_token": 6e6}
    about = dict.fromkeys(factors, of)
    same = {"matched": "chosen", "uniform": "chosen", "tempered": "natural"}
    table, without = compare(tables, about, 1, same), compare(tables, about, 1)
    assert table.filter(pl.col("metric") != "same_model").equals(without)  # intervals included
    assert labels(table) == {
        "chosen": "`chosen` = `matched` = `uniform`",
        "natural": "`natural` = `tempered`",
    }
    assert sentence(table).startswith("The tokenizers `chosen` and `uniform` make the same tokens")
    apart = compare(tables, about, 1, {"matched": "chosen", "tempered": "natural"})
    assert "fewer bits per byte with `chosen` than with `natural`" in sentence(apart)
    alone = {key: of for key, of in tables.items() if key[0] == "chosen"}
    assert "`chosen` and `matched` make the same tokens" in sentence(
        compare(alone, about, 1, {"matched": "chosen"})
    )
    assert sentence(compare(alone, about, 1)) is None
    check = {"depth": 2, "seeds": 3, "bytes": 2_000_000}
    page = write_language_models(table, about, check, {"flops": 1e12, "same": same, "bytes": 500_000})
    said = " ".join(page.split())
    assert "Rows with several names make the same tokens of all this text" in said
    assert "on 500.0 kB of text (`language_model.check.bytes` asks for 2.0 MB) that" in page.replace(
        "\n", " "
    )
    assert re.search(r"\| `natural` = `tempered` +\|", page)
    assert [of["name"] for of in beside_recipes(table)] == list(labels(table).values())


def test_recipes_are_told_apart_from_the_first_one_each():
    factors = {"plain": 1.0, "superwords": 0.98, "parity": 1.03, "same": 1.0}
    table = compare(_bits(factors, 3, 0.001), dict.fromkeys(factors, ABOUT), seed=1)
    said = sentence(table)
    assert re.search(r"against `plain`: fewer with `superwords` \((1\.9|2\.0)\d ± 0", said)
    assert re.search(r"; more with `parity` \((2\.[89]|3\.0)\d ± 0", said)
    assert "; no difference could be measured with `same`" in said
    section = recipes_section(table)
    assert said in section
    assert section.count("\n| `") == 4
    first, better, *_ = beside_recipes(table)
    assert first["gain_compute"] is None
    assert better["gain_bytes"]["low"] < 2 < better["gain_bytes"]["high"]
    # another tokenizer that gives the same tokens gives equal bits
    tables = _bits({"plain": 1.0}, 2, 0.001)
    tables |= {("again", seed): of for (_, seed), of in tables.items()}
    again = compare(tables, dict.fromkeys(("plain", "again"), ABOUT), seed=1)
    assert beside_recipes(again)[1]["gain_compute"] == pytest.approx(
        {"value": 0, "low": 0, "high": 0}, abs=1e-9
    )


def test_one_seed_gives_no_interval_and_a_row_against_itself_no_gain():
    values = np.full((5, 2, 1), 2.0)
    assert gain(values, 0, 1, [0, 1], [9]) == (0.0, None, None)
    assert "one seed, or one document of a corpus, cannot tell" in sentence(
        compare(
            _bits({"chosen": 0.9, "uniform": 1.0}, 1, 0.0),
            dict.fromkeys(("chosen", "uniform"), ABOUT),
            seed=1,
        )
    )


def covered(sds: list[float], seeds: int, clones: int = 0) -> float:
    """How often the 95 % interval of the first two rows, which are equal, holds 0; sds: the noise of each row in %.
    clones: more rows, that are copies of each other."""
    rng, times = np.random.default_rng(1), 800
    held = 0
    for _ in range(times):
        noise = 0.01 * np.array(sds)[:, None] * rng.standard_normal((len(sds), seeds))
        copies = np.repeat(0.01 * rng.standard_normal((1, seeds)), clones, axis=0)
        values = np.repeat(np.exp(np.concatenate([noise, copies]))[None], 2, axis=0)
        _, low, high = gain(values, 0, 1, range(len(sds) + clones), [1000])
        held += low < 0 < high
    return held / times


def test_intervals_hold_the_truth_whatever_other_rows_there_are():
    assert covered([1, 1], 3) == pytest.approx(0.95, abs=0.02)
    assert covered([1] * 4, 2) == pytest.approx(0.95, abs=0.02)
    assert 0.95 < covered([1] * 9, 3) < 0.99
    assert covered([2, 2] + [0.3] * 6, 3) > 0.85  # 0.67 if all rows counted in full
    assert covered([1, 1], 3, clones=8) > 0.88  # 0.73
    # rows of another kind do not count
    tables = _bits({"chosen": 1.0, "uniform": 1.01}, 3, 0.001)
    noisy = _bits({"raw_bytes": 1.3, "chosen.and_bytes": 2.0}, 3, 0.2)
    of = dict.fromkeys(("chosen", "uniform", "raw_bytes", "chosen.and_bytes"), ABOUT)
    gains = pl.col("row").is_in(["chosen", "uniform"]) & pl.col("against").is_in(["chosen", "uniform"])
    assert compare(tables | noisy, of, 1).filter(gains).equals(compare(tables, of, 1).filter(gains))


def test_intervals_of_few_documents_are_wide_and_said_to_be():
    """Documents alone are noisy here, the first two rows are equal."""
    rng, times = np.random.default_rng(1), 300
    for n in (2, 5):
        held = 0
        for _ in range(times):
            noise = rng.lognormal(0, 0.02, (2, n))
            frame = {
                "evaluation_set": ["s"] * n,
                "corpus": ["a"] * n,
                "document": range(n),
                "bytes": [100] * n,
            }
            tables = {
                (row, seed): pl.DataFrame(
                    {"budget": ["compute"] * n, **frame, "tokens": [25] * n, "bits": 200 * noise[i]}
                )
                for i, row in enumerate(("chosen", "uniform"))
                for seed in (1, 2)
            }
            table = compare(tables, dict.fromkeys(("chosen", "uniform"), ABOUT), 1)
            low, high = table.filter(row="chosen", metric="gain_macro").select("low", "high").row(0)
            held += low < 0 < high
        assert held / times > 0.88, n
    # a corpus with one document, beside one with many; documents that are very unlike
    for corpora, bits in ((["a"] + ["b"] * 40, [200.0] * 41), (["a", "a"], [250.0, 30.0])):
        n = len(bits)
        frame = {"evaluation_set": ["s"] * n, "corpus": corpora, "document": range(n), "bytes": [100] * n}
        of = {"budget": ["compute"] * n, **frame, "tokens": [25] * n}
        tables = {
            (row, seed): pl.DataFrame({**of, "bits": [b * rng.lognormal(0, 0.01) for b in bits]})
            for row in ("chosen", "uniform")
            for seed in (1, 2)
        }
        few = compare(tables, dict.fromkeys(("chosen", "uniform"), ABOUT), 1)
        row = few.filter(row="chosen", metric="gain_macro").row(0, named=True)
        assert (row["low"] is None) == (corpora[1] == "b")
        assert not few["low"].is_nan().any()
    of = {**ABOUT, "vocab_size": 500}
    check = {"depth": 1, "seeds": 2, "bytes": 10}
    page = write_language_models(
        table, dict.fromkeys(("chosen", "uniform"), of), check, {"flops": 1.0, "same": {}, "bytes": 10}
    )
    assert "Fewer than 10 documents" in page


def test_other_documents_are_not_compared():
    tables = _bits({"chosen": 1.0, "uniform": 1.0}, 2, 0.0)
    tables["uniform", 2] = tables["uniform", 2].with_columns(bytes=pl.col("bytes") + 1)
    with pytest.raises(ValueError, match="uniform and chosen were not measured on the same documents"):
        compare(tables, {}, seed=1)


# --- Config ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ({"mixtures": ["unifrom"]}, r"check\.mixtures\[0\].*is no full-scale tokenizer.*uniform"),
        ({"existing": ["gpt2"]}, r"check\.existing\[0\].*is not in validation\.tokenizers"),
        (
            {"proxy_compression": ["natural"]},
            r"check\.proxy_compression\[0\].*is not in language_model\.check\.mix",
        ),
    ],
)
def test_rows_that_do_not_exist_are_refused(check, problem, tmp_path):
    raw = {"corpora": {name: {"source": {"demo": name}} for name in ("deu", "fra")}}
    assert json.dumps(load_config({**raw, "language_model": {"check": check}}, tmp_path))  # off
    with pytest.raises(ConfigError, match=problem):
        load_config({**raw, "language_model": {"check": {"seeds": 2, **check}}}, tmp_path)


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ({"recipes": ["d"]}, r"check\.recipes\[0\]: \"d\" is no recipe.*a, b, c"),
        (
            {"recipes": "all"},
            r"check\.mixtures\[1\].*\"uniform\" is no full-scale tokenizer of the recipes b, c;.*false",
        ),
        ({"recipes": "some"}, r"check\.recipes: \"some\" is not a list or all"),
    ],
)
def test_recipes_that_have_no_such_tokenizer_are_refused(check, problem, tmp_path):
    raw = {
        "corpora": {name: {"source": {"demo": name}} for name in ("deu", "fra")},
        "recipes": {"a": {}, **{name: {"training": {"baselines": False}} for name in "bc"}},
    }
    with pytest.raises(ConfigError, match=problem):
        load_run({**raw, "language_model": {"check": {"seeds": 2, **check}}}, tmp_path)
    run, loaded = load_run({**raw, "language_model": {"check": {"seeds": 2, "recipes": ["a"]}}}, tmp_path)
    assert run["language_model"]["check"]["seeds"] == 2
    assert [recipe["language_model"]["check"]["seeds"] for recipe in loaded.values()] == [0, 0, 0]
    with pytest.raises(ConfigError, match=r"check\.recipes: the run has no recipes"):
        load_config(
            {"corpora": raw["corpora"], "language_model": {"check": {"seeds": 2, "recipes": "all"}}}, tmp_path
        )
