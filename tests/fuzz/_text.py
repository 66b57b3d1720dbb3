"""Inputs as text that a fuzzer can mutate and a person can read: a line, headers, an empty line, and the body."""

from dataclasses import dataclass

__all__ = ["Message", "read_message"]


@dataclass(frozen=True)
class Message:
    """An input, taken apart.

    Attributes:
        words: of its first line.
        headers: names and values, as raw bytes.
        body: all after the first empty line.
    """

    words: list[bytes]
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def word(self, number: int) -> bytes:
        """A word of the first line; empty where it has not so many."""
        return self.words[number] if number < len(self.words) else b""


def read_message(data: bytes) -> Message:
    """Any bytes, taken apart."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    headers = [(name, value.removeprefix(b" ")) for name, _, value in (line.partition(b":") for line in lines)]
    return Message(first.split(), headers, body)
