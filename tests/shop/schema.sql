-- The tables of a small shop of courses, beside SkillTree's.
create table courses (
    id uuid constraint courses_pkey primary key,
    tree_id uuid not null constraint courses_tree_id_fkey references skill_trees (id),
    title text not null constraint courses_title_length check (length(title) between 1 and 100),
    price int not null
);

create table payments (
    user_id uuid not null constraint payments_user_id_fkey references users (id),
    id uuid not null,
    course_id uuid not null constraint payments_course_id_fkey references courses (id),
    amount int not null,
    note text,
    paid_at timestamptz not null default now(),
    constraint payments_pkey primary key (user_id, id)
);

create table enrolments (
    user_id uuid not null constraint enrolments_user_id_fkey references users (id) on delete cascade,
    course_id uuid not null constraint enrolments_course_id_fkey references courses (id),
    enrolled_at timestamptz not null default now(),
    constraint enrolments_pkey primary key (user_id, course_id)
);

alter table courses enable row level security;
create policy courses_read on courses for select to app_user using (true);
create policy courses_service on courses for all to app_service using (true) with check (true);
alter table payments enable row level security;
create policy payments_own on payments for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);
create policy payments_service on payments for all to app_service using (true) with check (true);
alter table enrolments enable row level security;
create policy enrolments_own on enrolments for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);
create policy enrolments_service on enrolments for all to app_service using (true) with check (true);
grant select on courses to app_user;
grant select, insert, update, delete on payments, enrolments to app_user;
grant select, insert, update, delete on courses, payments, enrolments to app_service;
