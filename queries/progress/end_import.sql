-- Make room for another import in the same transaction.
--
-- @role app_service
-- @after progress/begin_import
drop table pg_temp.imported_progress;
