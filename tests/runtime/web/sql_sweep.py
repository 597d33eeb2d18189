"""SQL strings sent to every place of some requests, beside the same requests with harmless strings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.runtime.web.attacked_requests import SEARCHED, Attacked, harmless_twin, shape_of
from tests.runtime.web.sql_strings import SQL_STRINGS
from tests.runtime.web.statement_log import Recorded, StatementLog
from tests.runtime.web.string_places import Path, Settled, Strings, Take

HARMLESS = Strings(tuple(f"harmless {number}" for number in range(1000)))
HOSTILE = Strings(SQL_STRINGS)

Check = Callable[[Attacked, Settled, dict[Path, Any]], None]


@dataclass
class Sweep:
    """One walk: through the requests with harmless strings, with hostile ones, and with harmless ones in exactly the places
    that took hostile ones. `new_show` makes a show and gives its name."""

    log: StatementLog
    new_show: Callable[[], str]
    rounds: int
    """So many of the strings get into each place, spread over all of them."""
    every_string: Sequence[str] = ()
    """The requests whose places get all of them."""
    cells: int = 0
    sent: set[str] = field(default_factory=set)
    """The strings that something took."""
    _marks: list[int] = field(default_factory=list)
    _ways: dict[tuple[Any, ...], tuple[Attacked, int, str]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def run(self, requests: Sequence[Attacked], check: Check) -> None:
        for step in (self._begin, lambda requests: self._attack(requests, check), self._follow):
            self._marks.append(self.log.mark())
            step(requests)
        self._marks.append(self.log.mark())

    @property
    def harmless(self) -> Recorded:
        return self.log.between(*self._marks[:2]) | self.log.between(*self._marks[2:])

    @property
    def hostile(self) -> Recorded:
        return self.log.between(*self._marks[1:3])

    def _begin(self, requests: Sequence[Attacked]) -> None:
        for request in requests:
            for turn in range(2):
                request.settle(self._harmless(request, turn))

    def _attack(self, requests: Sequence[Attacked], check: Check) -> None:
        for place, request in enumerate(requests):
            rounds = len(SQL_STRINGS) if request.name in self.every_string else self.rounds
            for turn in range(rounds):
                values = request.values(self._counted(17 * place + turn * (len(SQL_STRINGS) // rounds)), turn)
                result = request.settle(values)
                check(request, result, values)
                self.sent |= {str(values[path]) for path in result.taken}
                if result.taken:
                    text = str(values.get(SEARCHED, ""))
                    self._ways[request.name, result.taken, turn % 2, shape_of(text)] = (request, turn, text)

    def _follow(self, requests: Sequence[Attacked]) -> None:
        for (_, taken, _, _), (request, turn, text) in self._ways.items():
            harmless = self._harmless(request, turn)
            values = {path: harmless[path] for path in taken}
            harmless_twin(values, text, self.new_show)
            # Whatever took a hostile string takes a harmless one.
            assert request.settle(values).taken == taken, request.name

    def _harmless(self, request: Attacked, turn: int) -> dict[Path, Any]:
        return request.values(HARMLESS.take_from(next(self._numbers) * 40), turn)

    def _counted(self, place: int) -> Take:
        take = HOSTILE.take_from(place)

        def counted() -> str:
            self.cells += 1
            return take()

        return counted


def assert_nothing_new(hostile: Recorded, harmless: Recorded) -> None:
    """The same statements, understood in the same way, in no other order, and none that was no SQL or not allowed."""
    assert [new.text for new in hostile.statements - harmless.statements] == []
    assert hostile.orders <= harmless.orders
    # Syntax errors, names that are unknown, rights that are missing.
    assert {state for state in hostile.sqlstates if state.startswith("42")} == set()
