"""What a command says: functions of what runs one and returns its status, stdout and stderr."""


def answer(run, *arguments):
    """Run a command that succeeds, and return what it prints."""
    status, out, err = run(*arguments)
    assert (status, err) == (0, "")
    return out


def refusal(run, *arguments):
    """Run a command that is refused, and return the one line that says why."""
    status, out, err = run(*arguments)
    (line,) = err.splitlines()
    assert (status, out) == (1, "")
    return line
