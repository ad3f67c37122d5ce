"""A Hugging Face hub on the loopback interface with tiny data sets: what `datasets` asks for."""

import hashlib
import http.server
import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

import pyarrow
import pyarrow.parquet

COMMIT = "a" * 40
TOKEN = "hf_secret"

# The features of a class-label column, as `push_to_hub` writes them into a data set's card.
CARD = """---
dataset_info:
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': neg
          '1': pos
---
"""


def parquet(**columns: list) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def data(**columns: list) -> dict[str, bytes]:
    """The files of a data set with a train and a test part."""
    return {
        "data/train-00000-of-00001.parquet": parquet(**columns),
        "data/test-00000-of-00001.parquet": parquet(**columns),
    }


CONFIGURATIONS = b"""---
configs:
- config_name: first
  data_files:
  - {split: train, path: first/train.parquet}
- config_name: second
  data_files:
  - {split: train, path: second/train.parquet}
---
"""
TEXTS = ["all good", "all bad", "good", "bad"]

# Translations as OPUS has them on the hub; the first configuration declares the feature.
TRANSLATIONS = [
    {"en": "Hi.", "it": "Ciao."},
    {"en": "", "it": "Niente."},
    {"en": " Two\nlines.", "it": "Due."},
    {"en": "Nothing.", "it": None},
]
BOOKS = """---
configs:
- {config_name: en-it, data_files: en-it.parquet}
- {config_name: plain, data_files: plain.parquet}
- {config_name: silent, data_files: silent.parquet}
- {config_name: strings, data_files: strings.parquet}
- {config_name: numbers, data_files: numbers.parquet}
dataset_info:
- config_name: en-it
  features:
  - name: translation
    dtype:
      translation:
        languages: [en, it]
---
"""
# Sentences with entities, as CoNLL-2003 stands on the hub: numbers whose names the card holds.
TAGS_CARD = """---
dataset_info:
  features:
  - name: tokens
    list: string
  - name: ner_tags
    list:
      class_label:
        names:
          '0': O
          '1': B-PER
          '2': I-PER
          '3': B-LOC
---
"""
TOKENS = [["Ann", "Lee", "left"], [], ["Rome", "fell"]]


def tagged(*parts: str, tokens: list = TOKENS, **columns: list) -> dict[str, bytes]:
    """The files of a data set with these parts, all with the same sentences."""
    return {
        f"data/{part}-00000-of-00001.parquet": parquet(tokens=tokens, **columns) for part in parts
    }


