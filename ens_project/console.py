"""What several programs write, as one stream of lines that say whose they are."""

from dataclasses import dataclass, field
from typing import BinaryIO

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)
LONGEST_LINE_BYTES = 65_536


@dataclass
class Console:
    """Writes prefixed lines. `deserted` turns true when the reader has gone (`make run | head`)."""

    stream: BinaryIO
    coloured: bool = False
    name_width: int = 8
    deserted: bool = False
    _colours: dict[str, int] = field(default_factory=dict)

    def write_line(self, name: str, line: bytes) -> None:
        prefix = f"{name:<{self.name_width}} | "
        if self.coloured:
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self.write(prefix.encode() + line + b"\n")

    def write(self, text: bytes) -> None:
        if self.deserted:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            self.deserted = True


@dataclass
class LineBuffer:
    """Cuts a stream of bytes into lines; one without an end is cut at 64 KiB."""

    unfinished: bytes = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, without their ends."""
        *lines, self.unfinished = (self.unfinished + chunk).split(b"\n")
        if len(self.unfinished) > LONGEST_LINE_BYTES:
            lines.append(self.take_rest())
        return lines

    def take_rest(self) -> bytes:
        """What came after the last line end."""
        rest, self.unfinished = self.unfinished, b""
        return rest
