"""What a training may take, and what it takes: planned, refused, and counts beyond 32 bits."""

import numpy as np
import pytest
from small_index import CORPORA, TOKENIZER, build_index

from trex.bpe import specification
from trex.bpe.byte_alphabet import spell
from trex.bpe.memory import training_bytes
from trex.bpe.training import train_bpe
from trex.memory import memory_left
from trex.proxies import train


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def group(folder, limit, usage, cache):
    write(folder / "memory.max", limit)
    write(folder / "memory.current", usage)
    write(folder / "memory.stat", f"anon 5\nfile {cache}\n")


def test_the_tightest_limit_counts(tmp_path):
    write(tmp_path / "proc/meminfo", "MemTotal: 9 kB\nMemAvailable: 8000000 kB\n")
    assert memory_left(tmp_path, {}) == (8_192_000_000, "this machine")
    write(tmp_path / "proc/self/cgroup", "0::/jobs/one\n")
    cgroups = tmp_path / "sys/fs/cgroup"
    group(cgroups / "jobs/one", "max", "700", 100)
    assert memory_left(tmp_path, {})[1] == "this machine"
    group(cgroups / "jobs", "5000000000", "3000000000", 1_000_000_000)
    assert memory_left(tmp_path, {}) == (3_000_000_000, "the control group of this process (cgroup)")
    left, whose = memory_left(tmp_path, {"SLURM_MEM_PER_CPU": "1000", "SLURM_CPUS_ON_NODE": "2"})
    assert left < 2000 * 2**20
    assert "SLURM" in whose
    assert memory_left(tmp_path, {"SLURM_MEM_PER_NODE": "0"})[0] == 3_000_000_000
    write(tmp_path / "proc/self/cgroup", "4:memory:/a\n")
    for name, value in {"limit_in_bytes": "900", "usage_in_bytes": "400", "stat": "total_cache 50"}.items():
        write(cgroups / f"memory/a/memory.{name}", value)
    assert memory_left(tmp_path, {})[0] == 550


def test_a_training_that_does_not_fit_is_refused(tmp_path, monkeypatch):
    trainer = train.Trainer(build_index(tmp_path, 3), TOKENIZER, None, [400])
    shares = np.full(len(CORPORA), 1 / len(CORPORA))
    trainer.train(shares)
    monkeypatch.setattr(train, "memory_left", lambda: (1_000_000, "this machine"))
    with pytest.raises(
        ValueError, match=r"needs [\d.]+ GB of memory, and this machine leaves 0\.0 GB\. Give"
    ):
        trainer.train(shares)


def test_memory_of_a_large_training():
    words = 60_000_000
    assert 150 * words < training_bytes(words, 18 * words, 200_000, 40) < 165 * words


def test_pairs_counted_beyond_32_bits():
    """A pair that occurs 3e9 times, sums above 2^32, and weights on both sides of 2^23, 2^31 and 2^32."""
    words = {
        b"ab": 3 * 10**9,
        b"xab": 2**32 + 1,
        b"cd": 2**33,
        b"cde": 2**31,
        b"ef": 2**23,
        b"efg": 2**23 - 1,
    }
    words |= {b"gh": 2**31 - 1, b"ghab": 2**32 - 1, b"q" * 9: 10**9}
    model = train_bpe(
        list(words), np.array(list(words.values())), 266, eval_counts=np.array([list(words.values())])
    )
    _, merges = specification.train(words, 266)
    assert [(spell(a), spell(b)) for a, b in model.merges] == merges
    assert merges[0] == ("a", "b")  # 3e9 + 2^32 + 1 + 2^32 - 1
    merged = 3 * 10**9 + 2 * 2**32
    assert model.token_counts(256)[0] - model.token_counts(257)[0] == merged
