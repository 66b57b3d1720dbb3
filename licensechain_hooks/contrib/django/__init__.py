"""Django: an app with a view, its settings, signals and system checks.

Add ``"licensechain_hooks.contrib.django"`` to ``INSTALLED_APPS`` and include `urls` in the project's; see `conf` for
``settings.LICENSECHAIN_HOOKS``, `signals` for signals. Handlers stand in each app's ``webhooks.py``, which is imported
at start as ``admin.py`` is.
"""

try:
    import django  # noqa: F401
except ImportError as exc:
    msg = "this package needs Django: pip install 'licensechain-hooks[django]'"
    raise ImportError(msg) from exc
