"""How much memory a training takes, for those who plan it: nothing here needs the compiled code.

A word that is used, with 18 bytes, takes 22 bytes of the memory-mapped words, 8 for its count, 38 for slots and 76 for
occurrences, 15 for the notes of a step: 160 in all. Small texts have more room.
"""

NARROW = 2**16 - 1  # tokens that slots of 16 bits can tell, beside the separator
# Texts of up to so many slots, some 3.5 million words, get room for all occurrences and slots as wide as the last ids:
# they take one stretch, the fastest way, and 0.9 GB at most.
SMALL = 1 << 26
ROOM_FOR_ALL = 1.5  # occurrences a slot
ROOM = 0.5  # the same for larger texts
ENTRY = 100  # bytes that the count of a word in a corpus takes while counts are gathered, sorted and weighed


def room_of(n_slots: int) -> int:
    """Occurrences of pairs that there is room for in a text of so many slots."""
    return int((ROOM_FOR_ALL if n_slots <= SMALL else ROOM) * n_slots)


def is_narrow(n_slots: int, vocab_size: int) -> bool:
    """Whether slots have 16 bits, at least while the vocabulary is small."""
    return vocab_size <= NARROW or n_slots > SMALL


def training_bytes(words: int, text_bytes: int, vocab_size: int, columns: int) -> int:
    """Bytes of memory that a training takes at most, without Python and its libraries.

    Args:
        words: distinct words that are used, with text_bytes bytes in all.
        columns: evaluation columns.
    """
    n_slots = words + text_bytes + 1
    room = room_of(n_slots)
    # a step notes its merges, 16 bytes each; the most frequent pair has a tenth of the occurrences
    notes = 16 * n_slots // 20
    slots = (2 if is_narrow(n_slots, vocab_size) else 4) * n_slots
    pairs = 1 << max(4 * vocab_size, (1 << 16) - 1).bit_length()
    vocabulary = (2 * 8 + 4 * 8 + 3 * 8) * pairs + vocab_size * (64 + 8 * columns)
    return text_bytes + (4 + 8) * words + slots + 8 * room + notes + vocabulary


def parity_bytes(entries: int, corpora: int, vocab_size: int) -> int:
    """Bytes that a parity-aware training takes beside `training_bytes`: counts of words and of pairs by corpus.

    Args:
        entries: counts above 0 of words in corpora and in development text.
    """
    pairs = 1 << max(4 * vocab_size, (1 << 16) - 1).bit_length()
    return ENTRY * entries + 8 * corpora * pairs


def used_share(n_bytes: int | None, available: int) -> float:
    """About the share of all distinct words that n_bytes of the available text have, on the safe side.

    Distinct words grow with the power .62 to .9 of the text (docs/scaling.md); .5 gives a part more of them.
    """
    return 1.0 if n_bytes is None or n_bytes >= available else (n_bytes / available) ** 0.5


def algorithm_bytes(algorithm: str, words: int, text_bytes: int) -> int:
    """Bytes that `tokenizers` takes to train another algorithm on so many distinct words with text_bytes bytes in all:
    measured on up to 2 MB of words, and rounded up."""
    if algorithm == "wordpiece":
        return 300 * words + 150 * text_bytes
    # it begins with at most a million entries; from then on, only the text and its suffix array grow
    return 300 * words + min(700 * text_bytes, 2 * 10**9 + 150 * text_bytes)
