"""The shop as people's browsers see it: with the files of the admin, and an answer for icons, which a web server has."""

from config.wsgi import application
from django.contrib.staticfiles.handlers import StaticFilesHandler

_site = StaticFilesHandler(application)


def app(environ, start_response):
    """The WSGI application."""
    if environ["PATH_INFO"] == "/favicon.ico":
        start_response("204 No Content", [])
        return []
    return _site(environ, start_response)
