"""Django's database backend for PostgreSQL; what it is asked most it may keep, and kept connections are looked at."""

import select

from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that was kept is asked whether it is alive only if the server has said something or gone.

    Django asks at each request, which takes as long as any other statement. A server that ends, or ends the
    connection, closes it, and that can be seen without asking.
    """

    def prepared_cursor(self) -> CursorWrapper:
        """A cursor whose statements the server keeps, read and planned, once they were asked a few times.

        Only where `prepare_threshold` is set; elsewhere it does as others do. For statements whose plan suits all
        values: it is made without looking at them.
        """
        self.ensure_connection()
        with self.wrap_database_errors:
            cursor = base.ServerBindingCursor(self.connection)  # type: ignore[call-arg]  # not in the stubs
        wrapped: CursorWrapper = self._prepare_cursor(cursor)  # type: ignore[attr-defined]  # likewise
        return wrapped

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
