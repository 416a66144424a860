-- Raise all prices.
--
-- @role app_service
update courses set price = courses.price + %(by)s;
