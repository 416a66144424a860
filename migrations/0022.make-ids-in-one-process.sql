-- Before PostgreSQL 18, `uuidv7()` is our function in PL/pgSQL. It may not run in a parallel plan: each step of a
-- volatile function begins a command, which is refused there after a change in the same command. PostgreSQL never plans
-- that, but a distributed server (Citus) does.
--
-- @compatible

do $$
begin
    if to_regprocedure('public.uuidv7()') is not null then
        alter function public.uuidv7() parallel unsafe;
    end if;
end
$$;
