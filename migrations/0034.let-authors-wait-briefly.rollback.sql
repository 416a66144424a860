-- Loses no rows. The query files of before do not call these functions.

drop function wait_briefly();

drop function hold_off_learners(uuid);
