"""The embedded default text: real translations in many languages, from two small packages of PyPI.

``gramps`` (genealogy, GPL-2.0-or-later) and ``plone.app.locales`` (web content management, GPL-2.0) install
their translation catalogues as ``.mo`` files. Together they give 0.25 to 1.1 MB of text a language, enough to
try the whole pipeline offline. It is a demonstration: short, technical messages, not a training set.
"""

import html
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from trex.corpora.batches import gather
from trex.corpora.reader import CorpusError, Reader

INSTALL_HINT = "pip install 'trex[demo]' (that is: gramps==6.0.8 plone-app-locales==7.0.4 polib)"


class DemoLanguage(NamedTuple):
    """A language of the demo text and the names its catalogues go by."""

    name: str
    script: str  # ISO 15924
    gramps: str  # locale in gramps
    plone: str  # locale in plone.app.locales


# Every language with at least 250 kB of cleaned text, measured on gramps 6.0.8 and plone-app-locales 7.0.4;
# tests/test_demo.py measures it again. Too small, among others: hrv (245 kB), ara (153), kor (63), tha (37).
# English is the language of the message ids, read from the fullest catalogues.
_LANGUAGES = {
    "bul": DemoLanguage("Bulgarian", "Cyrl", "bg", "bg"),
    "cat": DemoLanguage("Catalan", "Latn", "ca", "ca"),
    "ces": DemoLanguage("Czech", "Latn", "cs", "cs"),
    "dan": DemoLanguage("Danish", "Latn", "da", "da"),
    "deu": DemoLanguage("German", "Latn", "de", "de"),
    "ell": DemoLanguage("Greek", "Grek", "el", "el"),
    "eng": DemoLanguage("English", "Latn", "ru", "es"),
    "epo": DemoLanguage("Esperanto", "Latn", "eo", "eo"),
    "fin": DemoLanguage("Finnish", "Latn", "fi", "fi"),
    "fra": DemoLanguage("French", "Latn", "fr", "fr"),
    "heb": DemoLanguage("Hebrew", "Hebr", "he", "he"),
    "hin": DemoLanguage("Hindi", "Deva", "hi", "hi"),
    "hun": DemoLanguage("Hungarian", "Latn", "hu", "hu"),
    "ita": DemoLanguage("Italian", "Latn", "it", "it"),
    "jpn": DemoLanguage("Japanese", "Jpan", "ja", "ja"),
    "lit": DemoLanguage("Lithuanian", "Latn", "lt", "lt"),
    "nld": DemoLanguage("Dutch", "Latn", "nl", "nl"),
    "nob": DemoLanguage("Norwegian Bokmål", "Latn", "nb", "no"),
    "pol": DemoLanguage("Polish", "Latn", "pl", "pl"),
    "por": DemoLanguage("Portuguese", "Latn", "pt_BR", "pt_BR"),
    "rus": DemoLanguage("Russian", "Cyrl", "ru", "ru"),
    "slk": DemoLanguage("Slovak", "Latn", "sk", "sk"),
    "slv": DemoLanguage("Slovenian", "Latn", "sl", "sl"),
    "spa": DemoLanguage("Spanish", "Latn", "es", "es"),
    "srp": DemoLanguage("Serbian", "Cyrl", "sr", "sr@Cyrl"),
    "swe": DemoLanguage("Swedish", "Latn", "sv", "sv"),
    "tam": DemoLanguage("Tamil", "Taml", "ta", "ta"),
    "tur": DemoLanguage("Turkish", "Latn", "tr", "tr"),
    "ukr": DemoLanguage("Ukrainian", "Cyrl", "uk", "uk"),
    "vie": DemoLanguage("Vietnamese", "Latn", "vi", "vi"),
    "zho_Hans": DemoLanguage("Chinese (simplified)", "Hans", "zh_CN", "zh_CN"),
}

_MARKUP = re.compile(
    r"""</?[a-z!][^<>]*>                                    # <b>, <br/>, <a href="...">, but not <Datum>
      | %\([^)]*\)[-+\#0]*\d*(?:\.\d+)?[A-Za-z]?            # %(name)s, %(n)06d
      | (?<![\d%])%[-+\#0]*\d*(?:\.\d+)?[A-Za-z](?![A-Za-z])  # %s, %02d, %Y, but not 50%s and %%
      | \$?\{[^{}]*\}                                       # {name}, ${name}, {date:%d}
      | \$[a-z]\w*                                          # $name
    """,
    re.VERBOSE,
)
# GTK marks the access key of a label: "_Open", "S_ave"; in scripts without such keys "追加(_A)".
_ACCELERATOR = re.compile(r"\s*[(（]_\w[)）]|_(?=\w)")


