"""docs/architectures.md: the families and sizes that it names, by the published configurations."""

import re
from pathlib import Path

import pytest

from kerasft.architectures import ENCODERS, config_to_arguments
from kerasft.architectures.registry import MODEL_TYPES

pytestmark = pytest.mark.any_backend

PAGE = (Path(__file__).parents[2] / "docs" / "architectures.md").read_text("utf-8")
FILES = {"deberta-v2": "deberta_v2"}  # where a family's file has another name than transformers'
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072}  # fmt: skip
LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
         "intermediate_size": 4096}  # fmt: skip
BEHIND_PADDING = {"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
V3 = {"vocab_size": 128100, "relative_attention": True, "position_buckets": 256,
      "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": "p2c|c2p",
      "max_relative_positions": -1, "position_biased_input": False, "type_vocab_size": 0,
      "layer_norm_eps": 1e-7}  # fmt: skip
PUBLISHED = [
    ("base 109 M", {"model_type": "bert", **BASE}),
    ("large 334 M", {"model_type": "bert", **LARGE}),
    ("66 M", {"model_type": "distilbert"}),
    ("base 124 M", {"model_type": "roberta", "vocab_size": 50265, **BASE, **BEHIND_PADDING}),
    ("large 354 M", {"model_type": "roberta", "vocab_size": 50265, **LARGE, **BEHIND_PADDING}),
    ("base 277 M", {"model_type": "xlm-roberta", "vocab_size": 250002, **BASE, **BEHIND_PADDING}),
    ("small 13 M", {"model_type": "electra", "embedding_size": 128, "hidden_size": 256,
                    "num_hidden_layers": 12, "num_attention_heads": 4, "intermediate_size": 1024}),
    ("base 109 M", {"model_type": "electra", "embedding_size": 768, **BASE}),
    ("base 11 M", {"model_type": "albert", "vocab_size": 30000, "embedding_size": 128, **BASE}),
    ("base 109 M", {"model_type": "mpnet", "vocab_size": 30527, **BASE,
                    "max_position_embeddings": 514}),
    ("small 141 M", {"model_type": "deberta-v2", **BASE, **V3, "num_hidden_layers": 6}),
    ("base 184 M", {"model_type": "deberta-v2", **BASE, **V3}),
    ("base 149 M", {"model_type": "modernbert"}),
    ("large 395 M", {"model_type": "modernbert", "hidden_size": 1024, "num_hidden_layers": 28,
                     "num_attention_heads": 16, "intermediate_size": 2624}),
]  # fmt: skip


def rows(heading: str) -> list[list[str]]:
    """The cells of the table that begins so."""
    lines = PAGE[PAGE.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_table_has_each_family_and_what_it_reads():
    table = {row[0].strip(" `|"): re.findall(r"`([\w-]+)`", row[1]) for row in rows("| family |")}
    assert table == {
        FILES.get(family.name, family.name): [family.name, *family.model_types]
        for family in sorted(
            ENCODERS.values(), key=lambda each: list(table).index(FILES.get(each.name, each.name))
        )
    }
    names = rows("| Hub id |")
    assert len(names) == 30 and {row[1].strip(" `|") for row in names} == set(table)


@pytest.mark.parametrize(("size", "config"), PUBLISHED, ids=str)
def test_sizes_and_longest_texts_are_those_of_the_published_models(size, config):
    name, arguments = config_to_arguments(config)
    assert name == MODEL_TYPES[config["model_type"]].name
    (row,) = [row for row in rows("| family |") if row[0].strip("` |") == FILES.get(name, name)]
    assert size in row[3] and int(size.split()[-2]) == round(arguments.parameter_count / 1e6)
    assert int(row[4]) == arguments.max_length
