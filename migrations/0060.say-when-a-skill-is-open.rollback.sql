-- Loses two definitions only.

drop view unsatisfied_skills;

drop view skill_work;
