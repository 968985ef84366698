"""Wiring: the environment, Django, Celery, the database and the log, put together once per process."""
