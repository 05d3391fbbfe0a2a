"""The proxies' tokenizers as files, for those who want to look at them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tokenizers import Tokenizer

from trex.bpe.model import BpeModel
from trex.files import whole
from trex.proxies.train import Trained


@contextmanager
def tokenizer_folder(
    path: str | Path | None, finished: Callable[[BpeModel], Tokenizer]
) -> Iterator[Callable[[Trained], None]]:
    """What to hand trained tokenizers to, so that `{mixture_id}.json` in a folder has each; no path: none is kept.

    finished: of `Trainer`."""
    if path is None:
        yield lambda trained: None
        return
    with whole(path) as folder:
        folder.mkdir()

        def keep(trained: Trained) -> None:
            finished(trained.model).save(str(folder / f"{trained.key['mixture_id']}.json"))

        yield keep
