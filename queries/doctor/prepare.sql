-- Give the transaction what suits statements that read whole tables: room to sort, and no compiling.
--
-- @role app_service
-- @step how doctor.examine begins
-- @budget buffers 8
select
    set_config('work_mem', '64MB', true),
    set_config('jit', 'off', true);
