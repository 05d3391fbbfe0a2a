"""The folder that transformers loads, chat templates, and exports: each is loaded by its own library."""

import json
import unicodedata
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import made_up_run
import numpy as np
import pytest
import yaml
from tokenizers import ByteLevelBPETokenizer, Tokenizer

from trex.bpe.byte_alphabet import ALPHABETS, BYTE_LEVEL
from trex.bpe.training import train_bpe
from trex.config import ConfigError, check_files, load_config
from trex.counting.patterns import PATTERNS, regex_of
from trex.layout import Layout
from trex.report.card import write_card
from trex.report.languages import language
from trex.report.results import Results
from trex.tokenizer.build import split_and_spell, to_tokenizer
from trex.tokenizer.chat import check_chat_template
from trex.tokenizer.export import AWKWARD, check_alike, export
from trex.tokenizer.formats import why_not
from trex.tokenizer.huggingface import config_files, released, special_ids
from trex.tokenizer.special import added_ends, folder_files
from trex.tokenizer.tiktoken_files import _pattern

SURROGATES = range(0xD800, 0xE000)
SPECIAL = ("<|endoftext|>", "<|bos|>", "<|pad|>")
TEXT = (
    "The committee will meet again, it's said, on 12 May 2024; they'LL see.\n\n    if x == 1:\n        return x\n"
    "Die Sitzung wurde vertagt. Заседание отложено. बैठक स्थगित कर दी गई है। 会議は延期された。 会议已推迟。 👍🏽👍🏽\r\n"
) * 20
RELEASE = {
    "bos_token": None, "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": None,
    "add_bos_token": False, "add_eos_token": False, "chat_template": None, "model_max_length": None,
}  # fmt: skip
CHAT = (
    "{% for message in messages %}{{ '<|bos|>' + message.role + '\\n' + message.content + eos_token }}\n"
    "{% endfor %}{% if add_generation_prompt %}<|bos|>assistant\n{% endif %}"
)


def tokenizer_of(pattern: str = "default", alphabet: str = "utf8", normalizer: str = "nfc") -> Tokenizer:
    kind = ALPHABETS[alphabet]
    if kind is BYTE_LEVEL:
        pieces = split_and_spell(regex_of(pattern)).pre_tokenize_str(TEXT)
        words = Counter(kind.unspell(piece) for piece, _ in pieces)
    else:
        words = Counter([TEXT.encode()])
    words = dict(sorted(words.items()))
    counts = np.array(list(words.values()))
    model = train_bpe(list(words), counts, 400, special_tokens=SPECIAL, alphabet=kind)
    return to_tokenizer(model, pattern, normalizer)


def folder_of(path: Path, tokenizer: Tokenizer, pad_to: int = 1, **release: Any) -> Path:
    path.mkdir(exist_ok=True)
    template = CHAT if release.get("chat_template") else None
    release = RELEASE | release
    tokenizer = released(tokenizer, added_ends(release), pad_to)
    tokenizer.save(str(path / "tokenizer.json"))
    for name, text in config_files(tokenizer, release, template).items():
        (path / name).write_text(text, encoding="utf-8")
    assert {file.name for file in path.iterdir()} >= set(folder_files(release))
    return path


# --- the folder ---


