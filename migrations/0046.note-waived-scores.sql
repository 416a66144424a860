-- That a skill was completed below the passing score of its assessments, or without any: the owner and the service may,
-- a learner may not.

alter table user_skill_progress add column passing_score_waived boolean not null default false;

call audit_table('user_skill_progress', 'user_id', 'skill_id', '{last_activity_at}');
