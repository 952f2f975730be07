"""A request through a control point and its answer."""

from profiles.exchange import SECONDS, Exchange, State


def exchange() -> Exchange:
    return Exchange(lambda answer: answer == "mine")


def test_the_answer_ends_it_and_others_do_not() -> None:
    asked = exchange()
    assert asked.came(1.0, "another's") is State.OPEN
    assert asked.came(2.0) is State.OPEN
    assert asked.came(3.0, "mine") is State.ANSWERED
    assert asked.came(99.0) is State.ANSWERED, "it is over"


def test_time_goes_by_with_what_comes() -> None:
    asked = exchange()
    assert asked.came(5.0) is State.OPEN
    assert asked.came(5.0 + SECONDS) is State.OPEN
    assert asked.came(5.1 + SECONDS, "another's") is State.OVERDUE
    assert asked.came(5.2 + SECONDS, "mine") is State.OVERDUE, "too late is no answer"


def test_silence_ends_it() -> None:
    asked = exchange()
    assert asked.silent() is State.OVERDUE
    answered = exchange()
    answered.came(1.0, "mine")
    assert answered.silent() is State.ANSWERED
