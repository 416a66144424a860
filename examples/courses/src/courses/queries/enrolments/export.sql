-- What a learner is enrolled in, for users.export.
select
    'enrolments' as section,
    json_build_object('course', courses.title, 'enrolled_at', enrolments.enrolled_at)::text as item
from enrolments
inner join courses on courses.id = enrolments.course_id
where enrolments.user_id = %(user_id)s
order by enrolments.enrolled_at, enrolments.course_id;
