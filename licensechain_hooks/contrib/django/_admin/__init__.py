"""What the admin is made of; see `licensechain_hooks.contrib.django.admin`."""