def test_transformers_knows_the_special_tokens_and_pads(tmp_path):
    transformers = pytest.importorskip("transformers", reason="./install.sh --dev installs transformers")
    plain = tokenizer_of()
    roles = {"bos_token": "<|bos|>", "pad_token": "<|pad|>", "model_max_length": 512}
    folder_of(tmp_path, plain, pad_to=128, chat_template="chat.jinja", add_bos_token=True, **roles)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert [loaded.bos_token_id, loaded.eos_token_id, loaded.pad_token_id, loaded.unk_token] == [
        1,
        0,
        2,
        None,
    ]
    assert (loaded.model_max_length, len(loaded), loaded.vocab_size) == (512, 512, 512)
    assert loaded.convert_ids_to_tokens([511]) == ["<|reserved_111|>"]
    text = "It's 2024 , say naïve people ."
    ids = plain.encode(text).ids
    assert loaded(text, add_special_tokens=False).input_ids == ids
    assert loaded(text).input_ids == [1, *ids]
    assert loaded("a", "b").input_ids == [1, *plain.encode("a").ids, 1, *plain.encode("b").ids]
    assert loaded.decode(ids) == text  # no space is cleaned up
    batch = loaded(["a", text], padding=True)
    assert batch.input_ids[0][2:] == [2] * (len(ids) - 1)
    rendered = loaded.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)
    assert rendered == "<|bos|>user\nHi<|endoftext|>\n"
    generation = transformers.GenerationConfig.from_pretrained(tmp_path)
    assert (generation.bos_token_id, generation.eos_token_id, generation.pad_token_id) == (1, 0, 2)


@pytest.mark.parametrize(
    ("pattern", "alphabet", "normalizer"),
    [("none", "utf8", "none"), ("none", "latin1", "none"), ("o200k", "utf8", "nfkc")],
)
def test_every_kind_of_tokenizer_loads_with_its_own_ids(pattern, alphabet, normalizer, tmp_path):
    transformers = pytest.importorskip("transformers", reason="./install.sh --dev installs transformers")
    plain = tokenizer_of(pattern, alphabet, normalizer)
    loaded = transformers.AutoTokenizer.from_pretrained(folder_of(tmp_path, plain))
    plain.save(str(tmp_path / "plain.json"))
    assert (tmp_path / "tokenizer.json").read_bytes() == (tmp_path / "plain.json").read_bytes()
    text = TEXT[:200].encode().decode("latin-1") if alphabet == "latin1" else TEXT[:200]
    assert loaded(text).input_ids == plain.encode(text).ids
    assert (loaded.eos_token_id, loaded.pad_token_id) == (0, 0)


def test_a_role_of_no_special_token_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"release.bos_token: '<s>' is no special token"):
        folder_of(tmp_path, tokenizer_of(), bos_token="<s>")


# --- chat templates ---


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (
            "{% for m in messages %}{{ m.content }}",
            "cannot be rendered in line 1: Unexpected end of template",
        ),
        ("{{ raise_exception('no user first') }}", "cannot be rendered: no user first"),
        ("{{ messages[7].content }}", "cannot be rendered: list object has no element 7"),
        ("{{ messages[0].content + 1 }}", "fails on a conversation of two turns: TypeError"),
        ("{{ messages[0].content }}", "leaves out the assistant's message"),
        (
            "{% for m in messages %}<|im_start|>{{ m.content }}{% endfor %}",
            r"writes <\|im_start\|>, which would",
        ),
    ],
)
def test_chat_templates_that_do_not_work_are_refused(template, problem):
    with pytest.raises(ValueError, match=problem):
        check_chat_template(template, SPECIAL, {"eos_token": "<|endoftext|>"})


def test_a_chat_template_is_rendered_as_transformers_does():
    template = CHAT.replace("{{ '<|bos|>'", "{% generation %}{{ '<|bos|>'").replace(
        "eos_token }}", "eos_token }}{% endgeneration %}"
    )
    rendered = check_chat_template(template, SPECIAL, {"eos_token": "<|endoftext|>"})
    question = "<|bos|>user\nHow do you say water in Quechua?<|endoftext|>"
    assert rendered.startswith(f"{question}<|bos|>assistant\nYaku.<|endoftext|>")
    utils = pytest.importorskip(
        "transformers.utils.chat_template_utils", reason="./install.sh --dev installs it"
    )
    from trex.tokenizer.chat import _CONVERSATION

    theirs, _ = utils.render_jinja_template(
        [_CONVERSATION], chat_template=template, add_generation_prompt=True, eos_token="<|endoftext|>"
    )
    assert theirs == [rendered]


