-- Takes back the note of waived passing scores. Which completions were let through is lost, but for the audit trail.

alter table user_skill_progress drop column passing_score_waived;

call audit_table('user_skill_progress', 'user_id', 'skill_id', '{last_activity_at}');
