"""One test for each rule, over all its cases."""

import pytest


def each_case(cases):
    """Run a test for every case: one test for each rule, which names the case that failed.

    A test of its own for each of thousands of cases would cost more than the cases do.
    """
    rules = {}
    for case in cases:
        rules.setdefault(case.rule, []).append(case)

    def decorate(function):
        @pytest.mark.parametrize("rule", rules)
        def test(rule):
            for case in rules[rule]:
                try:
                    function(case)
                except Exception as error:
                    error.add_note(f"in the case {case.name}")
                    raise

        test.__name__, test.__doc__ = function.__name__, function.__doc__
        return test

    return decorate
