"""What is counted of sales."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from allocation.models import Purchase, TicketOption
from allocation.tests.factories import PurchaseFactory, TicketOptionFactory

pytestmark = pytest.mark.django_db


def test_options_are_counted_with_what_is_left_of_them():
    assert TicketOption.objects.in_numbers() == {"options": 0, "to_be_had": 0, "left": 0}
    PurchaseFactory(option=TicketOptionFactory(allocation=10), quantity=3)
    PurchaseFactory(option=TicketOptionFactory(allocation=2), quantity=2)
    assert TicketOption.objects.in_numbers() == {"options": 2, "to_be_had": 1, "left": 7}


def test_what_was_bought_today_is_told_from_what_was_before():
    today, before = PurchaseFactory(), PurchaseFactory()
    Purchase.objects.filter(pk=before.id).update(created_at=Now() - timedelta(days=2))
    assert [purchase.pk for purchase in Purchase.objects.made_today()] == [today.id]


def test_today_is_found_through_the_index():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Purchase.objects.made_today().explain()
    assert "allocation_purchase_by_age" in plan
    assert "Index Cond" in plan
