-- A change that is one statement has its entry, outcome included, in the transaction of that statement: one row instead of two.
alter table audit drop constraint audit_check1;
alter table audit add constraint audit_status check (kind = 'change' or status is not null);
