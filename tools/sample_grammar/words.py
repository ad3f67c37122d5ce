"""The words of the sample grammar: who does what with which things, where and when."""

from __future__ import annotations

from dataclasses import dataclass

from tools.sample_grammar import italian


@dataclass(frozen=True)
class Noun:
    """A thing.

    Attributes:
        english: Singular, without article.
        english_plural: Plural; "" for what cannot be counted (bread).
        italian: Singular, without article.
        italian_plural: Plural; "" likewise.
        gender: "m" or "f".
        adjectives: English adjectives that suit it, keys of `ADJECTIVES` ("beautiful" only as in
            "the dress is beautiful": before a noun, bello has forms of its own).
    """

    english: str
    english_plural: str
    italian: str
    italian_plural: str
    gender: str
    adjectives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """Who acts.

    Attributes:
        english: As the subject of an English sentence.
        italian: The same in Italian; "" where the verb's form says it (io, tu, noi).
        person: 0 io, 1 tu, 2 lui or lei, 3 noi, 5 loro.
        gender: "m" or "f", for participles and adjectives.
        dative: To whom something is pleasing: "mi", "gli", or "a mio padre".
    """

    english: str
    italian: str
    person: int
    gender: str
    dative: str

    @property
    def plural(self) -> bool:
        """Whether adjectives and participles stand in the plural."""
        return self.person >= 3

    @property
    def pronoun(self) -> bool:
        """Whether English has a pronoun here, which contracts with "be"."""
        return self.english in ("I", "you", "he", "she", "we", "they")

    @property
    def third(self) -> bool:
        """Whether English verbs take -s."""
        return self.person == 2


@dataclass(frozen=True)
class Verb:
    """A verb with a direct object.

    Attributes:
        english: Base form.
        english_s: Third person singular.
        english_ing: Present participle.
        english_past: Past tense.
        italian: Infinitive.
        objects: English nouns that suit it, keys of `NOUNS`.
        places: Where it is done, keys of `PLACES`; may be empty.
        tenses: Which tenses make sense: h(abit), p(rogressive), y(esterday), m(odal).
        habitual: Which determiners its objects take in a habit: "a", "the", "my" or "bare".
        single: Which they take when it is done once: "a" (and two, some), "the" (with adjectives
            too), "my", "this". One never writes "the old letter", nor buys "my mirror".
    """

    english: str
    english_s: str
    english_ing: str
    english_past: str
    italian: str
    objects: tuple[str, ...]
    places: tuple[str, ...] = ()
    tenses: str = "hpym"
    habitual: tuple[str, ...] = ("the", "my")
    single: tuple[str, ...] = ("a", "the", "my", "this")


@dataclass(frozen=True)
class Place:
    """A place: the phrase for being there, going there and coming from there."""

    english: str
    at: tuple[str, str]
    to: str = ""
    out_of: str = ""


def _place(english: str, noun: str, gender: str, at: str, english_at: str = "at the") -> Place:
    """A place whose Italian prepositions all contract with its article."""
    article = italian.definite(noun, gender)
    return Place(
        english=f"the {english}",
        at=(f"{english_at} {english}", italian.contract(at, article) + noun),
        to=italian.contract("a", article) + noun,
        out_of=italian.contract("da", article) + noun,
    )


ADJECTIVES = {
    "red": "rosso",
    "black": "nero",
    "white": "bianco",
    "green": "verde",
    "new": "nuovo",
    "old": "vecchio",
    "small": "piccolo",
    "big": "grande",
    "beautiful": "bello",
}
# Stands in front of its noun: un vecchio libro, but un libro nuovo.
BEFORE_NOUN = {"old"}
MOODS = {
    "tired": "stanco",
    "happy": "contento",
    "ill": "malato",
    "tall": "alto",
    "young": "giovane",
    "angry": "arrabbiato",
    "ready": "pronto",
    "sad": "triste",
}
# English is, Italian has.
STATES = {
    "hungry": "fame",
    "thirsty": "sete",
    "cold": "freddo",
    "sleepy": "sonno",
    "right": "ragione",
    "afraid": "paura",
    "in a hurry": "fretta",
}

