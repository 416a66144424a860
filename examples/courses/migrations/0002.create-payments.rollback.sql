-- Loses all payments and enrolments.

drop table enrolments;

drop table payments;
