"""Italian forms for the sample grammar: articles, contractions, adjectives and verbs.

Covers the words of `tools.sample_grammar.words` and regular words like them; it is no general
dictionary.

Source: Maiden and Robustelli, *A Reference Grammar of Modern Italian*, 2nd edition, chapters 3
(gender and number), 4 (articles and prepositions) and 14 (forms of the verb).
"""

VOWELS = "aeiouàèéìòù"
# "lo", "uno" and "gli" stand before these, beside s + consonant.
LONG_ARTICLE = ("z", "gn", "ps", "pn", "x", "y")

ESSERE = ("sono", "sei", "è", "siamo", "siete", "sono")
AVERE = ("ho", "hai", "ha", "abbiamo", "avete", "hanno")
STARE = ("sto", "stai", "sta", "stiamo", "state", "stanno")
IRREGULAR_PRESENT = {
    "andare": ("vado", "vai", "va", "andiamo", "andate", "vanno"),
    "bere": ("bevo", "bevi", "beve", "beviamo", "bevete", "bevono"),
    "dovere": ("devo", "devi", "deve", "dobbiamo", "dovete", "devono"),
    "potere": ("posso", "puoi", "può", "possiamo", "potete", "possono"),
    "volere": ("voglio", "vuoi", "vuole", "vogliamo", "volete", "vogliono"),
}
IRREGULAR_PARTICIPLES = {
    "aprire": "aperto",
    "bere": "bevuto",
    "chiudere": "chiuso",
    "leggere": "letto",
    "prendere": "preso",
    "scrivere": "scritto",
}
IRREGULAR_GERUNDS = {"bere": "bevendo"}


def definite(word: str, gender: str, plural: bool = False) -> str:
    """The definite article in front of `word`, ready to be joined: "il ", "l'", "gli ".

    Args:
        word: The word that follows, which decides between il, lo and l'.
        gender: "m" or "f".
        plural: Whether the noun is in the plural.

    Example:
        >>> definite("zaino", "m") + "zaino"
        'lo zaino'
    """
    if gender == "f":
        return "le " if plural else "l'" if word[0] in VOWELS else "la "
    if plural:
        return "gli " if word[0] in VOWELS or _takes_lo(word) else "i "
    return "l'" if word[0] in VOWELS else "lo " if _takes_lo(word) else "il "


def indefinite(word: str, gender: str) -> str:
    """The indefinite article in front of `word`: "un ", "uno ", "una ", "un'".

    Example:
        >>> indefinite("arancia", "f") + "arancia"
        "un'arancia"
    """
    if gender == "f":
        return "un'" if word[0] in VOWELS else "una "
    return "uno " if _takes_lo(word) else "un "


def this(word: str, gender: str, plural: bool = False) -> str:
    """The demonstrative in front of `word`: "questo ", "queste ", "quest'"."""
    if not plural and word[0] in VOWELS:
        return "quest'"
    return adjective("questo", gender, plural) + " "


def contract(preposition: str, article: str) -> str:
    """A preposition and the definite article in one word.

    Args:
        preposition: "a", "da", "di", "in" or "su".
        article: What `definite` returned.

    Example:
        >>> contract("su", "il ") + "tavolo", contract("in", "l'") + "armadio"
        ('sul tavolo', "nell'armadio")
    """
    stem = {"di": "de", "in": "ne"}.get(preposition, preposition)
    if article == "il ":
        return stem + "l "
    if article in ("i ", "gli "):
        return stem + article
    return stem + "l" + article


def adjective(base: str, gender: str, plural: bool = False) -> str:
    """The form of an adjective: "rosso" in -o has four, "verde" in -e has two.

    Endings -co and -go keep their hard sound (bianchi, bianche); -io has a single i in the plural
    (vecchi).
    """
    if base.endswith("e"):
        return base[:-1] + "i" if plural else base
    stem = base[:-1]
    if not plural:
        return stem + ("o" if gender == "m" else "a")
    if stem[-1] in "cg":
        stem += "h"
    elif stem.endswith("i") and gender == "m":
        stem = stem[:-1]
    return stem + ("i" if gender == "m" else "e")


def present(infinitive: str, person: int) -> str:
    """The present tense.

    Args:
        infinitive: The verb, for example "leggere".
        person: 0 io, 1 tu, 2 lui or lei, 3 noi, 4 voi, 5 loro.
    """
    if infinitive in IRREGULAR_PRESENT:
        return IRREGULAR_PRESENT[infinitive][person]
    stem, ending = infinitive[:-3], infinitive[-3:]
    endings = {
        "are": ("o", "i", "a", "iamo", "ate", "ano"),
        "ere": ("o", "i", "e", "iamo", "ete", "ono"),
        "ire": ("o", "i", "e", "iamo", "ite", "ono"),
    }[ending][person]
    if ending == "are" and endings[0] == "i":
        if stem[-1] in "cg":  # cerchi, dimentichiamo
            stem += "h"
        elif stem[-1] == "i":  # mangi, mangiamo
            stem = stem[:-1]
    return stem + endings


def gerund(infinitive: str) -> str:
    """The gerund, which follows "stare": "leggendo"."""
    if infinitive in IRREGULAR_GERUNDS:
        return IRREGULAR_GERUNDS[infinitive]
    return infinitive[:-3] + ("ando" if infinitive.endswith("are") else "endo")


def participle(infinitive: str) -> str:
    """The past participle in the masculine singular: "comprato", "letto"."""
    if infinitive in IRREGULAR_PARTICIPLES:
        return IRREGULAR_PARTICIPLES[infinitive]
    return infinitive[:-3] + {"are": "ato", "ere": "uto", "ire": "ito"}[infinitive[-3:]]


def _takes_lo(word: str) -> bool:
    return word.startswith(LONG_ARTICLE) or (word[0] == "s" and word[1] not in VOWELS)
