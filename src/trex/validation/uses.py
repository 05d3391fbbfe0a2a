"""How text uses the entries of a vocabulary, in words and thresholds."""

# How text uses an entry. Occurrences by million tokens and the share that survives are those of Apertus
# (swiss-ai/apertus-tokenizer-development, REPORT_production_safety.md); their "uncommon" is part of "rare" here, and
# what is "scaffold" is nothing else.
ACTIVE, RARE, SCAFFOLD, UNSEEN = USES = ("active", "rare", "scaffold", "unseen")
ACTIVE_PER_MILLION = 5
SURVIVAL = 0.1
# Fewer tokens are taken as a million: of a shorter text, one occurrence would make an entry active.
FEWEST_TOKENS = 1_000_000

# A corpus's own words are those that occur more than once, since once are typing errors too.
OWN_WORD_COUNT = 2
