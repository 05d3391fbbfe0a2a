"""report.html: its numbers are Python's, its tokens those of `tokenizers`, and a browser shows it.

Needs node and, in page/, `npm ci`; the last test also Chromium. Without them, tests are skipped and say so.
"""

import base64
import hashlib
import itertools
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from made_up_page import TEXT, surfaces, tokenizer, write_made_up_page, write_made_up_recipes_page

from trex.bpe.byte_alphabet import spell
from trex.counting.patterns import PATTERNS
from trex.counting.pretokenize import count_words
from trex.objective.aggregate import AGGREGATES, Aggregate
from trex.objective.targets import TargetObjective
from trex.report.page_data import slim
from trex.surfaces.select import objective_std
from trex.tokenizer.encode import of_plain_text
from trex.tokenizer.other_algorithms import build, train

PAGE = Path(__file__).parents[1] / "page"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
K = 6
# The last has the name of a column of the page's table.
HOSTILE = ["<script>alert(1)", '<img src=x onerror=alert(1)> "&amp; {x}', "why"]
needs_node = pytest.mark.skipif(
    not (shutil.which("node") and (PAGE / "node_modules").exists()),
    reason="needs node, and `npm ci` in page/",
)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)"
)


def node(*arguments: str | Path) -> None:
    done = subprocess.run(
        ["node", *map(str, arguments)], cwd=PAGE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def mixtures(n: int, k: int) -> np.ndarray:
    """Random ones, some of which have shares of nearly 0."""
    rng = np.random.default_rng(1)
    return np.vstack([rng.dirichlet(np.ones(k), n - n // 4), rng.dirichlet(np.full(k, 0.1), n // 4)])


@needs_node
def test_surfaces_predict_as_in_python(tmp_path):
    shares, residuals = mixtures(1000, K), np.random.default_rng(2).normal(0, 1, (8, K))
    tokens = np.arange(1, K + 1)[None] * 1000
    kinds = surfaces(K)
    cases, expected = {}, {}
    for (name, surface), aggregate in zip(kinds.items(), itertools.cycle(AGGREGATES)):
        weights = np.arange(K) + 1.0
        objective = TargetObjective(Aggregate(aggregate, weights), tokens)
        section = {
            "aggregate": aggregate, "weights": weights.tolist(), "sharpness": 20.0, "sets": ["held_out"], "counted": 1,
            "reference_tokens": tokens.tolist(), "columns": objective.columns,
        }  # fmt: skip
        cases[name] = {"surface": slim(surface.to_json()), "residuals": residuals.tolist()}
        cases[name] |= {"shares": shares.tolist(), "objective": section}
        mean, std = surface.predict(shares)
        expected[name] = (mean, std, objective(mean), objective_std(mean, std, residuals, objective))
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    node("tools/predict.mjs", tmp_path / "cases.json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    for name, values in expected.items():
        for key, value in zip(("mean", "std", "value", "valueStd"), values, strict=True):
            np.testing.assert_allclose(found[name][key], value, atol=1e-9, rtol=1e-9, err_msg=f"{name} {key}")


@needs_node
def test_text_is_cut_as_by_tokenizers(tmp_path):
    texts = [
        "",
        " ",
        TEXT,
        "It's we'LL I'ſ dON'T",
        "12345 ١٢٣ Ⅳ ½",
        "x\r\n\r\ny\n\n z\t\tq",
        "\ufeffbom \u0085 \u00a0",
    ]
    texts += [
        "<|endoftext|>",
        "a\u0000b",
        "👩‍👩‍👧‍👦 🇩🇪",
        "e\u0301\u0323 각 Ａ１ 𝒳𝓎",
        "//---==\n\n  foo_bar(x)->y;",
    ]
    cases, expected = [], []
    spelled = Counter(map(spell, count_words(TEXT, "default")))
    others = {
        name: build(train(name, spelled.items(), 700, ["<|endoftext|>"]), ["<|endoftext|>"], "default", "nfc")
        for name in ("unigram", "wordpiece")
    }
    of_patterns = {name: tokenizer(pattern) for name, pattern in PATTERNS.items()}
    for made in (of_patterns | others).values():
        plain = of_plain_text(made)
        cases.append({"json": json.loads(made.to_str()), "texts": texts})
        expected.append([plain.encode(text, add_special_tokens=False).ids for text in texts])
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    node("tools/encode.mjs", tmp_path / "cases.json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    for name, ours, theirs in zip(of_patterns | others, found, expected, strict=True):
        for text, got, wanted in zip(texts, ours, theirs, strict=True):
            assert got == wanted, (name, text)


@needs_node
def test_sliders_and_yaml():
    node("--test", *sorted((PAGE / "test").glob("*.test.mjs")))


@needs_node
def test_bundle_is_what_the_sources_give():
    node("build.mjs", "--check")


def test_page_is_one_safe_file(tmp_path):
    page = write_made_up_page(tmp_path, {8192: surfaces(3)["linear"]}, HOSTILE)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "<script>alert" not in page
    assert "<img" not in page.replace(script, "")
    assert not re.findall(r'(?:src|href)="(?!#)', page.replace(script, ""))


def test_equal_tokenizers_are_carried_once_and_too_large_ones_not(tmp_path, monkeypatch):
    def carried(page: str) -> tuple[list[dict], list[str]]:
        (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
        data = json.loads(text)
        return data["tokenizers"], data["left_out"]

    page = write_made_up_page(tmp_path, {8192: surfaces(3)["linear"]})
    blocks = [("default", 0), ("multilingual", 1), ("equal", 0)]
    assert carried(page) == ([{"name": name, "block": block} for name, block in blocks], [])
    assert re.findall(r'id="(tokenizer-.)"', page) == ["tokenizer-0", "tokenizer-1"]
    monkeypatch.setattr("trex.report.page.PAGE_BYTES", len(page.encode()) - 1500)
    monkeypatch.setattr("trex.report.page.MARGIN", 0)
    page = write_made_up_page(tmp_path, {8192: surfaces(3)["linear"]})
    assert carried(page)[1] == ["multilingual"]


@needs_node
@needs_chromium
def test_browser(tmp_path):
    kinds = surfaces(3)
    by_size = {2048: kinds["stack"], 8192: kinds["gaussian_process"]}
    pages = {}
    for name, corpora in (("plain", ["deu", "eng", "heb"]), ("hostile", HOSTILE)):
        (tmp_path / name).mkdir()
        pages[name] = tmp_path / f"{name}.html"
        pages[name].write_text(write_made_up_page(tmp_path / name, by_size, corpora), encoding="utf-8")
    pages["recipes"] = tmp_path / "recipes.html"
    pages["recipes"].write_text(write_made_up_recipes_page(["deu", "eng", "heb"]), encoding="utf-8")
    shares = mixtures(1000, 3)
    (tmp_path / "ask.json").write_text(json.dumps({"shares": shares.tolist(), "text": TEXT}))
    node(
        "tools/browser.mjs",
        CHROMIUM,
        *pages.values(),
        tmp_path / "ask.json",
        tmp_path / "found.json",
    )
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["problems"] == []  # errors in the console, requests
    assert found["violations"] == []  # of axe-core
    assert found["overflow"] == 0  # at a phone's width
    assert found["hidden_columns"] == []  # of recipes.html at 1,200 pixels
    before, after, more = found["names_at"]
    assert before == after
    assert not more
    assert found["sums"] == pytest.approx([1] * len(found["sums"]), abs=1e-9)
    assert len(set(found["locked"])) == 1  # whatever the other controls do
    assert found["isDisabled"]
    assert found["isMoved"]
    assert list(found["predicted"]) == ["2048", "8192"]  # the sizes of the slider
    for size, predicted in found["predicted"].items():
        mean, std = by_size[int(size)].predict(shares)
        np.testing.assert_allclose(predicted["mean"], mean, atol=1e-9, rtol=1e-9)
        np.testing.assert_allclose(predicted["std"], std, atol=1e-9, rtol=1e-9)
        # an existing tokenizer's limit: NSL .8 of proxies of 8,192 entries, 1.25 times as much of 2,048, and 1 %
        limit = 1.01 * 0.8 * (1.25 if size == "2048" else 1)
        over = [row["excess"] for row in predicted["limits"] if "o200k_base" in row["limit"]]
        assert over == pytest.approx(mean[0] / limit - 1, abs=1e-9)
        assert {row["limit"] for row in predicted["limits"]} == {"2 % above uniform", "1 % above o200k_base"}
    ids = of_plain_text(tokenizer(PATTERNS["multilingual"])).encode(TEXT, add_special_tokens=False).ids
    assert found["ids"] == ids
    mixture = yaml.safe_load(found["yaml"])["proxies"]["mixtures"]["what_if"]
    assert list(mixture) == ["deu", "eng", "heb"]
    assert sum(mixture.values()) == pytest.approx(1, abs=1e-9)
    assert "raw bytes" in found["language_models"]
    assert found["headings"][: len(HOSTILE)] == HOSTILE
    assert found["shares"] == ["50.00 %", "30.00 %", "20.00 %"]
    assert found["dialogs"] == 0
