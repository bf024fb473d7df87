-- Entries that were written meanwhile stay as they are: append-only.
alter table audit drop constraint audit_status;
alter table audit add constraint audit_check1 check ((kind = 'change') = (status is null)) not valid;
