"""The proxies' tokenizers as files, for those who want to look at them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trex.files import whole
from trex.proxies.train import Trained
from trex.tokenizer.build import to_tokenizer


@contextmanager
def tokenizer_folder(
    path: str | Path | None, pattern: str, normalizer: str
) -> Iterator[Callable[[Trained], None]]:
    """What to hand trained tokenizers to, so that `{mixture_id}.json` in a folder has each; no path: none is kept.

    pattern, normalizer: of `to_tokenizer`."""
    if path is None:
        yield lambda trained: None
        return
    with whole(path) as folder:
        folder.mkdir()

        def keep(trained: Trained) -> None:
            tokenizer = to_tokenizer(trained.model, pattern, normalizer)
            tokenizer.save(str(folder / f"{trained.key['mixture_id']}.json"))

        yield keep
