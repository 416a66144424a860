-- Record a payment.
insert into payments (user_id, id, course_id, amount, note)
values (%(user_id)s, %(id)s, %(course_id)s, %(amount)s, %(note)s)
returning payments.id, payments.amount;