def test_a_chat_template_is_read_when_a_run_is_planned(tmp_path):
    for corpus in ("a", "b"):
        (tmp_path / f"{corpus}.txt").write_text("text\n")
    raw = {
        "corpora": {corpus: {"source": {"text": f"{corpus}.txt"}} for corpus in ("a", "b")},
        "release": {"chat_template": "chat.jinja"},
    }
    config = load_config(raw, tmp_path)
    with pytest.raises(
        ConfigError, match=r"release.chat_template: .*chat.jinja cannot be read: No such file"
    ):
        check_files(config, tmp_path)
    (tmp_path / "chat.jinja").write_text("{{ messages }}")
    check_files(config, tmp_path)


# --- exports ---


def load_tiktoken(folder: Path) -> Any:
    namespace = {"__file__": str(folder / "load_tiktoken.py"), "__name__": "load_tiktoken"}
    exec((folder / "load_tiktoken.py").read_text(), namespace)
    return namespace["load"](folder)


@pytest.mark.parametrize(
    "pattern", ["default", "gpt2", "o200k", "deepseek", "superbpe", "superwords", "none", r"\p{L}+|\s"]
)
def test_tiktoken_encodes_alike(pattern, tmp_path):
    pytest.importorskip("tiktoken", reason="./install.sh --dev installs tiktoken")
    folder = folder_of(tmp_path / "in", tokenizer_of(pattern), pad_to=64)
    (tmp_path / "out").mkdir()
    found = export(folder, "chosen", ["tiktoken"], "utf8", [TEXT], tmp_path / "out")
    assert (found["texts"], found["entries"]) == (len(AWKWARD) + 1, 448)
    encoding = load_tiktoken(tmp_path / "out")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert encoding.n_vocab == tokenizer.get_vocab_size()
    with_special = f"{TEXT}<|endoftext|>{TEXT}<|reserved_3|>"
    assert encoding.encode(with_special, allowed_special="all") == tokenizer.encode(with_special).ids
    assert encoding.decode(encoding.encode_ordinary(TEXT)) == TEXT


def test_tiktoken_drops_nothing_of_any_kind_of_character():
    tiktoken = pytest.importorskip("tiktoken", reason="./install.sh --dev installs tiktoken")
    one_of_a_kind = {
        unicodedata.category(chr(code)): chr(code)
        for code in range(0x2FFFF, -1, -1)
        if code not in SURROGATES
    }
    characters = [*one_of_a_kind.values(), *"\n\r\t /'1a", "\u3040", "\u200d", "\u4e00"]
    texts = ["".join(text) for text in product(characters, repeat=2)]
    for name, regex in PATTERNS.items():
        ranks = {bytes([byte]): byte for byte in range(256)}
        encoding = tiktoken.Encoding(name, pat_str=_pattern(regex), mergeable_ranks=ranks, special_tokens={})
        for text in texts:
            assert bytes(encoding.encode_ordinary(text)) == text.encode(), (name, text)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("default", "qwen2"), ("llama3", "llama-bpe"), ("deepseek", "deepseek-v3"), ("gpt2", "gpt-2")],
)
def test_gguf_says_what_llama_cpp_needs(pattern, name, tmp_path):
    gguf = pytest.importorskip("gguf", reason="./install.sh --export installs gguf")
    roles = {"bos_token": "<|bos|>", "chat_template": "chat.jinja"}
    folder = folder_of(tmp_path / "in", tokenizer_of(pattern), **roles)
    (tmp_path / "out").mkdir()
    export(folder, "chosen", ["gguf"], "utf8", [TEXT], tmp_path / "out")
    fields = gguf.GGUFReader(tmp_path / "out/tokenizer.gguf").fields
    said = {key.removeprefix("tokenizer."): field.contents() for key, field in fields.items()}
    content = json.loads((folder / "tokenizer.json").read_text())
    assert (said["ggml.model"], said["ggml.pre"]) == ("gpt2", name)
    assert said["ggml.tokens"] == sorted(content["model"]["vocab"], key=content["model"]["vocab"].get)
    assert said["ggml.merges"] == [" ".join(merge) for merge in content["model"]["merges"]]
    assert said["ggml.token_type"] == [3] * 3 + [1] * 397
    assert [said[f"ggml.{role}_token_id"] for role in ("bos", "eos", "padding")] == [1, 0, 0]
    assert (said["ggml.add_bos_token"], said["ggml.add_eos_token"]) == (False, False)
    assert said["chat_template"] == CHAT