_CLOTHES = ("red", "black", "white", "green", "new", "old", "beautiful")
_GOODS = ("red", "black", "white", "new", "old", "small", "big")
_ROOM = ("new", "old", "small", "big", "white")
_PAPER = ("new", "old", "small", "big")
NOUNS = {
    noun.english: noun
    for noun in (
        Noun("apple", "apples", "mela", "mele", "f", ("red", "green", "small", "big")),
        Noun("orange", "oranges", "arancia", "arance", "f", ("small", "big")),
        Noun("cake", "cakes", "torta", "torte", "f", ("small", "big")),
        Noun("flower", "flowers", "fiore", "fiori", "m", ("red", "white", "beautiful")),
        Noun("book", "books", "libro", "libri", "m", _PAPER),
        Noun("newspaper", "newspapers", "giornale", "giornali", "m", ("new", "old")),
        Noun("letter", "letters", "lettera", "lettere", "f", ("new", "old")),
        Noun("ticket", "tickets", "biglietto", "biglietti", "m", ("new", "old")),
        Noun("picture", "pictures", "quadro", "quadri", "m", ("beautiful", *_PAPER)),
        Noun("umbrella", "umbrellas", "ombrello", "ombrelli", "m", _GOODS),
        Noun("backpack", "backpacks", "zaino", "zaini", "m", _GOODS),
        Noun("bag", "bags", "borsa", "borse", "f", _GOODS),
        Noun("suitcase", "suitcases", "valigia", "valigie", "f", _GOODS),
        Noun("key", "keys", "chiave", "chiavi", "f", ("new", "old", "small")),
        Noun("shirt", "shirts", "camicia", "camicie", "f", _CLOTHES),
        Noun("dress", "dresses", "vestito", "vestiti", "m", _CLOTHES),
        Noun("car", "cars", "macchina", "macchine", "f", _GOODS),
        Noun("bicycle", "bicycles", "bicicletta", "biciclette", "f", _GOODS),
        Noun("house", "houses", "casa", "case", "f", _ROOM),
        Noun("door", "doors", "porta", "porte", "f", ("red", "green", *_ROOM)),
        Noun("window", "windows", "finestra", "finestre", "f", _ROOM),
        Noun("chair", "chairs", "sedia", "sedie", "f", _GOODS),
        Noun("mirror", "mirrors", "specchio", "specchi", "m", ("new", "old", "small", "big")),
        Noun("dog", "dogs", "cane", "cani", "m", ("black", "white", "small", "big", "old")),
        Noun("cat", "cats", "gatto", "gatti", "m", ("black", "white", "small", "big", "old")),
        Noun("bread", "", "pane", "", "m"),
        Noun("fish", "", "pesce", "", "m"),
        Noun("meat", "", "carne", "", "f"),
        Noun("cheese", "", "formaggio", "", "m"),
        Noun("rice", "", "riso", "", "m"),
        Noun("fruit", "", "frutta", "", "f"),
        Noun("ice cream", "", "gelato", "", "m"),
        Noun("water", "", "acqua", "", "f"),
        Noun("wine", "", "vino", "", "m"),
        Noun("milk", "", "latte", "", "m"),
        Noun("coffee", "", "caffè", "", "m"),
    )
}
# Only "the train" and "the bus": one takes them and waits for them.
VEHICLES = {
    "train": Noun("train", "trains", "treno", "treni", "m"),
    "bus": Noun("bus", "buses", "autobus", "autobus", "m"),
}

# What one buys, eats or reads one of again and again; nobody buys a bicycle every morning.
DAILY = {"apple", "orange", "cake", "flower", "book", "newspaper", "letter", "ticket"}

PLACES = {
    "kitchen": Place("the kitchen", ("in the kitchen", "in cucina")),
    "home": Place("home", ("at home", "a casa"), "a casa"),
    "garden": Place("the garden", ("in the garden", "in giardino")),
    "library": Place("the library", ("in the library", "in biblioteca"), "in biblioteca", ""),
    "school": Place("school", ("at school", "a scuola"), "a scuola", "da scuola"),
    "restaurant": _place("restaurant", "ristorante", "m", "a"),
    "market": _place("market", "mercato", "m", "a"),
    "supermarket": _place("supermarket", "supermercato", "m", "a"),
    "station": _place("station", "stazione", "f", "a"),
    "airport": _place("airport", "aeroporto", "m", "a"),
    "stadium": _place("stadium", "stadio", "m", "a"),
    "shop": _place("shop", "negozio", "m", "in", "in the"),
    "park": _place("park", "parco", "m", "in", "in the"),
    "train": _place("train", "treno", "m", "su", "on the"),
    "doctor": Place("the doctor", ("at the doctor's", "dal medico"), "dal medico", ""),
}
GOALS = (
    *("home", "library", "school", "restaurant", "market", "supermarket", "station", "airport"),
    *("stadium", "shop", "park", "doctor"),
)
ORIGINS = ("school", "restaurant", "market", "supermarket", "station", "airport", "stadium", "park")

# Where a thing lies.
SPOTS = {
    "on the table": "sul tavolo",
    "on the chair": "sulla sedia",
    "under the bed": "sotto il letto",
    "in the backpack": "nello zaino",
    "in the suitcase": "nella valigia",
    "in the closet": "nell'armadio",
    "in the kitchen": "in cucina",
    "in the garden": "in giardino",
    "behind the door": "dietro la porta",
    "near the window": "vicino alla finestra",
}
SMALL_THINGS = (
    *("apple", "orange", "cake", "flower", "book", "newspaper", "letter", "ticket", "umbrella"),
    *("bag", "key", "shirt", "dress", "cat", "dog", "backpack", "mirror"),
)

HABITS = {
    "every day": "ogni giorno",
    "every morning": "ogni mattina",
    "every evening": "ogni sera",
    "on Sundays": "la domenica",
}
FREQUENCIES = {"often": "spesso", "always": "sempre"}
PASTS = {
    "yesterday": "ieri",
    "this morning": "stamattina",
    "last night": "ieri sera",
    "last week": "la settimana scorsa",
    "on Monday": "lunedì",
}

