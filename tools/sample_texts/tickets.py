"""Writes kerasft/data/samples/tickets.csv: tickets to a software company, with several labels.

    python -m tools.sample_texts.tickets

A ticket says something of each of its labels, in sentences written by hand with slots; some also
mention a subject that is not theirs (`ASIDE`), so that its words alone do not tell.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

from tools.sample_texts.writing import Deck, filled, sentence

FILE = Path(__file__).parent.parent.parent / "kerasft" / "data" / "samples" / "tickets.csv"
ROWS = 480
# How many labels a ticket has, and how often.
NUMBERS = {0: 0.1, 1: 0.42, 2: 0.35, 3: 0.13}
SHARES = {
    "access": 1.2,
    "billing": 1.3,
    "bug": 1.6,
    "how to": 1.0,
    "performance": 1.0,
    "request": 1.1,
    "security": 0.6,
    "urgent": 0.8,
}

WORDS = {
    "part": [
        "calendar",
        "report page",
        "export",
        "dashboard",
        "mobile app",
        "search",
        "inbox",
        "contact list",
        "file upload",
        "time sheet",
        "map view",
        "desktop client",
    ],
    "who": [
        "my colleague",
        "our accountant",
        "a new hire",
        "half of the team",
        "the intern",
        "our office in Leeds",
        "my manager",
        "one of our customers",
        "the night shift",
    ],
    "when": [
        "since Monday",
        "since the update",
        "as of this morning",
        "for three days now",
        "ever since we moved",
        "since about noon",
        "for a week",
    ],
    "sum": ["£48", "$120", "89 euros", "1,150 francs", "$19.90", "£310"],
    "month": ["March", "October", "last month", "the second quarter", "January"],
    "deadline": [
        "Friday noon",
        "the audit on Tuesday",
        "the end of the day",
        "tomorrow's launch",
        "the board meets at four",
        "payroll runs tonight",
    ],
    "browser": ["Firefox", "Safari", "Edge", "an old tablet", "Chrome on Linux"],
    "thing": ["invoices", "photos", "appointments", "customers", "orders", "notes", "drawings"],
}
SAYS = {
    "access": [
        "{who} cannot sign in {when}",
        "the password reset mail never arrives",
        "I am locked out after two wrong attempts",
        "the {part} says that I lack permission",
        "please give {who} the rights of an editor",
        "single sign-on sends me round in circles",
        "my old phone is gone and with it the code for the second step",
        "{who} was removed from the workspace and has to get back in",
        "the invitation link has expired before {who} could click it",
        "it keeps telling me that no such user exists",
        "how come I see the {part} but may not open it",
        "after the merger our accounts stand under two addresses and neither opens",
        "I type what I have typed for years and it says wrong",
        "nobody here is an administrator any more, so nobody can let {who} in",
    ],
    "billing": [
        "we were charged {sum} twice in {month}",
        "the invoice for {month} lacks our tax number",
        "I should like {sum} back",
        "you still bill us for seats that we gave up",
        "the card on file has expired, where do I put the new one",
        "our discount is missing from the bill of {month}",
        "what exactly are the {sum} on line three for",
        "please send the receipt for {month} again",
        "we downgraded and yet paid the old price",
        "we would rather pay by bank transfer",
        "the amount on the quote and the amount that you took are {sum} apart",
        "{who} needs last year's statements as one file",
        "can we change to paying once a year",
        "I cancelled in {month} and the money keeps leaving my account",
    ],
    "bug": [
        "the {part} closes by itself as soon as I scroll",
        "saving throws error 500 {when}",
        "the {part} shows every entry twice",
        "dates jump by one day when I edit them",
        "in {browser} the buttons of the {part} do nothing",
        "totals are wrong by a cent",
        "the {part} forgets what I typed when I switch tabs",
        "umlauts in names of {thing} come out as question marks",
        "sorting {thing} by date sorts them by name",
        "the {part} freezes on a white page {when}",
        "deleted {thing} come back after a while",
        "the PDF has an empty second page",
        "notifications for {thing} arrive three times each",
        "since your last release the {part} ignores the filter",
        "pasting from a spreadsheet loses the last row",
    ],
    "how to": [
        "how do I move {thing} from one project to another",
        "where can I see who changed what",
        "is there a way to print the {part} on one page",
        "what is the difference between a team and a group",
        "could you explain how to import {thing}",
        "I could not find in the manual how to undo a merge",
        "which of the settings decides who sees the {part}",
        "can somebody walk {who} through the first steps",
        "how do I turn off the sounds",
        "what do I click to share the {part} with people outside",
        "is it possible to have two time zones side by side, and where",
        "how does one archive {thing} without deleting them",
        "I am new here and do not understand what the {part} is for",
    ],
    "performance": [
        "the {part} takes a minute to load {when}",
        "typing lags behind by whole words",
        "everything crawls between nine and ten",
        "the {part} used to be instant, now I fetch coffee meanwhile",
        "opening a project with many {thing} takes forever",
        "pages load so slowly that {who} gave up",
        "the export of 200 {thing} runs for hours",
        "my fan howls as soon as the {part} is open",
        "in {browser} it is quick, in your app it takes ages",
        "search needs twenty seconds per word",
        "scrolling stutters with more than a few hundred {thing}",
        "the more {thing} we have, the longer each click takes",
    ],
    "request": [
        "it would be wonderful if the {part} had a dark mode",
        "please add keyboard shortcuts to the {part}",
        "we miss a way to tag {thing}",
        "could a later version remember the last filter",
        "an API for {thing} would save us hours",
        "I wish that I could drag {thing} between columns",
        "have you thought of a widget for the {part}",
        "our wish for next year: {thing} with reminders",
        "any chance of a version in Portuguese",
        "let us choose the colors of {thing} ourselves",
        "it should be possible to comment on {thing}, which it is not today",
        "a weekly summary by mail would be a great addition",
        "we would pay for an add-on that signs {thing} electronically",
    ],
    "security": [
        "somebody from abroad seems to have opened {who}'s account",
        "I got a mail in your name that asks for my card number, is it real",
        "a stranger's {thing} appear in our workspace",
        "the link to the {part} opens without any sign-in",
        "please delete all data that you hold on {who}, as the law says",
        "I see in the log an export that none of us made",
        "where are our {thing} stored, and who of yours can read them",
        "a laptop with an open session was stolen, end all sessions",
        "our auditor asks whether {thing} are encrypted at rest",
        "{who} left in anger and may still have a key to the API",
        "the {part} showed me another company's names for a second",
    ],
    "urgent": [
        "this has to work by {deadline}",
        "we cannot ship a single order until this is solved",
        "please call me at once, {deadline}",
        "the whole shop stands still",
        "every hour of this costs us customers",
        "I need an answer within the hour",
        "do not put this in the queue, we go live today",
        "{who} is waiting on the phone while I write",
        "there are forty people in the room and nothing runs",
        "it cannot wait until after the weekend",
    ],
}
# Of what a ticket is not about: to be used where it has not that label.
ASIDE = {
    "access": [
        "signing in works, in case you ask",
        "yes, I am an administrator",
        "I did reset my password, that is not it",
    ],
    "billing": [
        "I saw that the invoice is right this time, thank you",
        "we are on the yearly plan, if that matters",
        "the price is fair, no complaint there",
    ],
    "bug": ["nothing is broken, mind you", "the crash of last week is gone, by the way"],
    "how to": ["I have read the manual", "I know how it is meant to be done"],
    "performance": ["speed is fine", "it is as fast as ever, at least"],
    "request": ["I am not asking for anything new", "no new feature needed"],
    "security": ["no data has leaked, as far as we can see", "no harm was done"],
    "urgent": [
        "no hurry at all",
        "whenever you find the time",
        "this is not pressing",
        "next week is early enough",
    ],
}
NOTHING = [
    "thank you, all is well again",
    "please close this ticket",
    "{who} says hello from the fair",
    "just to let you know that we are happy with the {part}",
    "our office is closed until Monday",
    "you may forget my mail from this morning",
    "the answer of yesterday helped a lot",
    "I only wanted to try whether this address works",
    "best wishes for the new year to all of you",
    "we will come back to you when {who} is here again",
    "consider this done from our side",
    "many thanks to whoever answered {who} so kindly",
    "see the attached file, no action needed",
]
OPENINGS = ["hello", "good morning", "hi there", "dear support", "hi", "to whom it may concern"]
CLOSINGS = ["thanks", "thank you in advance", "kind regards", "cheers", "regards, Ines", "Tom"]
LINKS = ["", "", "also, ", "besides, ", "and another thing: ", "on top of that, ", "and "]


def tickets(rows: int = ROWS, seed: int = 11) -> list[tuple[str, str]]:
    """The rows: a text, and its labels parted by ";", always the same ones."""
    rng = random.Random(seed)
    says = {label: Deck(phrases, rng) for label, phrases in SAYS.items()}
    nothing = Deck(NOTHING, rng)
    found: dict[str, tuple[str, str]] = {}
    while len(found) < rows:
        text, labels = _ticket(says, nothing, rng)
        found.setdefault(text.casefold(), (text, ";".join(sorted(labels))))
    return list(found.values())


def _ticket(says: dict[str, Deck], nothing: Deck, rng: random.Random) -> tuple[str, set[str]]:
    number = rng.choices(list(NUMBERS), list(NUMBERS.values()))[0]
    labels: list[str] = []
    while len(labels) < number:
        (label,) = rng.choices(list(SHARES), list(SHARES.values()))
        labels += [] if label in labels else [label]
    if labels == ["urgent"]:  # what is urgent is so for a reason
        labels.append(rng.choice(["access", "bug", "performance"]))
    phrases = [says[label].draw() for label in labels] or [nothing.draw()]
    if rng.random() < 0.35:
        other = rng.choice([label for label in ASIDE if label not in labels])
        phrases.insert(rng.randrange(1, len(phrases) + 1), rng.choice(ASIDE[other]))
    parts = [sentence(filled(phrases[0], WORDS, rng))]
    parts += [sentence(rng.choice(LINKS) + filled(each, WORDS, rng)) for each in phrases[1:]]
    if rng.random() < 0.3:
        parts.insert(0, sentence(rng.choice(OPENINGS)).replace(".", ","))
        parts[1] = parts[1][0].lower() + parts[1][1:] if parts[1][:2] != "I " else parts[1]
    if rng.random() < 0.25:
        parts.append(sentence(rng.choice(CLOSINGS)))
    text = " ".join(parts)
    return (text.lower() if rng.random() < 0.12 else text), set(labels)


def write(file: Path = FILE) -> None:
    """Writes the sample."""
    with open(file, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([("text", "labels"), *tickets()])


if __name__ == "__main__":
    write()
