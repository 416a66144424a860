-- The courses of the shop: each sells a tree.

create table courses (
    id uuid not null default uuidv7(),
    skill_tree_id uuid not null,
    title text not null,
    price_cents integer not null,
    created_at timestamptz not null default now(),
    constraint courses_pkey primary key (id),
    constraint courses_skill_tree_id_fkey foreign key (skill_tree_id) references skill_trees (id) on delete restrict,
    constraint courses_title_given check (btrim(title) <> ''),
    constraint courses_price_cents_positive check (price_cents > 0)
);

create index idx_course_tree on courses (skill_tree_id);

alter table courses enable row level security, force row level security;

-- Everybody sees what is for sale. Only the service changes it.
create policy courses_read on courses for select to app_user using (true);

create policy courses_service on courses for all to app_service using (true) with check (true);

grant select on courses to app_user;

grant insert, update, delete on courses to app_service;
