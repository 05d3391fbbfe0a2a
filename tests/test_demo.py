"""The embedded demo text, measured as installed."""

import re
import unicodedata

import pytest

from trex.corpora import CorpusError, check_source, demo, read_documents

installed = pytest.mark.skipif(
    any(not demo.metadata.packages_distributions().get(name) for name in ("gramps", "plone", "polib")),
    reason=f"the packages of the demo text are not installed: {demo.INSTALL_HINT}",
)
SCRIPT_NAMES = {"Latn": "LATIN", "Cyrl": "CYRILLIC", "Grek": "GREEK", "Hebr": "HEBREW", "Deva": "DEVANAGARI"}
SCRIPT_NAMES |= {"Jpan": "CJK|HIRAGANA|KATAKANA", "Hans": "CJK", "Taml": "TAMIL"}


@installed
@pytest.mark.parametrize("code", ["bul", "ell", "eng", "heb", "hin", "jpn", "lit", "tam", "zho_Hans"])
def test_a_language_is_large_enough_clean_and_in_its_script(code):
    documents = demo.demo_documents(code)
    text = "\n".join(documents)
    assert len(text.encode()) - len(documents) + 1 >= 250_000
    assert len(set(documents)) == len(documents)
    assert all(document == document.strip(" ") and "\n" not in document for document in documents)
    # A few are left: escaped markup is text about markup, and some translators broke a placeholder.
    leftovers = [document for document in documents if re.search(r"%\(|\$\{|</|&lt;|  |\(_", document)]
    assert len(leftovers) < 0.003 * len(documents)
    letters = [character for character in text[::50] if character.isalpha()]
    own = [
        c
        for c in letters
        if unicodedata.name(c, "").startswith(tuple(SCRIPT_NAMES[_script(code)].split("|")))
    ]
    assert len(own) > 0.7 * len(letters)


def _script(code: str) -> str:
    return demo.demo_codes()[code].script


def test_there_are_enough_languages_and_scripts():
    languages = demo.demo_codes()
    assert len(languages) >= 12
    assert len({language.script for language in languages.values()}) >= 7


@pytest.mark.parametrize(
    ("message", "cleaned"),
    [
        ("<b>%(name)s</b> is %d years\n\told", "is years old"),
        ("${count} items in {folder!r}, {date:%d}", "items in ,"),
        ("50%% of 100 % and 7%", "50% of 100 % and 7%"),
        ("R&amp;D &lt;Filter&gt;: <Person>", "R&D <Filter>: <Person>"),
        ("Rôle\xa0: $name<br />", "Rôle\xa0:"),
    ],
)
def test_markup_and_placeholders_go(message, cleaned):
    assert demo._clean(message) == cleaned


@installed
def test_accelerators_go():
    assert demo._ACCELERATOR.sub("", "追加(_A)...") == "追加..."
    documents = demo.demo_documents("deu")
    assert "Schließen ohne zu speichern" in documents  # _ohne
    assert not any(document.startswith("_") and document[1:2].isalpha() for document in documents)


@installed
def test_demo_is_a_source(tmp_path):
    source = {"demo": "ukr"}
    check_source(source, tmp_path)
    texts = [text for batch in read_documents(source, tmp_path) for text in batch.to_pylist()]
    assert texts == demo.demo_documents("ukr")


def test_a_missing_package_is_explained(monkeypatch, tmp_path):
    def missing(name):
        raise demo.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(demo.metadata, "distribution", missing)
    for function in (check_source, lambda *arguments: list(read_documents(*arguments))):
        with pytest.raises(CorpusError, match=r"gramps.*pip install 'trex\[demo\]'.*plone-app-locales"):
            function({"demo": "deu"}, tmp_path)
