"""Reserved tokens: special tokens that nothing uses yet, for those that a later training needs."""

from collections.abc import Container
from itertools import count, islice


def reserved_tokens(number: int, taken: Container[str] = ()) -> list[str]:
    """The first `number` reserved tokens that are not taken.

    >>> reserved_tokens(2, taken=["<|reserved_0|>"])
    ['<|reserved_1|>', '<|reserved_2|>']
    """
    names = (f"<|reserved_{i}|>" for i in count())
    return list(islice((name for name in names if name not in taken), number))
