"""Django's database backend for PostgreSQL, whose kept connections are looked at before they are asked."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that was kept is asked whether it is alive only if the server has said something or gone.

    Django asks at each request, which takes as long as any other statement. A server that ends, or ends the
    connection, closes it, and that can be seen without asking.
    """

    def close_if_health_check_failed(self) -> None:
        """A connection that the server has ended is closed, so that the next statement opens another."""
        if self._is_silent():
            return
        super().close_if_health_check_failed()

    def _is_silent(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        line = select.poll()
        line.register(self.connection.fileno(), select.POLLIN)
        return not line.poll(0)
