-- A page of a learner's ledger of XP, the latest first, with the name of what paid. A deleted source has no name.
--
-- @drafts the skill has paid, whether its tree is published or not
-- @sample after_granted_at: null
-- @sample after_id: null
-- @budget buffers 100
-- @never Seq Scan on xp_events
with payment as (
    select
        xp_events.id,
        xp_events.source_kind,
        xp_events.source_id,
        xp_events.xp,
        xp_events.granted_at,
        xp_events.granted_on
    from xp_events
    where
        xp_events.user_id = %(user_id)s
        and (
            %(after_granted_at)s::timestamptz is null
            or (xp_events.granted_at, xp_events.id) < (%(after_granted_at)s, %(after_id)s::uuid)
        )
    order by xp_events.granted_at desc, xp_events.id desc
    limit %(limit)s
)

select
    payment.id,
    payment.source_kind,
    payment.source_id,
    coalesce(skills.name, achievements.name) as name,
    payment.xp,
    payment.granted_at,
    payment.granted_on
from payment
left join skills on payment.source_kind = 'SKILL' and payment.source_id = skills.id
left join achievements on payment.source_kind = 'ACHIEVEMENT' and payment.source_id = achievements.id
order by payment.granted_at desc, payment.id desc;
