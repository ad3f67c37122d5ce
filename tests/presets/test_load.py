"""Which kind of source a string names."""

import pytest

from kerasft.architectures import ENCODERS
from kerasft.errors import PresetError
from kerasft.presets import load_preset
from kerasft.presets.wrapped_names import unwrapped_names


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        ("./missing", "there is no directory"),
        ("missing/deep/down", "there is no directory"),
        ("~/surely/missing", "there is no directory"),
        ("two words", "there is no directory"),
        ("s3://bucket/model", "there is no directory"),
        ("", "there is no directory"),
        (__file__, "is a file; give the directory"),
    ],
)
def test_impossible_strings_are_one_sentence(preset, words):
    with pytest.raises(PresetError) as caught:
        load_preset(preset)
    assert words in str(caught.value) and repr(preset) in str(caught.value)


def test_the_choices_are_named():
    with pytest.raises(PresetError, match=r"Hub id .*KerasHub preset name.* minilm"):
        load_preset("./missing")


def test_an_empty_directory_is_no_preset(tmp_path):
    with pytest.raises(PresetError, match=r"has no config\.json"):
        load_preset(str(tmp_path))


def test_a_name_that_the_hub_refuses_is_one_sentence():
    with pytest.raises(PresetError, match="neither a directory nor a possible name"):
        load_preset("owner/--name--")


@pytest.mark.any_backend
@pytest.mark.parametrize("family", ENCODERS.values(), ids=ENCODERS)
def test_the_name_of_a_module_that_holds_a_model_comes_off(family):
    for front in ("", family.prefix):
        name = f"{front}{family.token_table}.weight"
        for holder in ("net.", "" if family.prefix == "model." else "model."):
            names, said = unwrapped_names([f"module.{holder}{name}"], "a file")
            assert names == {name: f"module.{holder}{name}"} and "'module.'" in (said or "")
