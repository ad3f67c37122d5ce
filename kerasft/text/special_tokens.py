"""Special and added tokens, which a tokenizer finds in the raw text before all else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import tokenizers
from tokenizers import AddedToken

from kerasft.errors import PresetError

ROLES = (
    *("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"),
)
"""What transformers calls the roles of special tokens, in the order in which it adds them."""


@dataclass(frozen=True)
class SpecialTokens:
    """The tokens of a checkpoint that stand for more than a piece of text.

    Attributes:
        roles: Role, one of `ROLES`, -> token.
        added: Tokens with their own rules of matching, special or not, in id order.
        extra: Special tokens without a role.
    """

    roles: Mapping[str, AddedToken]
    added: tuple[AddedToken, ...] = field(default=())
    extra: tuple[AddedToken, ...] = field(default=())

    @classmethod
    def of(cls, names: Mapping[str, str]) -> Self:
        """Those of some roles, by their names."""
        return cls({role: AddedToken(names[role], special=True) for role in ROLES if role in names})

    def name(self, role: str) -> str | None:
        """The token of a role; None where there is none."""
        token = self.roles.get(role)
        return None if token is None else token.content

    def needed(self, role: str) -> str:
        """The token of a role without which a tokenizer of its kind cannot be.

        Raises:
            PresetError: There is none.
        """
        name = self.name(role)
        if name is None:
            raise PresetError(f"the tokenizer has no {role}; name one in tokenizer_config.json")
        return name

    def add_to(self, backend: tokenizers.Tokenizer) -> None:
        """Makes a tokenizer know them; those that its vocabulary lacks get the next free ids."""
        named = {token.content for token in self.roles.values()}
        tokens: dict[str, AddedToken] = {}
        for token in (*self.added, *self.roles.values(), *self.extra):
            token.special = token.special or token.content in named
            tokens.setdefault(token.content, token)
        backend.add_tokens(list(tokens.values()))

    def found(self, backend: tokenizers.Tokenizer, role: str) -> tuple[str, int]:
        """The token of a role and its id in a tokenizer that knows it.

        Raises:
            PresetError: There is no such token.
        """
        token = self.needed(role)
        index = backend.token_to_id(token)
        assert index is not None  # `add_to` gave it one
        return token, index
