"""How a question looks: at a robot's files, noting what it looked at, what it could not look at, and what it found."""

from collections.abc import Iterator, Sequence

from wachhund.inspection.finding import Answer, Finding
from wachhund.judge.wording import shown
from wachhund.robot_tree.files import CannotLook, Files, Place

MAX_PROOF = 40  # pieces of one finding; what is more is counted
MAX_BELOW = 20_000  # places below one folder


def proof_of(lines: Sequence[str]) -> tuple[str, ...]:
    """A finding's proof, which may hold a robot's text: made fit to be shown, and what is more is counted."""
    told = tuple(shown(one, 300) for one in lines[:MAX_PROOF])
    return told if len(lines) <= MAX_PROOF else (*told, f"and {len(lines) - MAX_PROOF} more")


class Look:
    """One question's look. What is missing is no fault; what can't be looked at is told as missed."""

    def __init__(self, files: Files, name: str, question: str) -> None:
        self._files, self._name, self._question = files, name, question
        self._findings: list[Finding] = []
        self._looked: dict[str, None] = {}
        self._missed: dict[str, None] = {}

    def lines(self, path: str) -> list[str] | None:
        """A text's lines; None when it is not there or can't be read."""
        data = self.content(path)
        return None if data is None else data.decode("utf-8", "backslashreplace").splitlines()

    def content(self, path: str) -> bytes | None:
        """A file's content; None when it is not there or can't be read."""
        try:
            found = self._files.read(path)
        except CannotLook as error:
            self.missed(str(error))
            return None
        self.looked(path)
        return found

    def place(self, path: str) -> Place | None:
        """What stands there; None when nothing, or when it can't be looked at."""
        try:
            found = self._files.place(path)
        except CannotLook as error:
            self.missed(str(error))
            return None
        self.looked(path)
        return found

    def names(self, path: str) -> list[str]:
        """The names in a folder."""
        try:
            found = self._files.names(path)
        except CannotLook as error:
            self.missed(str(error))
            return []
        self.looked(path)
        return found

    def below(self, path: str, depth: int = 8) -> Iterator[tuple[str, Place]]:
        """Every place below a folder."""
        try:
            yield from self._files.below(path, depth, MAX_BELOW)
        except CannotLook as error:
            self.missed(str(error))
        self.looked(path)

    def real(self, path: str) -> str:
        """The place with its links followed, as far as it can be."""
        try:
            return self._files.real(path) or path
        except CannotLook:
            return path

    def looked(self, what: str) -> None:
        """This was looked at, whether or not it is there."""
        self._looked[shown(what, 200)] = None

    def missed(self, what: str) -> None:
        """This could not be looked at, and why."""
        self._missed[what] = None

    def found(
        self, name: str, level: str, title: str, proof: Sequence[str], means: str, fix: Sequence[str], recheck: str,
        references: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Note a finding. Proof may hold a robot's text: it is made fit to be shown here."""
        self._findings.append(
            Finding(name, level, title, proof_of(proof), means, tuple(fix), recheck, tuple(references))
        )  # fmt: skip

    def answer(self) -> Answer:
        """The question's answer."""
        return Answer(self._name, self._question, tuple(self._findings), tuple(self._looked), tuple(self._missed))
