-- What learners have paid, and what they are enrolled in. An erased learner's payments stay for the books, without the
-- learner.

create table payments (
    id uuid not null,
    user_id uuid,
    course_id uuid not null,
    cents integer not null,
    currency text not null,
    paid_at timestamptz not null default now(),
    constraint payments_pkey primary key (id),
    constraint payments_user_id_fkey foreign key (user_id) references users (id) on delete restrict,
    constraint payments_course_id_fkey foreign key (course_id) references courses (id) on delete restrict,
    constraint payments_cents_positive check (cents > 0),
    constraint payments_currency_form check (currency ~ '^[A-Z]{3}$')
);

create index idx_payment_user on payments (user_id, paid_at);

create index idx_payment_course on payments (course_id);

create table enrolments (
    user_id uuid not null,
    course_id uuid not null,
    payment_id uuid not null,
    enrolled_at timestamptz not null default now(),
    constraint enrolments_pkey primary key (user_id, course_id),
    constraint enrolments_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint enrolments_course_id_fkey foreign key (course_id) references courses (id) on delete restrict,
    constraint enrolments_payment_id_fkey foreign key (payment_id) references payments (id) on delete restrict
);

create index idx_enrolment_course on enrolments (course_id);

create index idx_enrolment_payment on enrolments (payment_id);

alter table payments enable row level security, force row level security;

alter table enrolments enable row level security, force row level security;

create policy payments_own on payments for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy payments_service on payments for all to app_service using (true) with check (true);

create policy enrolments_own on enrolments for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy enrolments_service on enrolments for all to app_service using (true) with check (true);

grant select, insert on payments, enrolments to app_user;

grant update, delete on payments, enrolments to app_service;
