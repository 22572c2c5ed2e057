"""How what stands in the outbox leaves the site. Nothing here writes to the database."""


class NotSent(Exception):
    """An attempt failed; its sentence is stored, so it names no person and no secret."""


class Hopeless(NotSent):
    """The other side will never take this one: there is no use in trying again."""


class Gone(Hopeless):
    """The receiver wants nothing any more."""
