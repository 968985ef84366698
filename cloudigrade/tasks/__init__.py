"""The Celery face of the services: translate, call one, queue what comes next."""
