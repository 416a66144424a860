-- Make room for another import in the same transaction.
--
-- @role app_service
-- @after progress/begin_import
-- @step how import_rows ends
drop table pg_temp.imported_progress;
