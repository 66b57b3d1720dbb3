"""What people do with deliveries and with an inbox, whatever command line they do it by.

``licensechain-hooks`` and ``manage.py`` say the same words and do the same; here is what both need: no terminal, no
framework.
"""
