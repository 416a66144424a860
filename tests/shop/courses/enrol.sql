-- Enrol a learner.
insert into enrolments (user_id, course_id)
values (%(user_id)s, %(course_id)s)
returning enrolments.user_id, enrolments.course_id;