DATASETS: dict[str, dict[str, bytes]] = {
    "some/entities": {
        "README.md": TAGS_CARD.encode(),
        **tagged("train", "validation", "test", ner_tags=[[1, 2, 0], [], [3, 0]]),
    },
    "some/iob1": tagged("train", "dev", tags=[["I-PER", "I-PER", "O"], [], ["I-LOC", "O"]]),
    "some/nameless": tagged("train", ner_tags=[[1, 2, 0], [], [3, 0]]),
    "some/uneven": tagged("train", ner_tags=[["O", "O"], [], ["O", "O"]]),
    "some/flat": tagged("train", ner_tags=["O", "O", "O"]),
    "some/blank": tagged("train", tokens=[["a", " "]], ner_tags=[["O", "O"]]),
    "some/wrong": tagged("train", tokens=[["a", "b"]], ner_tags=[["O", "PER"]]),
    "some/untrained": tagged("test", ner_tags=[["O", "O", "O"], [], ["O", "O"]]),
    "some/reviews": {"README.md": CARD.encode(), **data(text=TEXTS, label=[1, 0, 1, 0])},
    "some/strings": data(text=TEXTS, label=["yes", "no", " yes ", "no"]),
    "some/numbers": data(text=TEXTS, label=[5, 3, 5, 3]),
    "some/unlabelled": {"README.md": CARD.encode(), **data(text=TEXTS, label=[1, -1, -1, 0])},
    "some/nothing": data(text=["x", None], label=["a", "b"]),
    "some/lists": data(text=TEXTS, label=[["a"], ["b"], ["a"], ["b"]]),
    "some/counts": data(text=[1, 2], label=["a", "b"]),
    "some/parts": {
        "data/dev-00000-of-00001.parquet": parquet(text=TEXTS, label=TEXTS),
        "data/exam-00000-of-00001.parquet": parquet(text=TEXTS, label=TEXTS),
    },
    "some/languages": {
        "README.md": CONFIGURATIONS,
        "first/train.parquet": parquet(text=["one"], label=["a"]),
        "second/train.parquet": parquet(text=["two"], label=["b"]),
    },
    "some/books": {
        "README.md": BOOKS.encode(),
        "en-it.parquet": parquet(translation=TRANSLATIONS),
        "plain.parquet": parquet(translation=TRANSLATIONS),
        "silent.parquet": parquet(translation=TRANSLATIONS[1:2]),
        "strings.parquet": parquet(translation=["Hi."]),
        "numbers.parquet": parquet(translation=[{"en": 1, "it": 2}]),
    },
    "some/script": {"script.py": b"import datasets\n"},
    "some/broken": {"data/train-00000-of-00001.parquet": b"PAR1 this is no parquet PAR1"},
    "some/empty": {"README.md": b"nothing here\n"},
    "some/private": data(text=TEXTS, label=["a", "b", "a", "b"]),
}


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(self.path.split("?")[0])
        name = re.match(r"/(?:api/)?datasets/([^/]+/[^/]+)", path)
        if name and name[1] == "some/gated":
            return self.answer(403, X_Error_Code="GatedRepo")
        if name and name[1] == "some/trouble":
            return self.answer(500)
        if (
            name
            and name[1] == "some/private"
            and TOKEN not in self.headers.get("Authorization", "")
        ):
            return self.answer(401, X_Error_Code="RepoNotFound")
        files = DATASETS.get(name[1]) if name else None
        if name is None or files is None:
            return self.answer(404, X_Error_Code="RepoNotFound")
        rest = path[name.end() :]
        if path.startswith("/datasets/"):
            return self.resolve(files, rest.removeprefix("/resolve/").partition("/")[2])
        if rest == "" or rest.startswith("/revision/"):
            content: object = {
                "id": name[1],
                "sha": COMMIT,
                "private": False,
                "gated": False,
                "disabled": False,
                "tags": [],
                "lastModified": "2024-01-01T00:00:00.000Z",
                "siblings": [{"rfilename": file} for file in files],
            }
        elif rest.startswith("/tree/"):
            under = rest.removeprefix("/tree/").partition("/")[2]
            content = [entry(file, files) for file in files if file.startswith(under)]
            folders = sorted({file.split("/")[0] for file in files if "/" in file and not under})
            content += [folder(path) for path in folders]
        else:  # paths-info
            asked = json.loads(body)["paths"]
            content = [entry(file, files) for file in asked if file in files]
            content += [folder(p) for p in asked if any(f.startswith(p + "/") for f in files)]
        return self.answer(200, json.dumps(content).encode(), Content_Type="application/json")

    def resolve(self, files: dict[str, bytes], file: str) -> None:
        if file not in files:
            return self.answer(404, X_Repo_Commit=COMMIT, X_Error_Code="EntryNotFound")
        etag = f'"{hashlib.sha1(files[file]).hexdigest()}"'
        return self.answer(200, files[file], X_Repo_Commit=COMMIT, ETag=etag)

    do_GET = do_HEAD = do_POST = handle_any


def entry(path: str, files: dict[str, bytes]) -> dict[str, object]:
    oid = hashlib.sha1(files[path]).hexdigest()
    return {"type": "file", "path": path, "size": len(files[path]), "oid": oid}


def folder(path: str) -> dict[str, object]:
    return {"type": "directory", "path": path, "oid": "0" * 40, "size": 0}


@contextmanager
def serve() -> Iterator[str]:
    """Runs the hub in a thread; gives its address, for HF_ENDPOINT."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
