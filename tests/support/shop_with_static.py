"""The shop as a WSGI server serves it, with the admin's own files, which otherwise a web server has."""

from config.wsgi import application
from django.contrib.staticfiles.handlers import StaticFilesHandler

app = StaticFilesHandler(application)
