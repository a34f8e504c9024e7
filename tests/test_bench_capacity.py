"""`reactor.bench.capacity`: the highest rate, and who bounded it."""

from reactor.bench.capacity import find
from reactor.load import Histogram, Result


class Generator:
    """A server that keeps 1,000 requests a second; and, above `own_bound`, is late itself."""

    def __init__(self, own_bound=1e9):
        self.ready = {"connections": 64}
        self.own_bound = own_bound

    def run(self, seconds, rate):
        due = int(rate * seconds)
        late = rate > 1000
        latency = Histogram()
        latency.record(50_000_000 if late else 1_000_000)
        return Result(
            requests=due, errors={}, first_error=None, wall_s=seconds, cpu_s=seconds / 2,
            core_wait_s=0.0, bytes=0,
            missed=due // 10 if rate > self.own_bound else 0, waited=0, unsent=0, late_s=0.0,
            latency=latency, uncorrected=latency,
        )  # fmt: skip


def test_the_highest_rate_is_found_and_each_trial_is_told():
    found = find("reactor", Generator(), bound_s=0.005, first=300.0, seconds=1.0)
    assert 950 <= found.rate <= 1000
    assert (found.verdict, found.why) == ("VALID", None)
    assert max(one.rate for one in found.trials if one.kept) == found.rate
    assert all(one.kept == (one.p99_s <= 0.005) for one in found.trials)
    assert (found.connections, found.bound_s) == (64, 0.005)


def test_a_bound_of_the_generator_is_called_one():
    found = find("reactor", Generator(own_bound=1000.0), bound_s=0.005, first=300.0, seconds=1.0)
    assert found.verdict == "GENERATOR-BOUND"
    assert "requests late: it may keep more" in found.why


def test_a_bound_that_no_rate_keeps_gives_none():
    found = find("reactor", Generator(), bound_s=0.0001, first=300.0, seconds=1.0)
    assert found.rate == 0
    assert not any(one.kept for one in found.trials)
