-- Set what suits statements that read whole tables: more memory for sorting, and no JIT.
--
-- @role app_service
-- @step the first step of doctor.examine
-- @budget buffers 8
select
    set_config('work_mem', '64MB', true),
    set_config('jit', 'off', true);
