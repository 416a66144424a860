-- Loses nothing.

do $$
begin
    if to_regprocedure('public.uuidv7()') is not null then
        alter function public.uuidv7() parallel safe;
    end if;
end
$$;
