from quayside.http.metrics import Metrics
from quayside.version import __version__


def test_applications_do_not_share_numbers() -> None:
    first, second = Metrics(), Metrics()

    first.request("v2", "GET", 200, 0.01)

    labels = {"door": "v2", "method": "GET", "status": "200"}
    assert first.registry.get_sample_value("quayside_requests_total", labels) == 1
    assert second.registry.get_sample_value("quayside_requests_total", labels) is None


def test_statements_are_counted_and_slow_ones_again() -> None:
    metrics = Metrics()

    for elapsed_ms in (1.0, 100.0, 101.0):
        metrics.statement(elapsed_ms)

    number = metrics.registry.get_sample_value
    assert number("quayside_statements_total") == 3
    assert number("quayside_slow_statements_total") == 1
    assert number("quayside_statement_seconds_total") == 0.202


def test_jobs_are_counted_by_kind_and_outcome() -> None:
    metrics = Metrics()

    metrics.job("blob.collect", "done")
    metrics.job("blob.collect", "failed")

    number = metrics.registry.get_sample_value
    assert number("quayside_jobs_total", {"kind": "blob.collect", "outcome": "done"}) == 1
    assert number("quayside_jobs_total", {"kind": "blob.collect", "outcome": "failed"}) == 1


def test_the_version_is_in_the_metrics() -> None:
    lines = Metrics().exposition().decode().splitlines()

    assert f'quayside_build_info{{version="{__version__}"}} 1.0' in lines