class Demo(Reader):
    """The demo text of one language."""

    kind = "demo"
    has_columns = False

    def check(self) -> None:
        _guard(check_demo, self.source["demo"])

    def pieces(self) -> Iterator[pa.Array]:
        return gather(text.encode() for text in _guard(demo_documents, self.source["demo"]))


def _guard(function: Callable[[str], Any], code: str) -> Any:
    """Call a function of this module, its errors turned into CorpusError."""
    try:
        return function(code)
    except (ValueError, ModuleNotFoundError) as error:
        raise CorpusError(f"demo: {error}") from error


def demo_codes() -> dict[str, DemoLanguage]:
    """The languages of the demo text by code (ISO 639-3, Chinese with its script)."""
    return dict(_LANGUAGES)


def demo_documents(code: str) -> list[str]:
    """The demo text of one language: one document per translated message, without duplicates.

    Order is fixed: gramps before plone, files by name, messages as the catalogue sorts them. Untranslated
    messages are left out, and so are markup, placeholders and accelerator marks: ``"_Open <b>%(name)s</b>"``
    gives ``"Open"``. Obsolete and fuzzy messages are not compiled into ``.mo`` files.

    Raises:
        ValueError: ``code`` is not in :func:`demo_codes`.
        ModuleNotFoundError: the packages that hold the text are not installed; says which to install.
    """
    check_demo(code)
    language = _LANGUAGES[code]
    documents: dict[str, None] = {}  # an ordered set
    for package, locale in (("gramps", language.gramps), ("plone.app.locales", language.plone)):
        for path in _catalogues(package, locale):
            texts = _messages(path, english=code == "eng", accelerators=package == "gramps")
            documents.update(dict.fromkeys(texts))
    return [text for text in documents if sum(map(str.isalpha, text)) >= 2]


def check_demo(code: str) -> None:
    """Check cheaply that :func:`demo_documents` can read ``code``; raises what it raises."""
    if code not in _LANGUAGES:
        raise ValueError(f"unknown demo language {code!r}; available: {', '.join(_LANGUAGES)}")
    for package in ("gramps", "plone.app.locales", "polib"):
        try:
            metadata.distribution(package)
        except metadata.PackageNotFoundError:
            raise ModuleNotFoundError(
                f"the demo text needs the package {package}, which is not installed: {INSTALL_HINT}"
            ) from None


def _catalogues(package: str, locale: str) -> list[Path]:
    """The ``.mo`` files of a locale, wherever the package was installed."""
    files = metadata.files(package) or []
    folder = (locale, "LC_MESSAGES")
    return sorted(
        Path(file.locate()) for file in files if file.suffix == ".mo" and file.parts[-3:-1] == folder
    )


def _messages(path: Path, english: bool, accelerators: bool) -> Iterator[str]:
    """The cleaned messages of one catalogue: its translations, or with ``english`` the ids they translate."""
    import polib

    for entry in polib.mofile(str(path)):
        if entry.msgctxt == "manual":  # names of wiki pages: Merge_Media_Objects
            continue
        originals = (entry.msgid, entry.msgid_plural)
        if english:
            # Plone's older ids are names such as label_add_page, not English.
            texts = [text for text in originals if " " in text or text.isalpha()]
        else:
            texts = [text for text in (entry.msgstr, *entry.msgstr_plural.values()) if text not in originals]
        # One mark, in the original and in the translation: a label, not text about file_names.
        labelled = accelerators and _clean(entry.msgid).count("_") == 1
        for text in map(_clean, texts):
            yield _ACCELERATOR.sub("", text) if labelled and text.count("_") == 1 else text


def _clean(text: str) -> str:
    text = html.unescape(_MARKUP.sub(" ", text)).replace("%%", "%")
    # Only ASCII blanks: a no-break space is part of how French and Chinese are written.
    return re.sub(r"[ \t\r\n]+", " ", text).strip(" ")