def test_what_llama_cpp_does_not_know_is_refused():
    # its gpt-4o has no marks: of "b" and an acute accent it makes two words where o200k makes one
    for pattern in ("o200k", "multilingual", "none", r"\w+"):
        assert "has none that gives the words of tokenizer.pattern" in why_not(
            "gguf", regex_of(pattern), "utf8", "<s>"
        )
        assert why_not("tiktoken", regex_of(pattern), "utf8", None) is None
    assert "binary tokenizers have no exports" in why_not("vocab", "", "latin1", "<s>")


def test_gguf_needs_what_ends_a_text(tmp_path):
    # without an id in the file, llama.cpp takes 11 for both roles, and it has no id that says none
    gguf = pytest.importorskip("gguf", reason="./install.sh --export installs gguf")
    (tmp_path / "out").mkdir()
    folder = folder_of(tmp_path / "in", tokenizer_of(), eos_token="<|pad|>", pad_token=None)
    export(folder, "chosen", ["gguf"], "utf8", [], tmp_path / "out")
    fields = gguf.GGUFReader(tmp_path / "out/tokenizer.gguf").fields
    ids = [fields[f"tokenizer.ggml.{role}_token_id"].contents() for role in ("bos", "eos")]
    assert (ids, fields["tokenizer.ggml.add_bos_token"].contents()) == ([2, 2], False)
    folder = folder_of(tmp_path / "in", tokenizer_of(), eos_token=None, pad_token=None)
    with pytest.raises(ValueError, match=r"as gguf: llama\.cpp would end every .* release.eos_token is null"):
        export(folder, "chosen", ["gguf"], "utf8", [], tmp_path / "out")


def test_vocab_and_merges_are_gpt2s(tmp_path):
    folder = folder_of(tmp_path / "in", tokenizer_of("gpt2", normalizer="none"))
    (tmp_path / "out").mkdir()
    export(folder, "chosen", ["vocab"], "utf8", [TEXT], tmp_path / "out")
    files = (str(tmp_path / "out" / name) for name in ("vocab.json", "merges.txt"))
    loaded = ByteLevelBPETokenizer.from_file(*files)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert loaded.encode(TEXT).ids == tokenizer.encode(TEXT).ids
    assert loaded.get_vocab() == tokenizer.get_vocab()


def test_an_export_that_encodes_otherwise_ends_in_an_error():
    tokenizer = tokenizer_of()
    others = {"other": lambda texts: [[*tokenizer.encode(text).ids[:-1], 7] for text in texts]}
    with pytest.raises(
        ValueError, match=r"other encodes a text differently: '' of 0 characters, from token 0 on"
    ):
        check_alike(tokenizer, others, [])


def test_tiktoken_refuses_ids_that_do_not_rise_with_the_merges(tmp_path):
    words = {b"abab": 9, b"xy": 5}
    model = train_bpe(list(words), np.array(list(words.values())), 262, special_tokens=("ab", "<s>"))
    release = {"eos_token": "<s>", "pad_token": None}
    folder = folder_of(tmp_path / "in", to_tokenizer(model), **release)
    (tmp_path / "out").mkdir()
    with pytest.raises(
        ValueError, match="cannot be exported as tiktoken: its ids do not rise with its merges"
    ):
        export(folder, "chosen", ["tiktoken"], "utf8", [], tmp_path / "out")


