"""The sequences of calls, by service. Each makes what it needs and takes it away again."""

ALL = []


def sequence(name, *services):
    """Adds a sequence that calls these services (the first one is whom it is about)."""
    def add(run):
        ALL.append((name, services, run))
        return run
    return add


from . import dynamodb, neighbours, s3, sqs  # noqa: E402,F401
