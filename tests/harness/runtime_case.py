"""What every runtime must do with the exports that are made for it.

    class TestOnnx(RuntimeCase):
        format = "onnx"
        texts = classifiers.TEXTS
        saved = staticmethod(onnx_folders.plain)
        foreign = staticmethod(lambda: translators.saved().folder)

That each task says the same on each runtime stands in `task_case`.
"""

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.task_case import alike
from kerasft.errors import ConfigError, DataError, FolderError, KerasftError
from kerasft.exports.engines import make_export
from kerasft.folder import verify
from kerasft.folder.export_files import export_paths
from kerasft.folder.opened import open_saved
from kerasft.predict import Predictor
from kerasft.runtimes.registry import RUNTIMES
from kerasft.tasks import load

ODD = ["☃", "\u0000", "a" * 100_000, "مرحبا", "!!!", "\u200b", "[MASK] [SOS]", "日本"]
ALONE = """
import json, sys
from dataclasses import asdict
heavy = ["keras", "keras_hub", "torch", "tensorflow", "jax", "jaxlib", "transformers", "onnx"]
sys.modules.update(dict.fromkeys(heavy))  # whoever imports one of them fails
import kerasft.cli.serve, kerasft.serving.server
from kerasft.predict import Predictor
folder, engine, options, texts = json.load(sys.stdin)
found = [asdict(each) for each in Predictor(folder, engine, **options).predict(texts)]
print(json.dumps([[name for name in heavy if sys.modules[name]], found]))
"""


class RuntimeCase:
    """The tests of a runtime; a subclass says what it computes.

    Attributes:
        format: Its format in float32, as `--engine` calls it.
        texts: Texts that make a difference.
        odd: Texts that nobody writes.
        options: What the predictor is given.
        tolerance: How far scores may lie apart.
    """

    format: ClassVar[str]
    texts: ClassVar[list[str]]
    odd: ClassVar[list[str]] = ODD
    options: ClassVar[dict[str, object]] = {}
    tolerance: ClassVar[float] = 1e-4

    @staticmethod
    def saved() -> Path:
        """A saved folder without an export, made once a session."""
        raise AssertionError("say `saved = staticmethod(...)`")

    @staticmethod
    def foreign() -> Path:
        """A saved folder of a task that it cannot compute."""
        raise AssertionError("say `foreign = staticmethod(...)`")

    @pytest.fixture(scope="class")
    def exported(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A folder with its export."""
        folder = shutil.copytree(self.saved(), tmp_path_factory.mktemp(self.format) / "run")
        make_export(folder, self.format)
        return folder

    @pytest.fixture
    def folder(self, exported: Path, tmp_path: Path) -> Path:
        """A copy of it that may be changed."""
        return shutil.copytree(exported, tmp_path / "run")

    @pytest.fixture(scope="class")
    def predictor(self, exported: Path) -> Predictor:
        return Predictor(exported, self.format, **self.options)

    def results(self, predictor: Predictor, texts: list[str]) -> list[dict[str, Any]]:
        return [asdict(each) for each in predictor.predict(texts)]

    def test_odd_texts_are_as_with_keras(self, exported, predictor):
        expected = self.results(Predictor(exported, "keras", **self.options), self.odd)
        assert alike(self.results(predictor, self.odd), expected, self.tolerance)
        for text in (3, None, b"bytes", "\ud800"):
            with pytest.raises(DataError, match="text 1"):
                predictor.predict(["good", text])

    def test_order_is_kept_and_neighbours_do_not_matter(self, predictor):
        together = self.results(predictor, self.texts)
        order = np.random.default_rng(0).permutation(len(self.texts))
        shuffled = self.results(predictor, [self.texts[row] for row in order])
        assert alike(shuffled, [together[row] for row in order], self.tolerance)
        alone = [self.results(predictor, [text])[0] for text in self.texts]
        assert alike(alone, together, self.tolerance)
        assert predictor.predict([]) == []

    def test_an_export_is_made_again_in_place_of_the_old(self, folder):
        before = verify(folder)
        assert {*export_paths([self.format])} <= set(before.files)
        assert make_export(folder, self.format) == verify(folder)
        assert verify(folder).exports == before.exports

    def test_a_changed_or_missing_file_is_refused_by_its_name(self, folder):
        for name in export_paths([self.format]):
            good = (folder / name).read_bytes()
            (folder / name).write_bytes(good[:-3] + bytes([good[-3] ^ 1]) + good[-2:])
            with pytest.raises(FolderError, match=f"{name} was changed after it was saved"):
                open_saved(folder, self.format)
            (folder / name).unlink()
            with pytest.raises(FolderError, match=f"{name} is missing"):
                open_saved(folder, self.format)
            (folder / name).write_bytes(good)
        open_saved(folder, self.format)

    def test_a_folder_without_an_export_says_how_to_make_it(self):
        with pytest.raises(FolderError, match=f"has no export {self.format}; .*{self.saved()}"):
            open_saved(self.saved(), self.format)

    def test_a_model_that_computes_nan_is_not_exported(self, tmp_path, monkeypatch):
        folder = shutil.copytree(self.saved(), tmp_path / "run")
        runtime = RUNTIMES[self.format]
        write = runtime.write

        def broken(made, place):
            for weight in made.model.weights[-2:]:
                weight.assign(weight * float("nan"))
            return write(made, place)

        monkeypatch.setattr(runtime, "write", broken)
        with pytest.raises(KerasftError, match=r"by nan|NaN"):
            make_export(folder, self.format)
        assert verify(folder).exports == {}

    def test_a_missing_package_is_one_sentence(self, exported, monkeypatch):
        runtime = RUNTIMES[self.format]
        monkeypatch.setitem(sys.modules, runtime.package, None)
        with pytest.raises(ConfigError, match=rf"pip install 'kerasft\[{runtime.extra}\]'"):
            Predictor(exported, self.format)

    def test_a_task_that_it_cannot_compute_is_refused(self):
        with pytest.raises(ConfigError, match=f"--engine {self.format} cannot run"):
            Predictor(self.foreign(), self.format)
        with pytest.raises(ConfigError, match=f"no export for --engine {self.format}"):
            make_export(self.foreign(), self.format)
        assert load(self.foreign()).model is not None  # it is whole

    def test_neither_keras_nor_a_backend_is_imported(self, exported, predictor, run_python):
        question = json.dumps([str(exported), self.format, self.options, self.texts])
        done = run_python("-c", ALONE, input=question, env={"KERAS_BACKEND": ""})
        assert done.returncode == 0, done.stderr
        heavy, found = json.loads(done.stdout)
        assert heavy == []
        expected = json.loads(json.dumps(self.results(predictor, self.texts)))
        assert alike(found, expected, self.tolerance)