def test_reserved_tokens_fill_up_behind_those_that_are_there(tmp_path):
    words = np.array([5])
    model = train_bpe([b"abcdef"], words, 262, special_tokens=("<|endoftext|>", "<|reserved_0|>"))
    filled = released(to_tokenizer(model), added_ends(RELEASE), 100)
    assert list(special_ids(filled).items())[:4] == [
        ("<|endoftext|>", 0), ("<|reserved_0|>", 1), ("<|reserved_1|>", 262), ("<|reserved_2|>", 263),
    ]  # fmt: skip
    assert filled.get_vocab_size(with_added_tokens=False) == 300


def test_every_named_pattern_has_its_regex_in_llama_cpp_or_none():
    known = [name for name, regex in PATTERNS.items() if why_not("gguf", regex, "utf8", "<s>") is None]
    assert known == ["default", "gpt2", "cl100k", "llama3", "qwen", "qwen3.5", "deepseek"]


# --- the model card ---


def card_of(
    folder: Path,
    failed: tuple[str, ...] = (),
    test_documents: int = 40,
    entries: int = 32768,
    **sections: Any,
) -> str:
    made_up_run.write_results(folder, failed=failed, test_documents=test_documents)
    results = Results.load(Layout(folder), load_config(made_up_run.RAW | sections, folder))
    return write_card(results, "chosen", {"sha256": "ab" * 32}, entries)


def test_the_card_has_what_the_hub_reads_and_what_was_measured(tmp_path):
    card = card_of(tmp_path, release={"license": "cc-by-4.0"})
    _, front, body = card.split("---\n", 2)
    assert yaml.safe_load(front) == {
        "language": ["de", "en", "he"],
        "license": "cc-by-4.0",
        "library_name": "transformers",
        "tags": ["tokenizer", "byte-level-bpe", "trex"],
    }
    lines = body.splitlines()
    assert [line for line in lines if line.startswith("# ")] == ["# Tokenizer `chosen`"]
    assert "A byte-level BPE tokenizer of 32,768 entries for text, trained on the mixture `found`" in body
    assert any(line.split("|")[1:4] == [" `deu`    ", " files    ", " 50.00 % "] for line in lines), body
    assert any("`heb`" in line and "1.0000" in line and "2.00" in line for line in lines), (
        body
    )  # NSL, bytes a token
    assert "ab" * 32 in body
    hub = pytest.importorskip("huggingface_hub")
    assert hub.ModelCard(card).data.license == "cc-by-4.0"


def test_the_card_says_what_fills_the_vocabulary_up_and_where_other_sizes_are(tmp_path):
    card = card_of(
        tmp_path, entries=32896, training={"vocab_size": 32768, "pad_to": 256, "ladder": [8192, 16384]}
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in card.splitlines()]
    assert ["entries", "32,896: 32,768, and 128 reserved ones that no text uses"] in rows
    assert ["other sizes, of the same training", "`ladder/8192/`, `ladder/16384/`"] in rows
    assert "other sizes" not in card_of(tmp_path)


def test_the_card_says_what_is_wrong(tmp_path):
    card = card_of(tmp_path, ("bytes",), 9).replace("\n", " ")
    assert "The test half has too few documents to claim anything" in card
    assert "- `chosen` fails the gate `bytes` (a tokenizer that passes it has an entry" in card
    assert "config accepts" not in card
    waived = made_up_run.RAW["validation"] | {"waived_gates": ["bytes"]}
    assert "which its config accepts." in card_of(tmp_path, ("bytes",), validation=waived).replace("\n", " ")


def test_the_card_says_what_users_wrote_without_becoming_it(tmp_path):
    odd = ["<|endoftext|>", "`` | \n# title"]
    card = card_of(tmp_path, tokenizer={"special_tokens": odd}, reference="o200k_base")
    row = next(line for line in card.splitlines() if "special tokens" in line and line.startswith("|"))
    assert r"`<\|endoftext\|>`" in row
    assert r"\n# title" in row
    assert "\n# title" not in card


def test_languages_of_corpora():
    ids = ["deu_Latn", "deu", "de", "zho-Hans", "hsb_Latn", "web", "law", "fineweb_edu", "Latn"]
    assert [language(corpus) for corpus in ids] == ["de", "de", "de", "zh", "hsb", None, None, None, None]