# "You" is one person and a friend (tu); I, you, we and they are masculine where an ending chooses.
SUBJECTS = (
    Subject("I", "", 0, "m", "mi"),
    Subject("you", "", 1, "m", "ti"),
    Subject("he", "lui", 2, "m", "gli"),
    Subject("she", "lei", 2, "f", "le"),
    Subject("we", "", 3, "m", "ci"),
    Subject("they", "loro", 5, "m", "a loro"),
    Subject("my father", "mio padre", 2, "m", "a mio padre"),
    Subject("my mother", "mia madre", 2, "f", "a mia madre"),
    Subject("my brother", "mio fratello", 2, "m", "a mio fratello"),
    Subject("my sister", "mia sorella", 2, "f", "a mia sorella"),
    Subject("the boy", "il ragazzo", 2, "m", "al ragazzo"),
    Subject("the girl", "la ragazza", 2, "f", "alla ragazza"),
    Subject("the teacher", "l'insegnante", 2, "m", "all'insegnante"),
    Subject("the student", "lo studente", 2, "m", "allo studente"),
    Subject("Anna", "Anna", 2, "f", "ad Anna"),
    Subject("Paolo", "Paolo", 2, "m", "a Paolo"),
    Subject("my parents", "i miei genitori", 5, "m", "ai miei genitori"),
    Subject("the children", "i bambini", 5, "m", "ai bambini"),
    Subject("my sisters", "le mie sorelle", 5, "f", "alle mie sorelle"),
    Subject("the girls", "le ragazze", 5, "f", "alle ragazze"),
    Subject("the students", "gli studenti", 5, "m", "agli studenti"),
    Subject("our neighbors", "i nostri vicini", 5, "m", "ai nostri vicini"),
)

_FOOD = ("bread", "fish", "meat", "cheese", "rice", "fruit", "ice cream")
_TREATS = ("apple", "orange", "cake")
_DRINKS = ("water", "wine", "milk", "coffee")
_CARRIED = ("key", "umbrella", "ticket", "book", "bag", "suitcase", "backpack")
VERBS = (
    Verb(
        *("eat", "eats", "eating", "ate", "mangiare", (*_TREATS, *_FOOD)),
        places=("kitchen", "home", "restaurant", "garden", "park"),
        habitual=("a", "bare"),
    ),
    Verb(
        *("drink", "drinks", "drinking", "drank", "bere", _DRINKS),
        places=("kitchen", "home", "restaurant", "train"),
        habitual=("bare",),
    ),
    Verb(
        *("buy", "buys", "buying", "bought", "comprare"),
        (*_TREATS, *_FOOD, *_DRINKS, "flower", "book", "newspaper", "ticket", "umbrella", "shirt",
         "dress", "bag", "mirror", "bicycle"),
        places=("market", "supermarket", "shop"),
        single=("a", "the", "this"),
        habitual=("a", "bare"),
    ),
    Verb(
        *("read", "reads", "reading", "read", "leggere", ("book", "newspaper", "letter")),
        places=("library", "train", "garden", "home", "park", "school"),
        habitual=("a", "the"),
    ),
    Verb(
        *("write", "writes", "writing", "wrote", "scrivere", ("letter",)),
        places=("library", "school", "home", "train"),
        habitual=("a",),
        single=("a",),
    ),
    Verb(
        *("cook", "cooks", "cooking", "cooked", "cucinare", ("fish", "meat", "rice")),
        places=("kitchen", "home"),
        habitual=("bare",),
    ),
    Verb(
        *("wash", "washes", "washing", "washed", "lavare"),
        ("shirt", "dress", "car", "window", "dog", "bicycle"),
    ),
    Verb(
        *("look for", "looks for", "looking for", "looked for", "cercare"),
        ("key", "ticket", "umbrella", "bag", "cat", "dog", "letter", "backpack"),
        places=("home", "garden", "park", "station"),
        tenses="pym",
    ),
    Verb(
        *("open", "opens", "opening", "opened", "aprire"),
        ("door", "window", "letter", "suitcase", "umbrella", "bag", "backpack"),
    ),
    Verb(
        *("close", "closes", "closing", "closed", "chiudere"),
        ("door", "window", "book", "suitcase", "bag", "backpack"),
    ),
    Verb(
        *("sell", "sells", "selling", "sold", "vendere"),
        ("car", "house", "bicycle", "picture", "chair", "mirror", "dog"),
        tenses="pym",
    ),
    Verb(*("forget", "forgets", "", "forgot", "dimenticare", _CARRIED), tenses="hy"),
    Verb(
        *("take", "takes", "taking", "took", "prendere", ("train", "bus")),
        habitual=("the",),
    ),
    Verb(
        *("wait for", "waits for", "waiting for", "waited for", "aspettare", ("train", "bus")),
        places=("station",),
        habitual=("the",),
    ),
)  # fmt: skip
