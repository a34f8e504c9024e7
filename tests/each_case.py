"""One test for each group of cases, over all cases of the group."""

import inspect

import pytest


def each_case(cases, by, name=str):
    """Run a test for every case: one test for each group, ``by(case)``.

    The function's first parameter is the case; others are fixtures, which the cases of a group
    share. All cases are tried, and each that fails is named: the error of one alone is raised as
    it is, those of several together. A test of its own for each of thousands of cases would cost
    more than the cases do.
    """
    groups = {}
    for case in cases:
        groups.setdefault(by(case), []).append(case)

    def decorate(function):
        def test(group, **fixtures):
            errors = [*failures(function, groups[group], name, fixtures)]
            if len(errors) > 1:
                raise ExceptionGroup(f"{len(errors)} of {len(groups[group])} cases fail", errors)
            for error in errors:
                raise error

        parameters = ["group", *list(inspect.signature(function).parameters)[1:]]
        test.__signature__ = inspect.Signature(
            [
                inspect.Parameter(parameter, inspect.Parameter.KEYWORD_ONLY)
                for parameter in parameters
            ]
        )
        test.__name__, test.__doc__ = function.__name__, function.__doc__
        return pytest.mark.parametrize("group", groups, ids=str)(test)

    return decorate


def failures(function, cases, name, fixtures):
    for case in cases:
        try:
            function(case, **fixtures)
        except Exception as error:
            error.add_note(f"in the case {name(case)}")
            yield error
