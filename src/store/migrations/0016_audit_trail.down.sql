-- Lost: the whole audit trail. Copy it before (pipectl audit list -o json, with a --limit beyond the number of entries). What eventLogs shows stays.
drop function do_not_wait();
drop function ensure_audit_partitions();
drop function guard_audit_table(regclass);
drop table audit;
drop function refuse_audit_change();
drop sequence audit_id;
