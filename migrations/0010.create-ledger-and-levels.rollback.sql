-- Loses the XP ledger. user_profiles.total_xp keeps its last sum, without the proof.

drop table xp_events;

drop table levels;
