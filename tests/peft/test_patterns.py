import json
import re
import time
from pathlib import Path

import pytest

from kerasft.errors import ConfigError
from kerasft.peft.patterns import compile_pattern
from kerasft.peft.peft_config import PeftConfig
from kerasft.peft.targets import matches

HANGS = "(.*)*(.*)*(.*)*x$"
NAME = "bert.encoder.layer.10.attention.self.query"


def config(**fields) -> PeftConfig:
    fields = {"peft_type": "LORA", "target_modules": ["query"], **fields}
    return PeftConfig.read(Path("adapter"), json.dumps(fields).encode())


def test_patterns_that_never_come_back_in_python_come_back() -> None:
    names = [NAME.replace("10", str(layer)) for layer in range(100)]
    begin = time.monotonic()
    greedy = config(
        target_modules=HANGS, exclude_modules=r"(a+)+(a+)+\d", rank_pattern={HANGS: 2},
        alpha_pattern={f"(?:{HANGS[:-1]})*y": 3, "query|(.*)*": 5}, modules_to_save=[HANGS],
    )  # fmt: skip
    layered = config(layers_to_transform=[10], layers_pattern=["(?:.*)*(.*)*x", "layer"])
    assert not any(greedy.targets(name) for name in names)
    assert {greedy.settings(name).alpha for name in names} == {5}
    assert [name for name in names if layered.targets(name)] == [NAME]
    assert not any(matches(HANGS, name.replace(".", "/")) for name in names)
    assert time.monotonic() - begin < 1


@pytest.mark.parametrize(
    "pattern",
    [
        "query",
        r".*\.layer\.(?:9|1\d)\..*",
        re.escape(NAME),
        "^bert.encoder.layer.10.attention.self.query",
        r"layer\.10\..*",
        "query|key",
        r"(?:.*?(?:self|attn).*?(?:query|q_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.(?:mlp))",
        "[a-z]+",
    ],
)
def test_matches_are_those_of_python(pattern: str) -> None:
    for name in (NAME, NAME.replace("10", "9"), NAME.replace("query", "key"), "classifier", ""):
        compiled = compile_pattern(pattern)
        assert bool(compiled.fullmatch(name)) == bool(re.fullmatch(pattern, name))
        by_pattern = config(rank_pattern={pattern: 3}).settings(name).rank == 3
        assert by_pattern == bool(re.match(rf"(.*\.)?({pattern})$", name))


@pytest.mark.parametrize(
    "pattern", ["(", "a{2,1}", "(?=a)", r"(a)\1", "\ud800", "(?:a{500}){500}", "x" * 10**6]
)
def test_what_cannot_be_matched_is_one_short_sentence(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"is no valid regular expression|is too large") as caught:
        compile_pattern(pattern)
    assert len(str(caught.value)) < 300
