-- The ids of a learner's courses.
select enrolments.course_id
from enrolments
where enrolments.user_id = %(user_id)s
order by enrolments.course_id;
