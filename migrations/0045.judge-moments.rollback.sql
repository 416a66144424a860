-- Takes back the judgement of moments. No data is lost.

drop function judge_moment(timestamptz, timestamptz);

drop function late_window();
