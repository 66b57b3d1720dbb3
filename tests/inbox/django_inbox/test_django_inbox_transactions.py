"""`DjangoInbox` and transactions: the project's, and those of handlers."""

import pytest
from django_project.inboxes import DONE, EVERYTHING, atomic, claimed, connection_of, in_thread, states

from licensechain_hooks import ConfigurationError

pytest_plugins = ["django_project.support"]


def test_nothing_is_promised_inside_of_a_transaction(inbox):
    """In somebody's ``atomic`` a delivery is refused: it could be rolled back after it was acknowledged."""
    with atomic(inbox), pytest.raises(ConfigurationError, match="non_atomic_requests"):
        states(inbox, "evt_1")
    assert states(inbox, "evt_1") == ["new"]


@pytest.mark.parametrize("is_kept", [True, False])
def test_operators_take_part_in_a_transaction(inbox, is_kept):
    """What is replayed or given up inside of ``atomic``, as the admin works, is committed or rolled back with it."""
    from django.db import transaction

    states(inbox, "evt_1")
    with atomic(inbox):
        assert inbox.discard(EVERYTHING) == 1
        transaction.set_rollback(not is_kept, using=inbox.using)
    assert [entry.state for entry in inbox.entries(EVERYTHING)] == ["ignored" if is_kept else "received"]


def test_an_error_does_not_break_the_callers_transaction(inbox):
    """Inside of ``atomic`` the inbox has a savepoint: what fails in it leaves the rest as it was."""
    from django.db import IntegrityError
    from django_project.shop.models import Lock

    incomplete = "INSERT INTO licensechain_hooks_newest (handler) VALUES ('shop.lock')"
    with atomic(inbox):
        Lock.objects.using(inbox.using).create(license="lic_1")
        with pytest.raises(IntegrityError):
            inbox._run(lambda cursor: cursor.execute(incomplete, {}), atomic=True)
        assert inbox.count(EVERYTHING) == 0
    assert Lock.objects.using(inbox.using).count() == 1


def test_autocommit_has_to_be_on(inbox):
    """Without it nothing would be committed."""
    connection_of(inbox).set_autocommit(False)
    try:
        with pytest.raises(ConfigurationError, match="AUTOCOMMIT"):
            states(inbox, "evt_1")
        with pytest.raises(ConfigurationError, match="AUTOCOMMIT"):
            inbox.stats()
    finally:
        connection_of(inbox).rollback()
        connection_of(inbox).set_autocommit(True)


def test_a_handlers_writes_are_committed_with_its_row(inbox):
    """The ORM's writes, what ``on_commit`` waits for and the ledger come together."""
    from django.db import transaction
    from django_project.shop.models import Lock

    claim, seen = claimed(inbox), []
    with inbox.transaction(claim, DONE) as opened_transaction:
        Lock.objects.using(inbox.using).create(license="lic_1")
        transaction.on_commit(lambda: seen.append(inbox.ledger(claim.pk)), using=inbox.using)
        assert opened_transaction.connection is connection_of(inbox)
        assert in_thread(Lock.objects.using(inbox.using).count) == 0
    assert [row.handler for row in seen[0]] == ["shop.lock"]
    assert Lock.objects.using(inbox.using).count() == 1


def test_a_handlers_writes_are_rolled_back_with_its_row(inbox):
    """An error of any kind undoes both, and what the handler meant to do afterwards is not done."""
    from django.db import transaction
    from django_project.shop.models import Lock

    claim, seen = claimed(inbox), []
    with pytest.raises(LookupError), inbox.transaction(claim, DONE):  # noqa: PT012 - the transaction is what ends
        Lock.objects.using(inbox.using).create(license="lic_1")
        transaction.on_commit(lambda: seen.append("committed"), using=inbox.using)
        raise LookupError
    assert (seen, inbox.ledger(claim.pk), Lock.objects.using(inbox.using).count()) == ([], [], 0)


def test_a_handlers_own_error_of_the_database(inbox):
    """An error that the handler's query raises is the handler's, and goes on as it was."""
    from django.db import IntegrityError
    from django_project.shop.models import Lock

    claim = claimed(inbox)
    with pytest.raises(IntegrityError), inbox.transaction(claim, DONE):  # noqa: PT012
        Lock.objects.using(inbox.using).create(license="lic_1")
        Lock.objects.using(inbox.using).create(license="lic_1")
    assert inbox.ledger(claim.pk) == []


def test_a_handler_that_hides_an_error_of_the_database(inbox):
    """After an error that broke the transaction nothing is committed, though the handler went on."""
    from django.db import IntegrityError, transaction
    from django_project.shop.models import Lock

    claim = claimed(inbox)
    with pytest.raises(transaction.TransactionManagementError), inbox.transaction(claim, DONE):  # noqa: PT012
        try:
            with transaction.atomic(using=inbox.using, savepoint=False):
                Lock.objects.using(inbox.using).create(license="lic_1")
                Lock.objects.using(inbox.using).create(license="lic_1")
        except IntegrityError:
            pass
    assert (inbox.ledger(claim.pk), Lock.objects.using(inbox.using).count()) == ([], 0)


def test_a_router_and_another_database(inbox, settings):
    """What the project's router sends to the inbox's database is in the handler's transaction, without a word of it."""
    from django_project.shop.models import Lock

    class Router:
        def db_for_write(self, model, **_hints):
            return inbox.using

        db_for_read = db_for_write

    settings.DATABASE_ROUTERS = [Router()]
    claim = claimed(inbox)
    with pytest.raises(LookupError), inbox.transaction(claim, DONE):  # noqa: PT012 - the transaction is what ends
        Lock.objects.create(license="lic_1")
        raise LookupError
    assert Lock.objects.count() == 0
