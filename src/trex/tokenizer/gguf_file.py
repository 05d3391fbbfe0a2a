"""A tokenizer's vocabulary for llama.cpp: `tokenizer.gguf`, without tensors, which its option vocab_only loads.

llama.cpp itself is no Python package. What is read back here is what the file says, encoded by `tokenizers` with the
regexes that llama.cpp has under the name in it.
"""

from pathlib import Path

from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from trex.tokenizer.formats import GGUF, PRE_TOKENIZERS
from trex.tokenizer.vocabulary import Encode, Vocabulary

_NORMAL, _CONTROL = 1, 3  # gguf.TokenType
_ARCHITECTURE = "llama"  # llama.cpp loads no file without one that it knows; nothing else of it is said


def write(vocabulary: Vocabulary, folder: Path) -> None:
    import gguf

    writer = gguf.GGUFWriter(folder / GGUF, _ARCHITECTURE)
    writer.add_name(vocabulary.name)
    writer.add_tokenizer_model("gpt2")  # byte-level BPE
    writer.add_tokenizer_pre(PRE_TOKENIZERS[vocabulary.regex].name)
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types(
        [_CONTROL if token in vocabulary.special else _NORMAL for token in vocabulary.tokens]
    )
    writer.add_token_merges([f"{a} {b}" for a, b in vocabulary.merges])
    # With no id in the file, llama.cpp takes 11, an ordinary token, and it has no id that says none. As in GPT-2's
    # files, what ends a text is then its beginning too; none is added.
    roles = {"bos_token": vocabulary.roles["eos_token"], **vocabulary.roles}
    for role, token in roles.items():
        getattr(writer, f"add_{role}_id")(vocabulary.special[token])
    # said even where it is not: under some names llama.cpp adds a beginning unless the file says no
    writer.add_add_bos_token(vocabulary.ends["bos"])
    writer.add_add_eos_token(vocabulary.ends["eos"])
    if vocabulary.chat_template is not None:
        writer.add_chat_template(vocabulary.chat_template)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def read(vocabulary: Vocabulary, folder: Path) -> tuple[str, Encode]:
    """(the library, how llama.cpp would encode by what the file says)."""
    from importlib.metadata import version

    import gguf

    fields = gguf.GGUFReader(folder / GGUF).fields
    name, tokens, kinds, merges = (
        fields[f"tokenizer.ggml.{key}"].contents() for key in ("pre", "tokens", "token_type", "merges")
    )
    split = next(known for known in PRE_TOKENIZERS.values() if known.name == name)
    vocab = {token: number for number, token in enumerate(tokens)}
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind != _NORMAL]
    if {token: vocab[token] for token in special} != dict(vocabulary.special):
        raise ValueError(
            f"{folder / GGUF}: its special tokens are not those of the tokenizer: {special[:5]} ..."
        )
    pairs = [tuple(merge.split(" ")) for merge in merges]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=pairs, ignore_merges=split.ignore_merges))
    splits = [pre_tokenizers.Split(Regex(regex), "isolated") for regex in split.regexes]
    spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, spelled])
    return f"gguf {version('gguf')}", lambda texts: [
        encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    ]
